/** The verdict as a termination message: the little that fits into the status of a pod, the most important first. */
import type { Verdict } from '../analysis/verdict.ts';
import { cut } from '../problem.ts';

/**
 * Bytes. Kubernetes takes 4,096 of each container and 12 KiB of all containers of a pod in equal shares (Pod API, "terminationMessagePath"):
 * a quarter of these, so that it is whole in a pod of an application, a proxy, an init container and this one.
 */
export const MESSAGE_MAX = 3072;

/** Reasons of 48 bytes: there are hardly shorter ones. */
const REASONS_MAX = MESSAGE_MAX / 48;

/**
 * JSON on one line: `{outcome, final, run, start, end, coverage, reasons[], more}`, in this order. `final` false: the verdict so far, of
 * an agent that was killed before the end. `more`: reasons that did not fit; verdict.json has them all.
 */
export function terminationMessage({ outcome, run, coverage, reasons }: Verdict): string {
  const head = { outcome, final: run.end !== null, run: run.id, start: run.start, end: run.end, coverage };
  const message = (kept: number): string =>
    `${JSON.stringify({ ...head, reasons: reasons.slice(0, kept).map(cut), more: reasons.length - kept })}\n`;
  let kept = Math.min(reasons.length, REASONS_MAX);
  while (kept > 0 && Buffer.byteLength(message(kept)) > MESSAGE_MAX) kept--;
  return message(kept);
}
