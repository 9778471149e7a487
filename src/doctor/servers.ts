/** What doctor says of each database server: whether it answers, what it is, what was read of it, and which right or extension is missing. */
import { CATALOG } from '../metrics.ts';
import type { Server } from '../servers.ts';
import type { Observation } from './observe.ts';
import { type BlindSpot, type SignalRow, signalRows } from './signals.ts';

export interface ServerReport {
  readonly name: string;
  /** `host:port/database`. */
  readonly display: string;
  /** One line: what answered, or why nothing did. */
  readonly state: string;
  readonly signals: readonly SignalRow[];
  /** Statements that would mend what is missing, to be copied. */
  readonly mends: readonly string[];
}

export function serverReports({ state, servers, outages }: Observation, blind: readonly BlindSpot[]): ServerReport[] {
  return servers.map((server) => {
    const { name, display } = server.spec;
    // Of what is down nothing was read, and why is said already.
    const signals = server.availability.state === 'up' ? signalRows(state, CATALOG, blind, { role: name, procs: [] }) : [];
    return { name, display, state: stateOf(server, outages.get(name)), signals, mends: mendsOf(signals) };
  });
}

/** Reasons end with the statement that mends them, in capitals as SQL has it. */
const STATEMENT = /\b(?:GRANT|CREATE EXTENSION) [^;:,]+?(?= in the database|[;:,]|$)/g;

export function mendsOf(signals: readonly SignalRow[]): string[] {
  const reasons = signals.flatMap(({ missing }) => missing.map(({ reason }) => reason));
  const statements = reasons.flatMap((reason) => reason.match(STATEMENT) ?? []);
  return [...new Set(statements.map((statement) => `${statement};`))];
}

function stateOf({ availability, version, system, sessionLimit, spec }: Server, outage: string | undefined): string {
  if (availability.state === 'down') return outage ?? `does not answer (${availability.why})`;
  if (availability.state === 'unknown') return 'was not asked';
  const limit = sessionLimit === null ? '' : `; ${sessionLimit} sessions for clients`;
  const instead = system === spec.system ? '' : ` where ${spec.system} was expected`;
  return `${version ?? 'answers'}${instead}${limit}`;
}
