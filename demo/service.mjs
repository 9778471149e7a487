// A small HTTP service that keeps sessions, writes a journal and stores orders. The healthy one forgets old sessions, closes its files and
// gives connections back; the leaky one does none of it, as such services do when a line is forgotten.
//
//   node demo/service.mjs leaky|healthy        prints its port on standard output
//
// Orders go to the Postgres of DATABASE_URL and the Redis of REDIS_URL; without them they go nowhere.
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { Pool } from 'pg';

const leaky = process.argv[2] === 'leaky';

const SESSION_BYTES = 16 * 1024;
const SESSIONS_MAX = 500;
const REQUESTS_PER_JOURNAL = 20;
const POOL_MAX = 20;
const REQUESTS_PER_REFUSAL = 300;

const folder = mkdtempSync(join(tmpdir(), 'soak-demo-'));
const { DATABASE_URL, REDIS_URL } = process.env;
const pool = DATABASE_URL ? new Pool({ connectionString: DATABASE_URL, max: POOL_MAX, application_name: `shop-${process.argv[2]}` }) : null;
const redis = REDIS_URL ? new Redis(REDIS_URL) : null;
pool?.on('error', () => {});
redis?.on('error', () => {});

const sessions = new Map();
let requests = 0;

/** The healthy service takes over the buffer of its oldest session once it has as many as it may keep. */
function keepSession() {
  const oldest = !leaky && sessions.size >= SESSIONS_MAX ? sessions.entries().next().value : null;
  if (oldest) sessions.delete(oldest[0]);
  sessions.set(requests, (oldest ? oldest[1] : Buffer.alloc(SESSION_BYTES)).fill(requests & 0xff));
}

function writeJournal() {
  const file = openSync(join(folder, 'journal'), 'a');
  writeSync(file, `${requests}\n`);
  if (!leaky) closeSync(file);
}

/** Some orders are refused. The leaky service forgets that there is a connection to give back then. */
async function placeOrder(number) {
  if (!pool) return;
  const client = await pool.connect();
  try {
    const { rows } = await client.query('SELECT $1::int % $2 = 0 AS refused', [number, REQUESTS_PER_REFUSAL]);
    if (rows[0].refused) throw new Error('refused');
    await client.query('INSERT INTO orders (number) VALUES ($1)', [number]);
    if (leaky) client.release();
  } finally {
    if (!leaky) client.release();
  }
}

// A real service has served for a while before it is watched: code is compiled, the session cache is full.
for (let i = 0; i < SESSIONS_MAX; i++) {
  requests++;
  keepSession();
}

async function answer(request, response) {
  const number = ++requests;
  keepSession();
  if (number % REQUESTS_PER_JOURNAL === 0) writeJournal();
  const [order] = await Promise.allSettled([placeOrder(number), redis?.incr('orders')]);
  const body = JSON.stringify({ requests, sessions: sessions.size, url: request.url });
  response.writeHead(order.status === 'fulfilled' ? 200 : 409, { 'content-type': 'application/json' }).end(body);
}

const server = createServer((request, response) => void answer(request, response));
server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));

function stop() {
  rmSync(folder, { recursive: true, force: true });
  process.exit(0);
}
process.once('SIGTERM', stop);
process.once('SIGINT', () => {}); // a Ctrl-C in the terminal is for the agents; the demo ends its services after they have judged
