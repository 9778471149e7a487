/** A server that speaks as much of Postgres' protocol as is needed to let a client in, and answers to statements whatever a test wants. */
import { type AddressInfo, createServer, type Socket } from 'node:net';

export type Cell = string | number | boolean | null;
export type Rows = readonly Readonly<Record<string, Cell>>[];

/** An answer: rows, an error with its SQLSTATE, or bytes after which it hangs up or says nothing more. */
export type Answer = Rows | { readonly error: string } | { readonly bytes: Buffer; readonly after: 'end' | 'silence' };

export interface ScriptedPostgres {
  readonly url: string;
  /** Statements received so far. */
  readonly received: string[];
  stop(): Promise<void>;
}

/** As the greeting and `pg_backend_pid()` have it. */
export const PID = 4242;

const SSL_REQUEST = 80_877_103;

export async function scriptedPostgres(answer: (statement: string) => Answer): Promise<ScriptedPostgres> {
  const sockets = new Set<Socket>();
  const received: string[] = [];
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}); // who is connected may be gone
    serve(socket, (statement) => {
      received.push(statement);
      return answer(statement);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stop = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  return { url: `postgresql://soak@127.0.0.1:${(server.address() as AddressInfo).port}/d`, received, stop };
}

function serve(socket: Socket, answer: (statement: string) => Answer): void {
  let buffer = Buffer.alloc(0);
  let isIn = false;
  socket.on('data', (data: Buffer) => {
    buffer = Buffer.concat([buffer, data]);
    for (;;) {
      const head = isIn ? 1 : 0;
      if (buffer.length < head + 4 || buffer.length < head + buffer.readInt32BE(head)) return;
      const end = head + buffer.readInt32BE(head);
      const [type, body] = [isIn ? String.fromCharCode(buffer[0]!) : '', buffer.subarray(head + 4, end)];
      buffer = buffer.subarray(end);
      if (!isIn && body.readInt32BE(0) === SSL_REQUEST) socket.write('N');
      else if (!isIn) {
        isIn = true;
        socket.write(Buffer.concat([message('R', int32(0)), message('K', int32(PID), int32(1)), READY]));
      } else if (type === 'Q') replyTo(socket, body.toString('utf8').replace(/\0$/, ''), answer);
      else if (type === 'S') socket.write(READY);
    }
  });
}

function replyTo(socket: Socket, text: string, answer: (statement: string) => Answer): void {
  for (const statement of text.split(';\n')) {
    const reply = answer(statement);
    if ('bytes' in reply) {
      socket.write(reply.bytes);
      if (reply.after === 'end') socket.end();
      return;
    }
    if ('error' in reply) {
      socket.write(
        message('E', cstring('SERROR'), cstring('VERROR'), cstring(`C${reply.error}`), cstring('Mit is refused'), Buffer.alloc(1)),
      );
      break;
    }
    socket.write(rowsOf(reply));
  }
  socket.write(READY);
}

/** Description, rows, and the end of one statement. */
export function rowsOf(rows: Rows): Buffer {
  const columns = Object.entries(rows[0] ?? {});
  const fields = columns.map(([name, cell]) =>
    Buffer.concat([cstring(name), int32(0), int16(0), int32(typeOf(cell)), int16(-1), int32(-1), int16(0)]),
  );
  const data = rows.map((row) => message('D', int16(columns.length), ...columns.map(([name]) => cellOf(row[name] ?? null))));
  return Buffer.concat([message('T', int16(columns.length), ...fields), ...data, message('C', cstring(`SELECT ${rows.length}`))]);
}

/** float8, bool and text. */
function typeOf(cell: Cell): number {
  return typeof cell === 'number' ? 701 : typeof cell === 'boolean' ? 16 : 25;
}

function cellOf(cell: Cell): Buffer {
  if (cell === null) return int32(-1);
  const text = Buffer.from(typeof cell === 'boolean' ? (cell ? 't' : 'f') : String(cell));
  return Buffer.concat([int32(text.length), text]);
}

function message(type: string, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body]);
}

const READY = message('Z', Buffer.from('I'));

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function cstring(text: string): Buffer {
  return Buffer.from(`${text}\0`);
}
