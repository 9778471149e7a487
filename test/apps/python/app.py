"""An application in another language, with drivers and pools of its own (psycopg2, redis-py), to be watched.

    app.py healthy|leaky|redis --postgres URL --redis URL [--scale 1] [--max 20]

`leaky` takes a connection every ten seconds and does not put it back, `redis` opens a client for a request every eight and keeps it; both
from the 25th second on. It prints what `test/apps/node/service.ts` calls `Said`, as far as psycopg2's pool tells it.
"""
import argparse
import json
import signal
import sys
import threading
import time

import psycopg2.pool
import redis

parser = argparse.ArgumentParser()
parser.add_argument("scenario", choices=["healthy", "leaky", "redis"])
parser.add_argument("--postgres", required=True)
parser.add_argument("--redis", required=True)
parser.add_argument("--scale", type=float, default=1)
parser.add_argument("--max", type=int, default=20)
args = parser.parse_args()

NAME = "python-" + args.scenario
USERS = 3
LEAK_FROM = 25
LEAKS = {"leaky": 10, "redis": 8}

pool = psycopg2.pool.ThreadedConnectionPool(USERS, args.max, args.postgres, application_name=NAME)
cache = redis.Redis.from_url(args.redis, client_name=NAME)
kept = []
count = {"served": 0, "failed": 0, "leaked": 0}


def user():
    while True:
        try:
            connection = pool.getconn()
            try:
                with connection, connection.cursor() as cursor:
                    cursor.execute("SELECT pg_sleep(0.03)")
            finally:
                pool.putconn(connection)
            cache.incr("requests:" + NAME)
            count["served"] += 1
        except (psycopg2.Error, redis.RedisError, psycopg2.pool.PoolError):
            count["failed"] += 1
        time.sleep(0.05)


def take():
    if args.scenario == "redis":
        client = redis.Redis.from_url(args.redis, client_name=NAME)
        client.get("requests")
    else:
        client = pool.getconn()
        client.autocommit = True
        client.cursor().execute("SELECT 1")
    kept.append(client)


def leak():
    time.sleep(LEAK_FROM * args.scale)
    while True:
        try:
            take()
            count["leaked"] += 1
        except psycopg2.pool.PoolError:
            count["failed"] += 1
        time.sleep(LEAKS[args.scenario] * args.scale)


def said():
    # psycopg2's pool has no figures of its own; these are its two collections.
    held, idle = len(pool._used), len(pool._pool)
    clients = len(cache.connection_pool._available_connections) + len(cache.connection_pool._in_use_connections)
    if args.scenario == "redis":
        clients += len(kept)
    figures = {"total": held + idle, "idle": idle, "waiting": 0, "held": held + idle, "redis": clients, "max": args.max}
    return json.dumps({"t": round(time.time() * 1000), "ready": NAME, **figures, **count})


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
for _ in range(USERS):
    threading.Thread(target=user, daemon=True).start()
if args.scenario in LEAKS:
    threading.Thread(target=leak, daemon=True).start()
last, said_at = "", 0.0
while True:
    line = said()
    now = time.monotonic()
    figures = {key: value for key, value in json.loads(line).items() if key in ("total", "redis", "leaked")}
    if str(figures) != last or now - said_at >= 1:
        last, said_at = str(figures), now
        print(line, flush=True)
    time.sleep(0.02)
