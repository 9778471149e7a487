// The load of the demo's service in containers: a request at each slot, whether or not the ones before were answered.
//
//   node demo/load.mjs http://demo:8080/checkout 8        requests per second
import { Agent, get } from 'node:http';

const [url = 'http://127.0.0.1:8080/checkout', rate = '8'] = process.argv.slice(2);
// More than the service may have connections to its database: a pool that is used up is not to stop the load.
const agent = new Agent({ keepAlive: true, maxSockets: 64 });
const TIMEOUT_MS = 5000;

setInterval(
  () => {
    const request = get(url, { agent, timeout: TIMEOUT_MS }, (response) => response.resume());
    request.on('timeout', () => request.destroy());
    request.on('error', () => {});
  },
  1000 / Number(rate),
);

for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => process.exit(0));
