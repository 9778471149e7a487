// A small HTTP service that keeps sessions and writes a journal. The healthy one forgets old sessions and closes its files;
// the leaky one does neither, as such services do when a line is forgotten.
//
//   node demo/service.mjs leaky|healthy        prints its port on standard output
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const leaky = process.argv[2] === 'leaky';

const SESSION_BYTES = 16 * 1024;
const SESSIONS_MAX = 500;
const REQUESTS_PER_JOURNAL = 20;

const folder = mkdtempSync(join(tmpdir(), 'soak-demo-'));
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

// A real service has served for a while before it is watched: code is compiled, the session cache is full.
for (let i = 0; i < SESSIONS_MAX; i++) {
  requests++;
  keepSession();
}

const server = createServer((request, response) => {
  requests++;
  keepSession();
  if (requests % REQUESTS_PER_JOURNAL === 0) writeJournal();
  const body = JSON.stringify({ requests, sessions: sessions.size, url: request.url });
  response.writeHead(200, { 'content-type': 'application/json' }).end(body);
});
server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));

function stop() {
  server.close();
  server.closeAllConnections();
  rmSync(folder, { recursive: true, force: true });
}
process.once('SIGTERM', stop);
process.once('SIGINT', () => {}); // a Ctrl-C in the terminal is for the agents; the demo ends its services after they have judged
