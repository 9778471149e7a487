/** Files of results as they are configured: `[role=]path`. */
import { resolve } from 'node:path';
import type { JtlSpec } from '../sources/jtl.ts';
import type { Faults } from './faults.ts';
import { checkRole, roleOr, splitRole } from './rolevalue.ts';
import type { Settings } from './settings.ts';

export function buildJtl(settings: Settings, roles: readonly string[], faults: Faults): JtlSpec[] {
  const seen = new Set<string>();
  return settings.list('jtl').flatMap((given) => {
    const { role, text } = splitRole(given.text);
    if (role !== null) checkRole(role, given, roles, faults);
    const path = resolve(text);
    if (text === '' || text.includes('\0'))
      faults.addGiven('CONFIG', given, 'should be the path of a file, with ROLE= before it if you like');
    if (seen.has(path)) faults.addGiven('CONFIG', given, `the file ${text} is given twice: its requests would count twice`);
    seen.add(path);
    return [{ target: roleOr(role, roles), path }];
  });
}
