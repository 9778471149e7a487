/** The machine and the agent's own place on it: what every run here has in common, whatever its targets are. */
import { accessSync, constants, existsSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { arch, availableParallelism, release, totalmem, type } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { type Clock, rfc3339, within } from '../clock.ts';
import { type Config, redactedConfig } from '../config/config.ts';
import type { Logger } from '../log.ts';
import { errno, messageOf, Problem, type ProblemCode } from '../problem.ts';
import { formatSize } from '../quantity.ts';
import { parseCgroupMounts } from '../sources/cgroupfs.ts';
import { kernelCountsDescriptors } from '../sources/proc-reader.ts';
import { parseDescriptorLimit, TICKS_PER_S } from '../sources/procfs.ts';
import { listen } from '../views/http.ts';
import { capabilityNames, type Identity } from './identity.ts';
import { listText, userText } from './remedies.ts';
import type { Place } from '../place.ts';

export interface Fact {
  readonly label: string;
  readonly text: string;
}

/** For what a run would refuse to start. */
export interface Refusal {
  readonly code: ProblemCode;
  readonly place: string;
  readonly message: string;
}

type Checked = Fact & { readonly refusal: Refusal | null };

export interface Machine {
  readonly facts: readonly Fact[];
  readonly refusals: readonly Refusal[];
}

export interface Surroundings {
  readonly clock: Clock;
  readonly log: Logger;
  /** Null where there is no /proc. */
  readonly self: Identity | null;
  readonly users: ReadonlyMap<number, string>;
  readonly place: Place;
}

export async function machineOf(config: Config, around: Surroundings): Promise<Machine> {
  const { proc } = config.roots;
  const mountinfo = read(join(proc, 'self/mountinfo'));
  const checks = [...(await starting(config, around.log)), await receiver(config)];
  const facts = [
    { label: 'system', text: `${type()} ${release()} ${arch()}, ${availableParallelism()} CPUs, ${formatSize(totalmem())} of memory` },
    { label: 'agent', text: agentText(around) },
    { label: 'open files', text: openFilesText(read('/proc/self/limits')) },
    ...(mountinfo === null ? [] : linuxFacts(proc, mountinfo)),
    { label: 'clock', text: clockText(around.clock, read(join(config.roots.sys, CLOCKSOURCE))) },
  ];
  return { facts: [...facts, ...checks], refusals: checks.flatMap(({ refusal }) => refusal ?? []) };
}

/** For what of this machine a run would refuse to start. */
export async function refusalsOf(config: Config, log: Logger): Promise<readonly Refusal[]> {
  return (await starting(config, log)).flatMap(({ refusal }) => refusal ?? []);
}

async function starting(config: Config, log: Logger): Promise<readonly Checked[]> {
  return [outFolder(config.out, config.recordMax), await listener(config.listen, log)];
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

const PLACES: Readonly<Record<Place, string>> = {
  host: 'no container was recognised around it',
  container: 'in a container: of other containers it sees what --pid=container:NAME or --pid=host shares with it',
  pod: 'in a Kubernetes pod: of other containers it sees what shareProcessNamespace: true or hostPID: true shares with it',
};

function agentText({ self, users, place }: Surroundings): string {
  const user = self === null ? userText(process.getuid?.() ?? 0, users) : `${userText(self.uids[1]!, users)}, gid ${self.gids[1]!}`;
  return `${user}; capabilities: ${self === null ? 'unknown' : capabilityText(self.effective)}; ${PLACES[place]}`;
}

/** Linux 5.9 and later have 41, CHECKPOINT_RESTORE being the last. */
const ALL_CAPABILITIES = (1n << 41n) - 1n;

/** Those that are missing, where that is the shorter list. */
export function capabilityText(effective: bigint): string {
  const held = capabilityNames(effective);
  const lacking = capabilityNames(ALL_CAPABILITIES & ~effective);
  if (held.length === 0) return 'none';
  if (lacking.length === 0) return 'all';
  return lacking.length < held.length ? `all but ${listText(lacking)}` : listText(held);
}

/** Half of what may be open is kept open for reading, five for each process (sources/proc-reader.ts). */
function openFilesText(limits: string | null): string {
  const limit = parseDescriptorLimit(Buffer.from(limits ?? ''), limits?.length ?? 0);
  if (limit === null) return 'the limit of this process is not known here';
  if (limit === Infinity) return 'no limit for this process';
  return `${limit} for this process: ${Math.floor(limit / 10)} target processes are read from files kept open, more cost a little more`;
}

function linuxFacts(proc: string, mountinfo: string): Fact[] {
  const counts = kernelCountsDescriptors(proc)
    ? 'the kernel counts the descriptors of every process (Linux 6.2 and later): no right is needed'
    : 'descriptors are counted by listing them, for which their owner or CAP_DAC_READ_SEARCH is needed (before Linux 6.2)';
  return [
    { label: proc, text: `${counts}; ${hidepidText(mountinfo, proc)}` },
    { label: 'cgroups', text: cgroupText(mountinfo, (point) => read(join(point, 'cgroup.controllers'))) },
  ];
}

/** proc(5): hidepid is an option of the file system, and the last mount on a point is the one that counts. */
export function hidepidText(mountinfo: string, proc: string): string {
  const mount = mountinfo.split('\n').findLast((line) => line.split(' ')[4] === proc && / - proc /.test(line));
  const value = /\bhidepid=(\w+)/.exec(mount ?? '')?.[1] ?? '0';
  if (value === '0' || value === 'off') return 'no process is hidden';
  return `processes of other users are hidden (hidepid=${value}) unless soak-agent has CAP_SYS_PTRACE or is in the group that its option gid= names`;
}

/** @param controllers of the version 2 hierarchy mounted at a point */
export function cgroupText(mountinfo: string, controllers: (point: string) => string | null): string {
  const mounts = parseCgroupMounts(mountinfo);
  const first = mounts.flatMap((mount) => (mount.version === 1 ? mount.controllers.filter((name) => ACCOUNTING.has(name)) : []));
  const second = mounts.filter(({ version }) => version === 2);
  const unified = new Set(second.flatMap(({ point }) => controllers(point)?.trim().split(/\s+/).filter(Boolean) ?? []));
  const texts = [
    ...(first.length > 0 ? [`version 1 for ${[...new Set(first)].join(', ')}`] : []),
    ...(second.length > 0 ? [`version 2 ${unified.size > 0 ? `for ${[...unified].join(', ')}` : 'without controllers'}`] : []),
  ];
  return texts.length > 0 ? texts.join('; ') : 'none is mounted here: those of a target are read through its own view, /proc/PID/root';
}

const ACCOUNTING = new Set(['memory', 'cpu', 'cpuacct', 'pids', 'blkio']);

const CLOCKSOURCE = 'devices/system/clocksource/clocksource0/current_clocksource';

function clockText(clock: Clock, source: string | null): string {
  const from = source === null ? '' : `, kept by ${source.trim()}`;
  return `${rfc3339(clock.wall()) ?? 'unknown'}${from}; CPU time in steps of ${1000 / TICKS_PER_S} ms`;
}

/** PROC_SUPER_MAGIC and SYSFS_MAGIC of the kernel's magic.h: root may write there, and can make nothing. */
const OF_THE_KERNEL = new Set([0x9fa0, 0x62656572]);

/** Whether a run could be recorded there; nothing is made or written. */
function outFolder(out: string, recordMax: number): Checked {
  const folder = resolve(out);
  let there = folder;
  while (!existsSync(there) && dirname(there) !== there) there = dirname(there);
  const label = 'out';
  const refuse = (message: string): Checked => ({ label, text: message, refusal: { code: 'OUT', place: '--out', message } });
  try {
    if (!statSync(there).isDirectory()) return refuse(`${there} is not a folder`);
    accessSync(there, constants.W_OK | constants.X_OK);
    const { type, blocks, bavail, bsize } = statfsSync(there);
    if (OF_THE_KERNEL.has(type)) return refuse(`${there} is no disk: no file can be made in it`);
    if (blocks > 0 && bavail === 0) return refuse(`the disk of ${there} is full: free some of it, or name a folder on another one`);
    const where = there === folder ? folder : `${folder} can be made in ${there}`;
    const short = bavail * bsize < recordMax ? ': less than a record may take, give a smaller --record-max' : '';
    return {
      label,
      text: `${where}, ${formatSize(bavail * bsize)} free; a record takes up to ${formatSize(recordMax)}${short}`,
      refusal: null,
    };
  } catch (error) {
    return refuse(`${there} cannot be written by this user (${errno(error) ?? messageOf(error)})`);
  }
}

/** Binds as a run does, and lets go at once. */
async function listener(at: Config['listen'], log: Logger): Promise<Checked> {
  const label = 'listen';
  if (at === null) return { label, text: 'off', refusal: null };
  try {
    const opened = await listen(at, {}, log);
    await opened.close();
    return { label, text: at.port === 0 ? 'any free port' : `${opened.url} is free`, refusal: null };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const [{ place, message }] = error.details as readonly [Refusal];
    return { label, text: message, refusal: { code: error.code, place, message } };
  }
}

/** A receiver on the same continent accepts within half a second. */
const CONNECT_S = 2;

/** A receiver that is away is no reason not to run: pushes fail and are counted until it is back. */
async function receiver(config: Config): Promise<Checked> {
  const label = 'otlp';
  const shown = redactedConfig(config).otlp?.endpoint;
  if (config.otlp === null || shown === undefined) return { label, text: 'off', refusal: null };
  const { hostname, port, protocol } = new URL(config.otlp.endpoint);
  const failure = await connectTo(hostname.replaceAll(/^\[|\]$/g, ''), Number(port) || (protocol === 'https:' ? 443 : 80));
  const text = failure === null ? `${shown} takes connections` : `${shown} cannot be reached now (${failure}); a run goes on without it`;
  return { label, text, refusal: null };
}

/** Null when the connection was made, else why not. */
async function connectTo(host: string, port: number): Promise<string | null> {
  const socket = connect({ host, port });
  try {
    let failure: string | null = null;
    const answered = new Promise<void>((done) => {
      socket.once('connect', done);
      socket.once('error', (error) => {
        failure = errno(error) ?? messageOf(error);
        done();
      });
    });
    return (await within(answered, CONNECT_S)) ? failure : `no answer within ${CONNECT_S} s`;
  } finally {
    socket.destroy();
  }
}
