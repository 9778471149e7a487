/** How a target is named: a pid or `kind:value`, with `role=` before it. Parsing only; `sources/selection.ts` finds the processes. */
import { Problem } from './problem.ts';

export type Selector =
  | { readonly kind: 'pid'; readonly pid: number }
  | { readonly kind: 'name'; readonly name: string } // the kernel's comm, 15 bytes; `node` for every Node program that has not renamed itself
  | { readonly kind: 'cmd'; readonly pattern: RegExp } // the command line, arguments joined by spaces
  | { readonly kind: 'port'; readonly port: number } // who listens on it
  | { readonly kind: 'pidfile'; readonly path: string }
  | { readonly kind: 'cgroup'; readonly path: string } // a path under the cgroup root, a unit or (part of) a container id
  | { readonly kind: 'exec'; readonly command: string }; // started by the agent, through `sh -c` where it needs a shell

const SELECTOR_KINDS = ['name', 'cmd', 'port', 'pidfile', 'cgroup', 'exec'] as const;

const ROLE = /^[a-z][a-z0-9_-]*$/;

/** What would be right, for messages. */
const SELECTOR_FORMS = 'a pid, name:COMM, cmd:REGEX, port:NUMBER, pidfile:PATH, cgroup:PATH-OR-CONTAINER-ID or exec:COMMAND';

/** Largest pid any kernel gives (PID_MAX_LIMIT on 64 bit). */
const PID_MAX = 2 ** 22;

/** TASK_COMM_LEN less the terminating zero: the kernel cuts longer names, so we cut what they are compared with. */
const COMM_BYTES = 15;

/**
 * `[role=]selector`: the role is what stands before the first `=` if it comes before the selector's kind; later `=` belong to the
 * selector. Throws a SELECTOR problem without a place.
 */
export function parseTarget(text: string): { readonly role: string | null; readonly selector: Selector } {
  const { role, selector } = splitTarget(text);
  return { role: role === null ? null : parseRole(role), selector: parseSelector(selector) };
}

/** The two parts of a target as they were written. */
export function splitTarget(text: string): { readonly role: string | null; readonly selector: string } {
  const [, role = null, selector = text] = /^([^:=]*)=(.*)$/s.exec(text) ?? [];
  return { role: role?.trim() ?? null, selector: selector.trim() };
}

/** @throws Problem SELECTOR without a place */
export function parseRole(text: string): string {
  if (!ROLE.test(text)) refuse(`"${text}" cannot be a role: a role is a lower-case letter, then lower-case letters, digits, - and _`);
  return text;
}

/** What follows the kind is never quoted: it may hold a secret. @throws Problem SELECTOR without a place */
export function parseSelector(text: string): Selector {
  if (/^\d+$/.test(text)) return parsePid(text);
  const [, kind = '', value = ''] = /^([^:]*):(.*)$/s.exec(text) ?? [];
  if (!text.includes(':')) refuse(`this is no selector; it should be ${SELECTOR_FORMS}`);
  if (kind === 'pid') return parsePid(value);
  if (kind === 'container') return parseCgroup(value);
  const known = SELECTOR_KINDS.find((k) => k === kind);
  if (known === undefined) refuse(`there is no selector "${kind}:"; it should be ${SELECTOR_FORMS}`);
  if (value.trim() === '') refuse(`nothing follows "${kind}:"`);
  return PARSE[known](value);
}

const PARSE: Readonly<Record<(typeof SELECTOR_KINDS)[number], (value: string) => Selector>> = {
  name: (name) => ({ kind: 'name', name: processName(Buffer.from(name).subarray(0, COMM_BYTES).toString()) }),
  cmd: parsePattern,
  port: parsePort,
  pidfile: (path) => ({ kind: 'pidfile', path }),
  cgroup: parseCgroup,
  exec: (command) => ({ kind: 'exec', command: command.trim() }),
};

function parsePid(text: string): Selector {
  const pid = Number(text);
  if (!/^\d+$/.test(text) || pid < 1 || pid > PID_MAX) refuse(`a pid is a number from 1 to ${PID_MAX}`);
  return { kind: 'pid', pid };
}

function parsePattern(text: string): Selector {
  try {
    return { kind: 'cmd', pattern: new RegExp(text) };
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^Invalid regular expression: /, '') : '';
    return refuse(`what follows "cmd:" is not a regular expression: ${why}`);
  }
}

function parsePort(text: string): Selector {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port < 1 || port > 65_535) refuse('a port is a number from 1 to 65535');
  return { kind: 'port', port };
}

/** Where hierarchies are mounted by convention: users copy whole paths, `/proc/PID/cgroup` has what follows. */
const CGROUP_MOUNT =
  /^\/sys\/fs\/cgroup(\/(unified|systemd|[a-z_,]*(cpu|memory|pids|blkio|devices|freezer|hugetlb|rdma|misc)[a-z_,]*))?(?=\/|$)/;

function parseCgroup(text: string): Selector {
  const path = text.trim().replace(CGROUP_MOUNT, '').replace(/\/+$/, '');
  if (path === '') refuse('the root of all cgroups has every process in it; give a path below it or a container id');
  return { kind: 'cgroup', path };
}

function refuse(message: string): never {
  throw new Problem('SELECTOR', { place: '', message });
}

/** Node names the main thread, and so the process, of every program like this; the user, and every message, calls it `node`. */
const NODE_MAIN_THREADS: ReadonlySet<string> = new Set(['MainThread', 'node-MainThread']);

/** The name of a process by its comm. */
export function processName(comm: string): string {
  return NODE_MAIN_THREADS.has(comm) ? 'node' : comm;
}

/** The role of a target that was given none. `comm` is the name of the process, when a pid is all there is and somebody looked it up. */
export function defaultRole(selector: Selector, comm: string | null = null): string {
  return roleFrom(roleText(selector, comm)) ?? 'target';
}

function roleText(selector: Selector, comm: string | null): string {
  switch (selector.kind) {
    case 'pid':
      return processName(comm ?? '');
    case 'name':
      return selector.name;
    case 'cmd':
      return longestWord(selector.pattern.source);
    case 'port':
      return `port-${selector.port}`;
    case 'pidfile':
      return stem(selector.path);
    case 'cgroup':
      return cgroupRole(selector.path);
    case 'exec':
      return execRole(selector.command);
    default:
      return selector satisfies never;
  }
}

/** Lower case letters, digits, `_` and `-`, beginning with a letter; at most 32 of them. Null when nothing is left. */
function roleFrom(text: string): string | null {
  const role = text
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]+/g, '-')
    .replace(/^[^a-z]+/, '')
    .slice(0, 32)
    .replace(/[-_]+$/, '');
  return role === '' ? null : role;
}

/** Escapes such as `\d` are not words. */
function longestWord(pattern: string): string {
  const words = pattern.replaceAll(/\\[a-z]/gi, ' ').match(/[a-z][a-z0-9_-]*/gi) ?? [];
  return words.reduce((longest, word) => (word.length > longest.length ? word : longest), '');
}

function stem(path: string): string {
  return (path.split('/').findLast((part) => part !== '') ?? '').replace(/\.[a-z0-9]+$/i, '');
}

/** A container id begins with a digit as often as not: its first 12 characters, as container tools print it. */
function cgroupRole(path: string): string {
  const id = /[0-9a-f]{12,64}/.exec(path)?.[0];
  return id === undefined ? stem(path) : `container-${id.slice(0, 12)}`;
}

/** The program, without the assignments before it. */
function execRole(command: string): string {
  const words = command.split(/\s+/).map((word) => word.replaceAll(/["']/g, ''));
  return stem(words.find((word) => word !== 'exec' && !/^[A-Za-z_]\w*=/.test(word)) ?? '');
}
