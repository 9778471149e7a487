/** `soak-agent init`: writes a first configuration from what it finds: the targets, their pages of metrics, the databases they talk to. */
import { existsSync, writeFileSync } from 'node:fs';
import { databasesOf } from '../doctor/databases.ts';
import { document, type FoundTarget } from '../initial/document.ts';
import { pagesOf } from '../initial/pages.ts';
import { type Listening, listeningPrograms, portsOf } from '../initial/programs.ts';
import { EXIT, type ExitCode, messageOf, Problem } from '../problem.ts';
import { defaultRole, parseTarget, type Selector } from '../selector.ts';
import { resolveAll } from '../sources/selection.ts';
import { printable } from '../sources/selection-table.ts';
import { type Target, Targets, type TargetSpec } from '../targets.ts';
import type { Given } from './given.ts';
import type { Io } from './io.ts';

/** @throws {Problem} with what keeps it from knowing what to watch */
export async function init(given: Given, io: Io): Promise<ExitCode> {
  const proc = given.one('proc') ?? '/proc';
  const path = given.one('write');
  if (path !== null && existsSync(path)) given.faults.add('USAGE', '--write', `${path} is there already: name another file, or remove it`);
  const texts = given.all('target');
  const specs = texts.flatMap((text) => given.faults.attempt({ text, place: '--target' }, specOf) ?? []);
  given.faults.throwIfAny();
  const wanted = texts.length > 0 ? unlike(specs) : [only(listeningPrograms(proc))];
  const found = await findAll(wanted, proc, io);
  const text = document(found);
  if (path === null) io.stdout.write(text);
  else write(path, text, io);
  return EXIT.pass;
}

interface Wanted {
  readonly spec: TargetSpec;
  /** As it was given, without the role. */
  readonly text: string;
}

function specOf(text: string): Wanted {
  const { role, selector } = parseTarget(text);
  if (selector.kind === 'exec') {
    throw new Problem('SELECTOR', { place: '', message: 'init looks at programs that run; name one by its port, name or pid' });
  }
  const plain =
    role === null
      ? text.trim()
      : text
          .trim()
          .slice(role.length + 1)
          .trim();
  return { spec: { role: role ?? defaultRole(selector), selector, many: false, children: true }, text: plain };
}

/** Roles must differ. */
function unlike(wanted: readonly Wanted[]): Wanted[] {
  const taken = new Set<string>();
  return wanted.map(({ spec, text }) => {
    let role = spec.role;
    for (let i = 2; taken.has(role); i++) role = `${spec.role}-${i}`;
    taken.add(role);
    return { spec: { ...spec, role }, text };
  });
}

/** More is no choice. */
const SHOWN_MAX = 20;

/** Without a word of the user the one program that listens is meant; of several they choose. */
function only(programs: readonly Listening[]): Wanted {
  const [first] = programs;
  if (first !== undefined && programs.length === 1) {
    const port = first.ports[0]!;
    const selector: Selector = { kind: 'port', port };
    return { spec: { role: roleOf(first.comm), selector, many: false, children: true }, text: `port:${port}` };
  }
  const list = programs
    .slice(0, SHOWN_MAX)
    .map(({ comm, ports }) => `--target ${roleOf(comm)}=port:${ports[0]} (${printable(comm)}, on ${ports.join(', ')})`);
  const message =
    programs.length === 0
      ? 'is missing: no program that this user may look into listens on a port; name one, such as --target app=name:gunicorn'
      : `is missing: ${programs.length} programs listen here; choose ${list.join(', ')}${programs.length > SHOWN_MAX ? ', or another' : ''}`;
  throw new Problem('USAGE', { place: '--target', message });
}

function roleOf(comm: string): string {
  return defaultRole({ kind: 'name', name: comm });
}

async function findAll(wanted: readonly Wanted[], proc: string, { clock }: Io): Promise<FoundTarget[]> {
  const resolved = resolveAll(
    wanted.map(({ spec }) => spec),
    { proc },
  );
  const problems = resolved.flatMap(({ problem }) => problem ?? []);
  if (problems.length > 0)
    throw new Problem(
      problems[0]!.code,
      problems.map(({ detail }) => detail),
    );
  const targets = new Targets(wanted.map(({ spec }) => spec));
  targets.all().forEach((target, i) => {
    const procs = resolved[i]!.found.map(({ pid, startTime, comm }) => ({ pid, startTime, comm, member: null }));
    targets.bind(target, procs, 0);
  });
  const databases = databasesOf(targets, [], { clock, roots: { proc } });
  const found: FoundTarget[] = [];
  for (const [i, target] of targets.all().entries()) {
    const ports = portsOf(
      target.procs.map(({ pid }) => pid),
      proc,
    );
    const pages = await pagesOf(ports, clock);
    found.push({ ...aboutOf(wanted[i]!, target, ports), pages, databases: databases.get(target) ?? [] });
  }
  return found;
}

/** A pid is another one after the next start: what listens is named by its port, and the rest by its name. */
function aboutOf({ spec, text }: Wanted, { role, procs }: Target, ports: readonly number[]): Omit<FoundTarget, 'pages' | 'databases'> {
  const comm = procs[0]?.comm ?? '';
  const lasting = ports.length > 0 ? `port:${ports[0]}` : `name:${comm}`;
  const selector = spec.selector.kind === 'pid' ? lasting : text;
  const many = procs.length > 1;
  const which = many ? `${procs.length} processes` : `process ${procs[0]?.pid}`;
  const where = ports.length > 0 ? `, listens on ${ports.join(', ')}` : '';
  return { role, selector, children: many, what: `${printable(comm)}, ${which}${where}` };
}

function write(path: string, text: string, { stderr }: Io): void {
  try {
    writeFileSync(path, text, { flag: 'wx' });
  } catch (error) {
    throw new Problem('USAGE', { place: '--write', message: `${path} cannot be written (${messageOf(error)})` }, { cause: error });
  }
  stderr.write(`wrote ${path}; soak-agent doctor --config ${path} says what can be read and certified\n`);
}
