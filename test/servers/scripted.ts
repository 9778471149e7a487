/** A server that speaks as much of the Redis protocol as a test tells it to, and stops being one wherever the test wants. */
import { type AddressInfo, createServer, type Socket } from 'node:net';

export interface Scripted {
  readonly port: number;
  readonly url: string;
  /** Commands received so far, in capital letters. */
  readonly received: string[];
  stop(): Promise<void>;
}

/** @param answer bytes to be written, or null for none */
export async function scripted(answer: (command: readonly string[], socket: Socket) => string | Buffer | null): Promise<Scripted> {
  const sockets = new Set<Socket>();
  const received: string[] = [];
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}); // who is connected may be gone
    socket.on('data', (data) => {
      for (const command of commandsIn(data.toString('latin1'))) {
        received.push(command.join(' ').toUpperCase());
        const reply = answer(command, socket);
        if (reply !== null && socket.writable) socket.write(reply);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const stop = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  return { port, url: `redis://127.0.0.1:${port}`, received, stop };
}

/** Clients of a test send whole commands. */
function commandsIn(text: string): string[][] {
  return text
    .split(/^\*\d+\r\n/m)
    .slice(1)
    .map((part) => part.split('\r\n').filter((_, i) => i % 2 === 1));
}

/** Says what a server says to the greeting, and `answer` to everything else. */
export function greeting(answer: (command: readonly string[]) => string | Buffer | null) {
  return (command: readonly string[]): string | Buffer | null => {
    const name = command[0]?.toUpperCase();
    if (name === 'HELLO') return '%1\r\n$5\r\nproto\r\n:3\r\n';
    if (name === 'PING') return '+PONG\r\n';
    if (name === 'CLIENT' && command[1]?.toUpperCase() === 'ID') return ':7\r\n';
    if (name === 'CLIENT' && command[1]?.toUpperCase() === 'SETNAME') return '+OK\r\n';
    return answer(command);
  };
}
