// HEALTHCHECK of the images, which have no curl: whether an address answers with a 2xx. It costs little more
// than Node's own start.
//
//   node health.mjs [URL]        without one /healthz of the address in SOAK_LISTEN

// An ES import reads every name of the module, and behind one of them is a second HTTP client: twice the CPU time of a check.
const { get } = process.getBuiltinModule('node:http');

const ANSWER_MS = 5000;

/** `0.0.0.0:10464`, `[::]:10464` or a plain port: what listens on all addresses also listens on loopback. */
function own(listen) {
  const port = /(\d+)$/.exec(listen)?.[1];
  const host = listen.slice(0, -port.length - 1);
  return `http://${['', '0.0.0.0', '[::]'].includes(host) ? 'localhost' : host}:${port}/healthz`;
}

function end(code, message) {
  console.log(message);
  process.exit(code);
}

const listen = process.env.SOAK_LISTEN ?? '127.0.0.1:10464';
if (process.argv[2] === undefined && !/\d$/.test(listen)) end(0, `there is no listener to ask: SOAK_LISTEN is ${listen}`);
const url = process.argv[2] ?? own(listen);
const request = get(url, { timeout: ANSWER_MS, agent: false }, (response) => {
  response.resume();
  end(response.statusCode >= 200 && response.statusCode < 300 ? 0 : 1, `${url}: ${response.statusCode}`);
});
request.on('timeout', () => end(1, `${url}: no answer`));
request.on('error', (error) => end(1, `${url}: ${error.message}`));
