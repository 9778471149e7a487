/** Targets as they are configured: `[role=]selector` of a flag, a variable or a file, or a map of a file. */
import { join } from 'node:path';
import { defaultRole, parseRole, parseSelector, type Selector, splitTarget } from '../selector.ts';
import type { TargetSpec } from '../targets.ts';
import type { Config } from './config.ts';
import type { Faults } from './faults.ts';
import { unused } from './servers.ts';
import type { GivenTarget, Settings } from './settings.ts';
import { readSmallFile } from './smallfile.ts';

interface Understood {
  readonly given: GivenTarget;
  /** Null: none was given, or it cannot be one. */
  readonly role: string | null;
  readonly selector: Selector | null;
}

/** Every fault at its own place. `faulty` are the roles of targets that cannot be watched: others may name them all the same. */
export function buildTargets(settings: Settings, faults: Faults): { readonly targets: TargetSpec[]; readonly faulty: string[] } {
  const all = settings.targets.map((given) => understood(given, faults));
  const placeOf = placesOfRoles(all, faults);
  const targets = all.flatMap(({ given, role, selector }): TargetSpec[] => {
    if (selector === null) return [];
    const { many, children, load, place } = given;
    const named = role ?? unused(defaultRole(selector, commOf(selector, settings.get('proc'))), placeOf);
    placeOf.set(named, place);
    return [{ role: named, selector, many, children, ...(load === true ? { load } : {}) }];
  });
  return { targets, faulty: all.flatMap(({ role, selector }) => (selector === null && role !== null ? [role] : [])) };
}

function understood(given: GivenTarget, faults: Faults): Understood {
  const inside = splitTarget(given.text);
  const apart = given.role ?? null;
  const before = inside.role === null ? null : { ...given, text: inside.role };
  if (apart !== null && before !== null)
    faults.addGiven('SELECTOR', apart, 'role: the selector has a role before it already; each target needs one');
  const role = [before, apart].reduce<string | null>((first, one) => (one && faults.attempt(one, parseRole)) ?? first, null);
  const isThere = !given.refused?.includes('selector');
  const selector = (isThere ? faults.attempt({ ...given, text: inside.selector }, parseSelector) : null) ?? null;
  const isNameless = role === null && (apart !== null || before !== null || selector === null || given.refused?.includes('role'));
  if (isNameless) faults.doubt('roles');
  return { given, role, selector };
}

/** Where each role was given. */
function placesOfRoles(all: readonly Understood[], faults: Faults): Map<string, string> {
  const placeOf = new Map<string, string>();
  for (const { given, role } of all) {
    if (role === null) continue;
    const own = given.role ?? given;
    const other = placeOf.get(role);
    if (other !== undefined)
      faults.addGiven('SELECTOR', own, `the role ${role} is taken by the target at ${other}; each needs a name of its own`);
    placeOf.set(role, own.place);
  }
  return placeOf;
}

/** Who makes the load decides nothing, so that a run of generators alone could only pass. */
export function checkAsked(settings: Settings, faults: Faults): void {
  const isAnything = ['postgres', 'redis', 'scrape'].some((name) => settings.list(name as 'scrape').length > 0);
  if (settings.targets.length === 0 || isAnything || settings.targets.some(({ load }) => load !== true)) return;
  faults.addMissing(
    'CONFIG',
    settings.targets.at(-1)!,
    'every target has load: true, so that nothing would be judged; give the service that is asked as well, without it',
    'roles',
  );
}

/** The role of the command after `--`, unless the user has one of that name: who makes the load may be what leaks. */
const LOAD_ROLE = 'load';

/** The command with everything that it starts: it may be a script, or npx. Only /proc tells of a tree. */
export function loadTarget(command: readonly string[] | null, watched: readonly TargetSpec[], source: Config['source']): TargetSpec[] {
  const isNamed = watched.some(({ role }) => role === LOAD_ROLE);
  if (!command || command.length === 0 || isNamed || source !== 'procfs') return [];
  return [
    { role: LOAD_ROLE, selector: { kind: 'exec', command: command.join(' ') }, many: false, children: true, load: true, command: true },
  ];
}

const COMM_MAX = 64; // the kernel's own limit is 16

/** The name of a process that is given by its pid; null where it cannot be had, which is no mistake yet. */
function commOf(selector: Selector, proc: string): string | null {
  if (selector.kind !== 'pid') return null;
  const read = readSmallFile(join(proc, String(selector.pid), 'comm'), COMM_MAX);
  return 'text' in read ? read.text.trim() : null;
}
