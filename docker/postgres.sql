-- The database of compose.yaml: the service's own user and table, and a user for the agent that reads and no more.
CREATE EXTENSION pg_stat_statements;
CREATE USER shop;
CREATE TABLE orders (number int NOT NULL, at timestamptz NOT NULL DEFAULT now());
GRANT INSERT ON orders TO shop;
CREATE USER soak;
GRANT pg_monitor TO soak;
