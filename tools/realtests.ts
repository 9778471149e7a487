/**
 * `node tools/realtests.ts PROJECT`: tests with real programs, several files at once. Two cores are shared with whatever else the machine
 * does, so files with a failure are run once more with nothing beside them: what fails there, too, is a fault of ours. Said aloud.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { ROOT } from './steps.ts';

/** More than a neighbour disturbs. */
const AGAIN_MAX = 3;

interface Results {
  readonly testResults: readonly { readonly name: string; readonly status: string }[];
}

/** The exit code. */
function vitest(project: string, ...more: readonly string[]): number {
  return spawnSync('vitest', ['run', '--project', project, ...more], { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] }).status ?? 1;
}

/** Files in which a test failed, or which could not be run at all; null when nobody says so. */
function failedFiles(path: string): string[] | null {
  try {
    const { testResults } = JSON.parse(readFileSync(path, 'utf8')) as Results;
    return testResults.flatMap(({ name, status }) => (status === 'failed' ? [relative(ROOT, name)] : []));
  } catch {
    return null;
  }
}

function runTwice(project: string): number {
  const folder = mkdtempSync(join(tmpdir(), 'soak-tests-'));
  try {
    const results = join(folder, 'results.json');
    const code = vitest(project, '--reporter=default', '--reporter=json', `--outputFile.json=${results}`);
    const failed = code === 0 ? null : failedFiles(results);
    if (failed === null || failed.length === 0 || failed.length > AGAIN_MAX) return code;
    console.log(`failed beside others, and run once more alone: ${failed.join(', ')}`);
    return vitest(project, '--no-file-parallelism', ...failed);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

process.exitCode = runTwice(process.argv[2]!);
