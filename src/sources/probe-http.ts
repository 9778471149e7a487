/** One request by HTTP or HTTPS over a connection of its own, which is closed whatever happens. */
import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { ProbeFault } from './probe-fault.ts';
import type { Connected } from './probe-kind.ts';
import type { ProbeSpec } from './probe-spec.ts';

/** Of an answer; a longer one is told apart from a complete one by nobody, and reading on would be load. */
const BODY_MAX = 1024 * 1024;

/** Resolves when the answer is complete. */
export function probeHttp({ url, status }: ProbeSpec, connected: Connected, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const { protocol } = new URL(url);
    const isTls = protocol === 'https:';
    const request: ClientRequest = (isTls ? httpsRequest : httpRequest)(url, {
      // A connection that is kept would hide the time that others need to connect, and a server that takes none any more.
      agent: false,
      headers: { 'user-agent': 'soak-agent probe', connection: 'close' },
      signal,
    });
    const fail = (error: Error): void => {
      request.destroy();
      reject(signal.aborted ? (signal.reason as Error) : error);
    };
    request.once('socket', (socket: Socket) => socket.once(isTls ? 'secureConnect' : 'connect', connected));
    request.on('error', fail);
    request.once('response', (response) => void read(response, status).then(resolve, fail));
    request.end();
  });
}

async function read(response: IncomingMessage, wanted: number | null): Promise<void> {
  const { statusCode = 0 } = response;
  const isRight = wanted === null ? statusCode >= 200 && statusCode <= 399 : statusCode === wanted;
  let size = 0;
  for await (const chunk of response) {
    size += (chunk as Buffer).length;
    if (size > BODY_MAX) break; // leaving the loop destroys the response and its connection
  }
  if (!isRight) throw new ProbeFault('status', `the answer has the status ${statusCode}`);
}
