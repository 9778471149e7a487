/** Why a page of metrics could not be read, in a class for machines and a sentence that says what to look at. */
import { errno, messageOf } from '../problem.ts';
import type { NoPage } from '../intake/exposition.ts';

export type FailureClass =
  | 'refused'
  | 'unreachable'
  | 'reset'
  | 'timeout'
  | 'tls'
  | 'denied'
  | 'not_found'
  | 'status'
  | 'redirect'
  | 'credentials'
  | 'protocol'
  | NoPage;

export class ScrapeFailure extends Error {
  readonly kind: FailureClass;

  constructor(kind: FailureClass, message: string) {
    super(message);
    this.kind = kind;
  }
}

const SYSTEM: readonly (readonly [RegExp, FailureClass, string])[] = [
  [/^ECONNREFUSED$/, 'refused', 'nothing listens there'],
  [/^(?:ENOTFOUND|EAI_\w+|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL)$/, 'unreachable', 'its address cannot be found or reached'],
  [/^(?:ECONNRESET|EPIPE|ECONNABORTED|ERR_STREAM_PREMATURE_CLOSE)$/, 'reset', 'the connection was closed before the page was complete'],
  [/^ETIMEDOUT$/, 'timeout', 'no connection came about'],
  [
    /^(?:CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_TLS|ERR_SSL|EPROTO$|HOSTNAME_MISMATCH)/,
    'tls',
    'its certificate or its TLS is not accepted (ca_file names certificates of your own)',
  ],
  [/^Z_/, 'protocol', 'its compression is damaged'],
  [/^HPE_/, 'protocol', 'what answers does not speak HTTP'],
];

/** Of anything that a request may end with. No message holds a URL. */
export function failureOf(error: unknown, timeout: number): ScrapeFailure {
  if (error instanceof ScrapeFailure) return error;
  const code = errno(error) ?? '';
  if (error instanceof Error && error.name === 'AbortError') return new ScrapeFailure('timeout', `no complete answer within ${timeout} s`);
  const known = SYSTEM.find(([pattern]) => pattern.test(code));
  if (known) return new ScrapeFailure(known[1], `${known[2]} (${code})`);
  return new ScrapeFailure('protocol', code === '' ? messageOf(error) : `it cannot be read (${code})`);
}

export function statusFailure(status: number): ScrapeFailure {
  if (status === 401 || status === 403)
    return new ScrapeFailure(
      'denied',
      `it asks for credentials or refuses those it is given (status ${status}); bearer_file and headers are for them`,
    );
  if (status === 404 || status === 410)
    return new ScrapeFailure('not_found', `there is no page at this path (status ${status}); /metrics is the usual one`);
  return new ScrapeFailure('status', `it answers with status ${status}`);
}
