/**
 * A WebSocket that is kept: each probe sends a message and waits for the next one, and a connection that was lost is made anew. By `ws` and not
 * by Node's own WebSocket, whose `close` leaves the connection open to a server that does not answer.
 */
import type { WebSocket } from 'ws';
import { ProbeFault } from './probe-fault.ts';
import type { Connected } from './probe-kind.ts';
import type { ProbeSpec } from './probe-spec.ts';

/** Of a message: what a server sends beside the answer must not fill our memory. */
const MESSAGE_MAX = 1024 * 1024;

export class WebSocketProbe {
  /** Connections that were made because the one before was lost. */
  reconnects = 0;
  #socket: WebSocket | null = null;
  #hadOne = false;
  #isOver = false;

  async ask({ url, send }: ProbeSpec, connected: Connected, signal: AbortSignal): Promise<void> {
    try {
      const socket = await this.#connection(url, signal);
      connected();
      if (send !== null) await answerTo(socket, send, signal);
    } catch (error) {
      this.#drop();
      throw error;
    }
  }

  close(): void {
    this.#isOver = true;
    this.#drop();
  }

  #drop(): void {
    this.#socket?.terminate();
    this.#socket = null;
  }

  async #connection(url: string, signal: AbortSignal): Promise<WebSocket> {
    const { WebSocket: Client } = await import('ws');
    if (this.#isOver) throw new ProbeFault('closed', 'the run is over');
    if (this.#socket?.readyState === Client.OPEN) return this.#socket;
    this.#drop();
    if (this.#hadOne) this.reconnects++;
    const socket = new Client(url, { perMessageDeflate: false, maxPayload: MESSAGE_MAX });
    // Without somebody who listens, an error after the probe is over would end the program.
    socket.on('error', () => {});
    this.#socket = socket;
    await settled(socket, 'open', signal);
    this.#hadOne = true;
    return socket;
  }
}

async function answerTo(socket: WebSocket, text: string, signal: AbortSignal): Promise<void> {
  const answered = settled(socket, 'message', signal);
  socket.send(text);
  await answered;
}

/** Until the event, or the first that says it will not come. */
function settled(socket: WebSocket, event: 'open' | 'message', signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const over = (settle: () => void) => (): void => {
      socket.off(event, done).off('error', failed).off('close', closed);
      signal.removeEventListener('abort', aborted);
      settle();
    };
    const done = over(resolve);
    const failed = (error: Error): void => over(() => reject(refusalOf(error)))();
    const closed = over(() => reject(new ProbeFault('closed', 'the connection was closed')));
    const aborted = over(() => reject(signal.reason as Error));
    socket.on(event, done).on('error', failed).on('close', closed);
    signal.addEventListener('abort', aborted, { once: true });
    if (signal.aborted) aborted();
  });
}

/** A server that answers with a status has refused the handshake. */
function refusalOf(error: Error): Error {
  return /^Unexpected server response: \d+$/.test(error.message) ? new ProbeFault('status', error.message.toLowerCase()) : error;
}
