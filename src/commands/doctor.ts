/** `soak-agent doctor`: what a run could read and certify here, and what would mend the rest. It starts, writes and keeps nothing. */
import { existsSync } from 'node:fs';
import type { Writable } from 'node:stream';
import type { Verdict } from '../analysis/verdict.ts';
import { type Config, configHash, redactedConfig } from '../config/config.ts';
import { type Database, databasesOf } from '../doctor/databases.ts';
import { machineOf, type Refusal, type Surroundings } from '../doctor/machine.ts';
import { type Observation, observe } from '../doctor/observe.ts';
import { knownUsers, ownIdentity, processOf } from '../doctor/processes.ts';
import { type Best, bestOutcome, prospectsOf, withoutPending } from '../doctor/prospects.ts';
import { examinedRedis } from '../doctor/redis.ts';
import { accessRemedies } from '../doctor/remedies.ts';
import { type Report, reportLines, type TargetReport } from '../doctor/report.ts';
import { scrapeReports } from '../doctor/scrapes.ts';
import { serverReports } from '../doctor/servers.ts';
import { signalRows, youngSpots } from '../doctor/signals.ts';
import { Faults } from '../config/faults.ts';
import { SILENT } from '../log.ts';
import { CATALOG } from '../metrics.ts';
import { type Place, placeOf } from '../place.ts';
import { EXIT, type ExitCode } from '../problem.ts';
import { resolveAll, withAdvice } from '../sources/selection.ts';
import { printable } from '../sources/selection-table.ts';
import { type Target, Targets, type TargetSpec } from '../targets.ts';
import { VERSION } from '../version.ts';
import type { Io } from './io.ts';

/** @throws {Problem} after the report, with everything for which a run would refuse to start */
export async function doctor(config: Config, io: Io): Promise<ExitCode> {
  const around: Surroundings = {
    clock: io.clock,
    log: SILENT,
    self: ownIdentity(config.roots.proc),
    users: knownUsers(),
    place: placeOf(io.env, existsSync),
  };
  const { present, missing } = find(config, around.place);
  const targets = new Targets(present);
  const seen = await observe(config, targets, around);
  const machine = await machineOf(config, around);
  const gone = targets.all().filter(({ procs }) => procs.length === 0);
  const verdict = verdictOf(config, seen, io);
  const watched = targets.all().filter(({ procs }) => procs.length > 0);
  const databases = databasesOf(targets, seen.servers, { clock: io.clock, roots: config.roots });
  const reports = [
    ...watched.map((target) => targetReport(config, seen, verdict, target, databases.get(target) ?? [], around)),
    ...unstarted(config),
    ...unseen(config, seen, verdict),
  ];
  const best = watched.length > 0 ? bestOutcome(verdict.findings, null) : UNKNOWN_YET;
  const servers = await examinedRedis(serverReports(seen, verdict.blind), config.servers, io.clock);
  const report = {
    ...reportOf(config, seen, verdict, around),
    best,
    machine,
    targets: reports,
    servers,
    scrapes: await scrapeReports(config, io.clock),
  };
  io.stdout.write(
    reportLines(report, columnsOf(io.stdout))
      .map((line) => `${printable(line)}\n`)
      .join(''),
  );
  refuse([...missing, ...gone.map(({ role }) => absent(role)), ...machine.refusals]);
  return [best, ...reports.map(({ best }) => best)].some(({ outcome }) => outcome === 'inconclusive') ? EXIT.inconclusive : EXIT.pass;
}

/** Programs that a run would start are left out; without /proc nothing can be looked for beforehand. */
function find(config: Config, place: Place): { present: TargetSpec[]; missing: Refusal[] } {
  const running = config.targets.filter(({ selector }) => selector.kind !== 'exec');
  if (config.source === 'pidusage') return { present: running, missing: [] };
  const found = resolveAll(config.targets, config.roots);
  const absent = new Set(found.flatMap(({ spec, problem }) => (problem === null ? [] : [spec])));
  const missing = found.flatMap(({ spec, problem }) => (problem === null ? [] : [{ kind: spec.selector.kind, ...problem }]));
  return { present: running.filter((spec) => !absent.has(spec)), missing: withAdvice(missing, 0, place) };
}

function absent(role: string): Refusal {
  return { code: 'NO_TARGET', place: `target ${role}`, message: 'there is no such process, or it ended while it was looked at' };
}

function refuse(refusals: readonly Refusal[]): void {
  const faults = new Faults();
  for (const { code, place, message } of refusals) faults.add(code, place, message);
  faults.throwIfAny();
}

/** What the judge of a run would say now, without what a run has yet to see. */
function verdictOf(config: Config, { state }: Observation, { clock }: Pick<Io, 'clock'>): Verdict {
  const run = { id: 'doctor', start: clock.wall(), end: null, planned: config.duration, agent: VERSION, configHash: configHash(config) };
  const verdict = state.judge.verdict(run, state);
  return { ...verdict, findings: withoutPending(verdict.findings, state, verdict.blind, config, CATALOG) };
}

function targetReport(
  config: Config,
  { state }: Observation,
  verdict: Verdict,
  target: Target,
  databases: readonly Database[],
  { self, users, place }: Surroundings,
): TargetReport {
  const processes = target.procs.map((proc) => processOf(proc, config.roots.proc));
  const young = config.source === 'procfs' ? youngSpots(state, target.role) : [];
  const signals = signalRows(state, CATALOG, [...verdict.blind, ...young], target);
  const isBlind = signals.some(({ readable }) => readable !== 'yes');
  const known = processes.flatMap(({ identity }) => identity ?? []);
  return {
    role: target.role,
    selector: selectorOf(config, target.role),
    processes,
    signals,
    remedies: self === null || !isBlind || config.source !== 'procfs' ? [] : accessRemedies(self, known, users, place),
    databases,
    prospects: prospectsOf(state, verdict, config, target.role),
    best: bestOutcome(verdict.findings, target.role),
    unstarted: false,
  };
}

function selectorOf(config: Config, role: string): string {
  return redactedConfig(config).targets.find((target) => target.role === role)?.selector ?? '';
}

const UNKNOWN_YET: Best = { outcome: 'pass', why: [] };

function unstarted(config: Config): TargetReport[] {
  const programs = config.targets.filter(({ selector }) => selector.kind === 'exec');
  const nothing = { processes: [], signals: [], remedies: [], databases: [], prospects: [], best: UNKNOWN_YET, unstarted: true };
  return programs.map(({ role }) => ({ role, selector: selectorOf(config, role), ...nothing }));
}

/** Roles without processes. Whether a run can pass without any is not theirs to say. */
function unseen(config: Config, { state }: Observation, verdict: Verdict): TargetReport[] {
  const nothing = { processes: [], remedies: [], databases: [], unstarted: false };
  return [...unseenRoles(config)].map(([role, what]) => {
    const findings = verdict.findings.map((finding) => (finding.target === role ? { ...finding, target: null } : finding));
    return {
      ...nothing,
      role,
      selector: what.join(' and '),
      signals: signalRows(state, CATALOG, verdict.blind, { role, procs: [] }),
      prospects: prospectsOf(state, verdict, config, role),
      best: bestOutcome(findings, null),
    };
  });
}

function unseenRoles({ networkOf, cgroupOf }: Config): Map<string, string[]> {
  const roles = new Map<string, string[]>();
  const add = (role: string, what: string): void => void roles.set(role, [...(roles.get(role) ?? []), what]);
  if (cgroupOf !== null) add(cgroupOf.role, cgroupOf.path === null ? 'control groups of the pod' : `control group ${cgroupOf.path}`);
  if (networkOf !== null) add(networkOf, 'sockets of this network namespace');
  return roles;
}

/** Everything that belongs to no single target. */
function reportOf(
  config: Config,
  { state, failures }: Observation,
  verdict: Verdict,
  { users }: Surroundings,
): Omit<Report, 'best' | 'machine' | 'targets' | 'servers' | 'scrapes'> {
  const blind = verdict.blind.filter(({ target }) => target === null).map(({ metric, reason }) => ({ label: metric, text: reason }));
  const failed = [...failures].map(([source, message]) => ({ label: `source ${source}`, text: message }));
  return {
    blind: [...blind, ...failed],
    host: prospectsOf(state, verdict, config, null).filter(({ series }) => series.source === 'host'),
    users,
    options: { mustLive: config.mustLive, duration: config.duration },
  };
}

/** Wide enough for anybody; no wider than can be read. */
const COLUMNS = 80;
const COLUMNS_MIN = 60;
const COLUMNS_MAX = 120;

function columnsOf(stream: Writable & { readonly columns?: number }): number {
  return Math.min(COLUMNS_MAX, Math.max(COLUMNS_MIN, stream.columns ?? COLUMNS));
}
