/**
 * One session with a Postgres server, or with the console of a pooler. The only file that imports pg. Every call is bounded in time, and
 * a session whose answer is late is destroyed: nobody knows what it would answer next.
 */
import { readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Client, QueryArrayConfig, QueryResult } from 'pg';
import type { Endpoint, ServerSpec } from '../servers.ts';
import { faultOf, Refused, Unreachable } from './postgres-fault.ts';
import { passwordFromFile } from './postgres-password.ts';

/** What a server may take to let us in, and to answer. Its own limit is shorter than ours, so that it can still say so. */
const CONNECT_MS = 2000;
const ANSWER_MS = 2500;
const STATEMENT_MS = 2000;

/** Somebody else's ALTER TABLE waits behind our wait for a lock, and everybody behind that. */
const LOCK_MS = 200;

const IDLE_IN_TRANSACTION_MS = 5000;

export const APPLICATION = 'soak-agent';

const OPTIONS = [
  `statement_timeout=${STATEMENT_MS}`,
  `lock_timeout=${LOCK_MS}`,
  'default_transaction_read_only=on',
  `idle_in_transaction_session_timeout=${IDLE_IN_TRANSACTION_MS}`,
];

/** A column that is NULL is null. Numbers are asked for as float8, which pg reads as such; everything else is text or a truth value. */
export type Row = Readonly<Record<string, string | number | boolean | null>>;

/** Rows of a query of which nobody knows the columns. */
export interface Cells {
  readonly columns: number;
  readonly rows: readonly (readonly unknown[])[];
}

export class Session {
  readonly #client: Client;
  readonly #socket: Socket;
  /** pg takes one query at a time. */
  #last: Promise<unknown> = Promise.resolve();
  #lost: Unreachable | null = null;

  private constructor(client: Client, socket: Socket) {
    this.#client = client;
    this.#socket = socket;
    client.on('error', (error) => this.#lose(faultOf(error, true)));
    client.on('end', () => this.#lose(new Unreachable('reset', '')));
  }

  /**
   * @param options.console connects to the console of PgBouncer instead, which takes no settings
   * @throws {Unreachable}
   */
  static async open(spec: ServerSpec, signal: AbortSignal, { console = false } = {}): Promise<Session> {
    const socket = new Socket();
    const abort = (): void => void socket.destroy(new Unreachable('timeout', 'the agent waited no longer'));
    signal.addEventListener('abort', abort, { once: true });
    try {
      const { default: pg } = await import('pg');
      const client = new pg.Client(clientConfig(spec, socket, console));
      client.on('error', ignore); // told by the promise, until there is a session
      await client.connect();
      return new Session(client, socket);
    } catch (error) {
      socket.destroy();
      const fault = faultOf(error, false);
      throw fault instanceof Refused ? new Unreachable('protocol', `it refuses the session with SQLSTATE ${fault.code}`) : fault;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  /** Why the session is over; null while it goes on. */
  get lost(): Unreachable | null {
    return this.#lost;
  }

  /** Of the backend, as the greeting told it. A pooler makes one up. */
  get backendPid(): number | null {
    return (this.#client as { processID?: number | null }).processID ?? null;
  }

  get endpoint(): Endpoint | null {
    const { host, port } = this.#client;
    if (host.startsWith('/')) return { path: `${host}/.s.PGSQL.${port}` };
    const { remoteAddress: address } = this.#socket;
    return address === undefined ? null : { address, port };
  }

  /** The server runs on this machine, though perhaps in a container. */
  get isLocal(): boolean {
    return (
      this.#client.host.startsWith('/') ||
      (this.#socket.remoteAddress !== undefined && this.#socket.remoteAddress === this.#socket.localAddress)
    );
  }

  /** Several statements as one message: one round trip, and one line in a statement log. The rows of each. @throws {Unreachable | Refused} */
  async query(statements: readonly string[]): Promise<readonly (readonly Row[])[]> {
    const answer = await this.#run(
      () => this.#client.query<Row>(statements.map(marked).join(';\n')) as Promise<QueryResult<Row> | QueryResult<Row>[]>,
    );
    const results = Array.isArray(answer) ? answer : [answer];
    if (results.length !== statements.length) throw new Refused('XX000', `${results.length} answers to ${statements.length} statements`);
    return results.map(({ rows }) => rows);
  }

  /** One statement, whatever it holds: the protocol for it takes no second one. @throws {Unreachable | Refused} */
  async cells(statement: string): Promise<Cells> {
    const query: QueryArrayConfig & { queryMode: 'extended' } = { text: marked(statement), rowMode: 'array', queryMode: 'extended' };
    const { fields, rows } = await this.#run(() => this.#client.query<unknown[]>(query));
    return { columns: fields.length, rows };
  }

  /** A round trip to the backend that runs nothing and that no log shows. @throws {Unreachable} */
  async ping(): Promise<void> {
    await this.#run(
      () => new Promise<void>((resolve, reject) => void this.#client.query(new Sync((error) => (error ? reject(error) : resolve())))),
    );
  }

  /** Says goodbye and does not wait for an answer. */
  close(): void {
    this.#lost ??= new Unreachable('reset', '');
    this.#client.end().catch(ignore);
    this.#socket.destroySoon();
  }

  async #run<T>(ask: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(async () => {
      if (this.#lost) throw this.#lost;
      try {
        return await ask();
      } catch (error) {
        const fault = faultOf(error, true);
        if (fault instanceof Unreachable) this.#lose(fault);
        throw this.#lost ?? fault;
      }
    });
    this.#last = turn.catch(ignore);
    return turn;
  }

  /** The first reason counts: what follows is that the socket is closed. */
  #lose(fault: Unreachable | Refused): void {
    this.#lost ??= fault instanceof Unreachable ? fault : new Unreachable('protocol', '');
    this.#socket.destroy();
  }
}

/** The end of an exchange of the extended protocol, without anything before it: the backend says that it is ready. */
class Sync {
  callback: (error: unknown) => void;

  constructor(callback: (error: unknown) => void) {
    this.callback = callback;
  }

  submit(connection: unknown): void {
    (connection as { sync: () => void }).sync();
  }

  handleReadyForQuery(): void {
    this.callback(null);
  }

  handleError(error: unknown): void {
    this.callback(error);
  }
}

function clientConfig(spec: ServerSpec, socket: Socket, console: boolean) {
  const url = new URL(spec.url);
  const query = url.searchParams;
  const password = spec.passwordFile === null ? passwordBeside(url) : passwordIn(spec.passwordFile);
  if (password !== null) query.set('password', password);
  // What libpq means by sslmode is what users of Postgres mean: `require` does not ask who signed the certificate.
  if (!query.has('uselibpqcompat')) query.set('uselibpqcompat', 'true');
  const own = console ? [] : OPTIONS.map((option) => `-c ${option}`);
  const options = [query.get('options') ?? '', ...own].join(' ').trim();
  for (const name of ['options', 'application_name', 'statement_timeout', 'query_timeout', 'replication']) query.delete(name);
  if (console) url.pathname = '/pgbouncer';
  const config = {
    connectionString: url.href,
    application_name: APPLICATION,
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: ANSWER_MS,
    keepAlive: true,
    stream: () => socket,
    ...(options === '' ? {} : { options }),
  };
  return config;
}

/** Of a URL without one, where PGPASSWORD, which pg reads itself, holds none either. */
function passwordBeside(url: URL): string | null {
  const query = url.searchParams;
  if (url.password !== '' || query.has('password') || process.env['PGPASSWORD']) return null;
  const user = query.get('user') ?? (decodeURIComponent(url.username) || process.env['PGUSER'] || process.env['USER'] || '');
  const database = decodeURIComponent(url.pathname.slice(1)) || process.env['PGDATABASE'] || user;
  const host = query.get('host') ?? (decodeURIComponent(url.hostname) || process.env['PGHOST'] || 'localhost');
  return passwordFromFile({ host, port: Number(query.get('port') ?? (url.port || process.env['PGPORT'] || 5432)), database, user });
}

/** Within the statement, where pg_stat_statements keeps it: so that we, and everybody, can tell ours from those of the application. */
function marked(statement: string): string {
  return statement.replace(/^SELECT\b/, `SELECT /* ${APPLICATION} */`);
}

/** Read at every connection, so that a password that is changed is found. */
function passwordIn(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    throw new Unreachable('auth', `the password cannot be read from ${path}`);
  }
}

function ignore(): void {}
