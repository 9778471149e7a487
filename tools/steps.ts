/** Runs named steps one after the other, shows the output of those that fail, and tells how long each took. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));

export interface Step {
  readonly name: string;
  /** A tool of node_modules/.bin with its arguments. */
  readonly command: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
  /** Its output is the point (a test run): shown as it comes. */
  readonly show?: boolean;
}

/** The exit code: 0 when all passed. All steps run, so that everything that is wrong is seen at once. */
export async function runSteps(steps: readonly Step[]): Promise<number> {
  const failed: string[] = [];
  for (const step of steps) {
    const start = process.hrtime.bigint();
    const { code, output } = await run(step);
    const seconds = Number(process.hrtime.bigint() - start) / 1e9;
    console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${step.name} (${seconds.toFixed(1)} s)`);
    if (code !== 0) failed.push(step.name);
    if (code !== 0 && !step.show) console.log(output);
  }
  console.log(failed.length === 0 ? 'all steps passed' : `failed: ${failed.join(', ')}`);
  console.log(`${steps.length - failed.length} passed, ${failed.length} failed`);
  return failed.length === 0 ? 0 : 1;
}

function run(step: Step): Promise<{ code: number; output: string }> {
  const [file, ...args] = step.command;
  const child = spawn(file, args, {
    cwd: ROOT,
    env: { ...process.env, ...step.env },
    stdio: ['ignore', step.show ? 'inherit' : 'pipe', step.show ? 'inherit' : 'pipe'],
  });
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ code: 127, output: String(error) }));
    child.once('close', (code) => resolve({ code: code ?? 1, output }));
  });
}
