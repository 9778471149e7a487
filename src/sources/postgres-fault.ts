/**
 * What a failure means: of the connection, or of one statement. The server's words are not repeated where they could hold a secret, and
 * never from before it let us in: until then nobody knows who speaks.
 */
import { cut, errno } from '../problem.ts';
import type { OutageClass } from '../servers.ts';

/** The server, or the way to it, failed: the session is over. */
export class Unreachable extends Error {
  readonly why: OutageClass;
  /** More than the class says, and what would mend it; empty when the class says it all. */
  readonly detail: string;
  /** A connection pooler spoke in its place. */
  readonly pooler: boolean;

  constructor(why: OutageClass, detail: string, pooler = false) {
    super(detail === '' ? why : detail);
    this.why = why;
    this.detail = detail;
    this.pooler = pooler;
  }
}

/** One statement failed; the session goes on. */
export class Refused extends Error {
  /** SQLSTATE. */
  readonly code: string;

  constructor(code: string, message: string) {
    super(cut(message.replaceAll('\n', ' ')));
    this.code = code;
  }
}

/** What pg throws, as far as it is used: of the server it has five letters of SQLSTATE, of the system a name such as ECONNREFUSED. */
interface Thrown {
  readonly code?: unknown;
  readonly severity?: unknown;
  readonly message?: unknown;
}

const SQLSTATE = /^[0-9A-Z]{5}$/;

/** @param greeted whether the server had let us in before */
export function faultOf(error: unknown, greeted: boolean): Unreachable | Refused {
  if (error instanceof Unreachable || error instanceof Refused) return error;
  const { code, severity, message } = (error ?? {}) as Thrown;
  const text = typeof message === 'string' ? message : '';
  if (typeof code === 'string' && SQLSTATE.test(code) && typeof severity === 'string') {
    return greeted && severity === 'ERROR' ? new Refused(code, text) : ofServer(code, text, greeted);
  }
  return ofWay(errno(error), text, greeted);
}

/** Classes 08, 28, 53, 57 and 3D of SQLSTATE (PostgreSQL, appendix A). */
function ofServer(code: string, text: string, greeted: boolean): Unreachable {
  if (code === '57P03') return notNow(text);
  if (code === '57P01' || code === '57P02') return new Unreachable('shutting_down', greeted ? 'it ended the session' : '');
  if (code === '53300') return new Unreachable('too_many_connections', 'every session that it admits is taken, or every one of this user');
  if (code === '28P01') return new Unreachable('auth', 'the password is wrong, or there is no such user');
  if (code === '28000') return new Unreachable('auth', admission(text));
  if (code === '3D000') return new Unreachable('auth', 'there is no such database; name one after the last / of the URL');
  if (code === '42501')
    return new Unreachable('auth', 'the user may not connect to this database: GRANT CONNECT ON DATABASE ... TO the user');
  if (/unsupported startup parameter/.test(text)) return new Unreachable('protocol', POOLER, true);
  // PgBouncer has one code for all of its refusals.
  if (code === '08P01' && /no such (database|user)|auth|password|not allowed/i.test(text))
    return new Unreachable('auth', `a pooler refuses it: ${cut(text)}`, true);
  if (code === '08P01') return new Unreachable('protocol', POOLER, true);
  return new Unreachable('protocol', `it ends the session with SQLSTATE ${code}`);
}

function notNow(text: string): Unreachable {
  if (/shutting down/.test(text)) return new Unreachable('shutting_down', '');
  return new Unreachable(
    'starting_up',
    /is not accepting connections/.test(text) ? 'a standby that admits nobody (hot_standby = off)' : '',
  );
}

const POOLER = 'a connection pooler answers where Postgres was expected; give the URL of Postgres itself';

/** `no pg_hba.conf entry for host ..., no encryption`, `... role "x" is not permitted to log in`. */
function admission(text: string): string {
  if (/no encryption|SSL off/.test(text))
    return 'it admits this user from here over TLS only, or not at all: try ?sslmode=require in the URL, or add a line to pg_hba.conf';
  if (/pg_hba/.test(text)) return 'it has no line in pg_hba.conf for this user, database and address';
  return /does not exist/.test(text) ? 'there is no such user' : 'the user is not permitted to log in';
}

const UNREACHABLE = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN', 'EADDRNOTAVAIL', 'ENETDOWN']);

function ofWay(code: string | null, text: string, greeted: boolean): Unreachable {
  if (code === 'ECONNREFUSED') return new Unreachable('refused', '');
  if (code === 'ENOENT') return new Unreachable('refused', 'there is no such socket');
  if (code === 'EACCES') return new Unreachable('auth', 'this user of the system may not open its socket');
  if (code === 'ETIMEDOUT' || /timeout/i.test(text)) return new Unreachable('timeout', '');
  if (code !== null && UNREACHABLE.has(code)) return new Unreachable('unreachable', code === 'ENOTFOUND' ? 'there is no such host' : '');
  if (/does not support SSL/.test(text)) return new Unreachable('protocol', 'it has no TLS: use ?sslmode=disable in the URL');
  if (/establishing an SSL|invalid response|unrecognized/i.test(text))
    return new Unreachable('protocol', 'is it a Postgres server that listens there?');
  if (/^(SASL|SCRAM).*password/.test(text))
    return new Unreachable(
      'auth',
      'it asks for a password, and none was given: set SOAK_POSTGRES, password, password_file, PGPASSWORD or ~/.pgpass',
    );
  if (text.startsWith('SASL')) return new Unreachable('protocol', 'the exchange of the password failed on our side');
  if (code !== null && /CERT|TLS|SSL|SELF_SIGNED|ISSUER|ALTNAME/.test(code))
    return new Unreachable('protocol', `its certificate is not accepted (${code}): name its authority with sslrootcert in the URL`);
  if (code === 'ECONNRESET' || code === 'EPIPE' || /terminated|ended|closed/i.test(text)) {
    return new Unreachable('reset', greeted ? '' : 'during the greeting: is it a Postgres server that listens there?');
  }
  return new Unreachable('protocol', code === null ? 'its answer is not understood' : `the connection failed with ${code}`);
}
