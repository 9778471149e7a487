/**
 * `npm run generate`: writes every file that derives from declarations. With --check it writes nothing and fails when a committed
 * file is not what would be written.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { generateConfigDocs } from './configdocs.ts';
import { generateDashboards } from './dashboards.ts';
import { generateKubernetes } from './kubernetes.ts';
import { generateMetricDocs } from './metricdocs.ts';
import { generatePresets } from './presetfiles.ts';
import { generatePresetDocs } from './presetdocs.ts';
import { generatePageBundle } from './pagebundle.ts';
import { generateReportSchema } from './reportschema.ts';
import { ROOT } from './steps.ts';

const check = process.argv.includes('--check');
let stale = 0;
generate([...generateConfigDocs(), ...generateMetricDocs(), ...generateDashboards(), ...generatePresets(), ...generatePresetDocs()]);
generate([...generatePageBundle(), ...generateReportSchema()]);
generate(generateKubernetes()); // from what is written above
process.exitCode = check && stale > 0 ? 1 : 0;

function generate(files: readonly { readonly path: string; readonly text: string }[]): void {
  for (const { path, text } of files) {
    const file = join(ROOT, path);
    if (read(file) === text) continue;
    stale++;
    if (check) console.error(`${path} is not what its declarations say: run npm run generate and read the difference`);
    else write(file, text);
  }
}

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  console.log(`wrote ${file}`);
}
