/** What failed, in the words of the tools: a status, the name of an exception, the code of a system error. */
import type { Failure } from './window.ts';

const STATUSES: Readonly<Record<number, Failure>> = { 401: 'http_401', 403: 'http_403', 429: 'http_429' };

/** Of an HTTP status; null when it is none that failed. Tools write 0, or nothing, when there was no answer. */
export function failureOfStatus(status: number): Failure | null {
  if (status >= 500 && status <= 599) return 'http_5xx';
  if (status >= 400 && status <= 499) return STATUSES[status] ?? 'http_4xx';
  return status === 0 ? 'other' : null;
}

/** Of a text that is a status (`503`) or says what went wrong (`ECONNREFUSED`, `java.net.SocketTimeoutException`). */
export function failureOfText(text: string): Failure {
  const status = /^\s*(\d{3})\b/.exec(text)?.[1];
  if (status !== undefined) return failureOfStatus(Number(status)) ?? 'other';
  if (/time(d)?[ _-]?out|deadline/i.test(text)) return 'timeout';
  if (/refused|ConnectException/i.test(text)) return 'refused';
  return 'other';
}
