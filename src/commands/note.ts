/** `soak-agent mark` and `soak-agent phase`: write into a run that is under way, through its inbound listener. */
import { deadline } from '../clock.ts';
import { EXIT, type ExitCode, messageOf, Problem } from '../problem.ts';

/** Where the listener is, and what it wants to see. */
export interface NoteAddress {
  readonly host: string;
  readonly port: number;
  readonly token: string | null;
}

/** Seconds; the listener answers at once. */
const ANSWER_S = 5;

/** @throws {Problem} USAGE when nobody listens there, or the note is refused */
export async function note(path: 'phase' | 'mark', body: object, { host, port, token }: NoteAddress): Promise<ExitCode> {
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const response = await post(`http://${address}/api/${path}`, body, token).catch((error: unknown) => {
    const why = `nothing answers at ${address} (${messageOf((error as Error).cause ?? error)}): give the address that the run was started with, as --inbound`;
    throw new Problem('USAGE', { place: '--inbound', message: why }, { cause: error });
  });
  if (response.ok) return EXIT.pass;
  const message = `the run refuses it: ${(await response.text()).trim() || response.statusText}`;
  throw new Problem('USAGE', { place: response.status === 401 ? '--inbound-token-file' : '', message });
}

async function post(url: string, body: object, token: string | null): Promise<Response> {
  const headers = { 'content-type': 'application/json', ...(token === null ? {} : { authorization: `Bearer ${token}` }) };
  const limit = deadline(ANSWER_S, `no answer within ${ANSWER_S} s`);
  limit.start();
  try {
    return await fetch(url, { method: 'POST', headers, body: JSON.stringify(body), signal: limit.signal });
  } finally {
    limit.end();
  }
}
