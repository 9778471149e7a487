/** What the SDK has to say goes to our log, where repeats are held back, and without secrets. */
import type { DiagLogger } from '@opentelemetry/api';
import type { Logger } from '../log.ts';
import { cut } from '../problem.ts';

/** Shorter values (`1`, `yes`) are no secrets, and replacing them would garble every message. */
const SECRET_MIN = 4;

const CREDENTIALS_IN_URL = /:\/\/[^/\s@]+@/g;

/** A function that takes the given values, and whatever stands before the @ of a URL, out of a text. */
export function redactor(secrets: readonly string[]): (text: string) => string {
  // Longest first, so that a secret that contains another one goes as a whole.
  const values = secrets.filter((secret) => secret.length >= SECRET_MIN).toSorted((a, b) => b.length - a.length);
  return (text) =>
    values.reduce((rest, value) => rest.replaceAll(value, '[redacted]'), text).replaceAll(CREDENTIALS_IN_URL, '://[redacted]@');
}

/** Failed pushes are the world's doing, so what the SDK calls an error is a warning here. */
export function diagLogger(log: Logger, redact: (text: string) => string): DiagLogger {
  const line = (args: readonly unknown[]): string => `OpenTelemetry: ${cut(redact(args.map(textOf).join(' ').replaceAll('\n', ' ')))}`;
  return {
    error: (...args: unknown[]) => log.warn(line(args)),
    warn: (...args: unknown[]) => log.warn(line(args)),
    info: (...args: unknown[]) => log.debug(line(args)),
    debug: (...args: unknown[]) => log.debug(line(args)),
    verbose() {},
  };
}

/** The SDK's error handler turns errors into JSON with a stack; the message is the part that is the same every time. */
function textOf(value: unknown): string {
  if (value instanceof Error) return value.message || value.name;
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
  const message = text.startsWith('{') ? messageIn(text) : null;
  return message ?? text;
}

function messageIn(json: string): string | null {
  try {
    const { message } = JSON.parse(json) as { message?: unknown };
    return typeof message === 'string' ? message : null;
  } catch {
    return null;
  }
}
