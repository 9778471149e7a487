/**
 * `npm run leakbench -- <options of its runner>`: scores our judge on leakbench, a labelled set of resource series kept outside of this
 * project. LEAKBENCH names its folder.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const folder = resolve(ROOT, process.env['LEAKBENCH'] ?? '../shared/leakbench');

if (existsSync(join(folder, 'run.js'))) {
  const { status } = spawnSync(
    process.execPath,
    [join(folder, 'run.js'), '--detector', join(ROOT, 'bench/leakbench-adapter.ts'), ...process.argv.slice(2)],
    { stdio: 'inherit' },
  );
  process.exitCode = status ?? 70;
} else {
  console.error(`there is no leakbench in ${folder}: set LEAKBENCH to its folder`);
  process.exitCode = 64;
}
