/** Connects and closes: whether somebody listens, and takes connections. */
import { connect } from 'node:net';
import type { Connected } from './probe-kind.ts';
import type { ProbeSpec } from './probe-spec.ts';

export function probeTcp({ url }: ProbeSpec, connected: Connected, signal: AbortSignal): Promise<void> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname.replaceAll(/^\[|\]$/g, ''), port: Number(port) });
    const stop = (): void => {
      socket.destroy();
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', stop, { once: true });
    socket.once('connect', () => {
      connected();
      socket.destroy();
      resolve();
    });
    socket.once('error', reject);
    socket.once('close', () => signal.removeEventListener('abort', stop));
  });
}
