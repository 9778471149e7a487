// A small HTTP service that keeps sessions, writes a journal and stores orders. The healthy one forgets old sessions, closes its files and
// gives connections back; the leaky one does none of it, as such services do when a line is forgotten.
//
//   node demo/service.mjs leaky|healthy        prints its port on standard output
//
// LEAK_ONE_IN=6 forgets only one of six sessions, files and connections that it would forget, so that a small machine is shown the leak for hours.
// Orders go to the Postgres of DATABASE_URL and the Redis of REDIS_URL; without them they go nowhere. It listens on HOST and PORT, by default
// on any free port of this machine's own.
import { closeSync, mkdtempSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getHeapSpaceStatistics } from 'node:v8';
import { Redis } from 'ioredis';
import { Pool } from 'pg';

const leaky = process.argv[2] === 'leaky';

const SESSION_BYTES = 16 * 1024;
const SESSIONS_MAX = 500;
const REQUESTS_PER_JOURNAL = 20;
const POOL_MAX = 20;
const REQUESTS_PER_REFUSAL = 300;
const LEAK_ONE_IN = Number(process.env.LEAK_ONE_IN ?? 1);
if (!Number.isInteger(LEAK_ONE_IN) || LEAK_ONE_IN < 1) {
  console.error(`LEAK_ONE_IN should be a whole number from 1 on, and is ${process.env.LEAK_ONE_IN}`);
  process.exit(64);
}
/** Time for the last answer to leave. */
const LAST_ANSWER_MS = 100;

const folder = mkdtempSync(join(tmpdir(), 'soak-demo-'));
const { DATABASE_URL, REDIS_URL } = process.env;
const pool = DATABASE_URL ? new Pool({ connectionString: DATABASE_URL, max: POOL_MAX, application_name: `shop-${process.argv[2]}` }) : null;
const redis = REDIS_URL ? new Redis(REDIS_URL) : null;
pool?.on('error', () => {});
redis?.on('error', () => {});

const sessions = new Map();
let requests = 0;

/** Whether the nth of its kind is forgotten. */
function forgets(n) {
  return leaky && n % LEAK_ONE_IN === 0;
}

/** The healthy service takes over the buffer of its oldest session once it has as many as it may keep. */
function keepSession() {
  const oldest = !forgets(requests) && sessions.size >= SESSIONS_MAX ? sessions.entries().next().value : null;
  if (oldest) sessions.delete(oldest[0]);
  sessions.set(requests, (oldest ? oldest[1] : Buffer.alloc(SESSION_BYTES)).fill(requests & 0xff));
}

function writeJournal() {
  const file = openSync(join(folder, 'journal'), 'a');
  writeSync(file, `${requests}\n`);
  if (!forgets(requests / REQUESTS_PER_JOURNAL)) closeSync(file);
}

/** Some orders are refused. The leaky service forgets that there is a connection to give back then. */
async function placeOrder(number) {
  if (!pool) return;
  const client = await pool.connect();
  let refused = false;
  try {
    const { rows } = await client.query('SELECT $1::int % $2 = 0 AS refused', [number, REQUESTS_PER_REFUSAL]);
    refused = rows[0].refused;
    if (refused) throw new Error('refused');
    await client.query('INSERT INTO orders (number) VALUES ($1)', [number]);
  } finally {
    if (!refused || !forgets(number / REQUESTS_PER_REFUSAL)) client.release();
  }
}

// A real service has served for a while before it is watched: code is compiled, the session cache is full.
for (let i = 0; i < SESSIONS_MAX; i++) {
  requests++;
  keepSession();
}

/** As prom-client calls them. */
function metricsPage() {
  const old = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'old_space');
  const rows = {
    http_requests_total: ['counter', requests],
    process_resident_memory_bytes: ['gauge', process.memoryUsage.rss()],
    process_open_fds: ['gauge', readdirSync('/proc/self/fd').length - 1],
    nodejs_external_memory_bytes: ['gauge', process.memoryUsage().external],
    'nodejs_heap_space_size_used_bytes{space="old"}': ['gauge', old.space_used_size],
  };
  return Object.entries(rows)
    .map(([name, [kind, value]]) => `# TYPE ${name.replace(/\{.*/, '')} ${kind}\n${name} ${value}\n`)
    .join('');
}

async function answer(request, response) {
  const number = ++requests;
  keepSession();
  if (number % REQUESTS_PER_JOURNAL === 0) writeJournal();
  const [order] = await Promise.allSettled([placeOrder(number), redis?.incr('orders')]);
  const body = JSON.stringify({ requests, sessions: sessions.size, url: request.url });
  response.writeHead(order.status === 'fulfilled' ? 200 : 409, { 'content-type': 'application/json' }).end(body);
}

/** No work, so that neither a health check nor a scrape is load. */
const PAGES = { '/health': () => 'ok\n', '/metrics': metricsPage };

async function serve(request, response) {
  const page = PAGES[request.url];
  try {
    if (page) response.end(page());
    else await answer(request, response);
  } catch (error) {
    if (error.code !== 'EMFILE') throw error;
    response.writeHead(503).end();
    giveUp(error);
  }
}

let ending = false;

/** Without descriptors it can do nothing more: it says so once, and ends with a code by which it is started again. */
function giveUp(error) {
  if (ending) return;
  ending = true;
  console.error(`no descriptor is left, the service ends: ${error.message}`);
  setTimeout(() => stop(1), LAST_ANSWER_MS);
}

const server = createServer((request, response) => void serve(request, response));
server.listen(Number(process.env.PORT ?? 0), process.env.HOST ?? '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));

function stop(code) {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch {
    // Without a descriptor no folder can be read, and that of a container goes with it.
  }
  process.exit(code);
}
process.once('SIGTERM', () => stop(0));
process.once('SIGINT', () => {}); // a Ctrl-C in the terminal is for the agents; the demo ends its services after they have judged
