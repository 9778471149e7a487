/** Runs named steps one after the other, or some side by side, shows the output of those that fail, and tells how long each took. */
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

/**
 * The exit code: 0 when all passed. All steps run, so that everything that is wrong is seen at once.
 * @param steps an array among them is run side by side, and what its steps say is shown when they have ended
 */
export async function runSteps(steps: readonly (Step | readonly Step[])[]): Promise<number> {
  const failed: string[] = [];
  for (const step of steps) {
    const several = 'name' in step ? null : step;
    const ended = await Promise.all((several ?? [step as Step]).map((one) => timed(one, several !== null)));
    for (const { name, code, output, seconds } of ended) {
      if (output !== '') console.log(output);
      console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds.toFixed(1)} s)`);
      if (code !== 0) failed.push(name);
    }
  }
  const all = steps.flat().length;
  console.log(failed.length === 0 ? 'all steps passed' : `failed: ${failed.join(', ')}`);
  console.log(`${all - failed.length} passed, ${failed.length} failed`);
  return failed.length === 0 ? 0 : 1;
}

interface Ended {
  readonly name: string;
  readonly code: number;
  /** What is still to be shown. */
  readonly output: string;
  readonly seconds: number;
}

async function timed(step: Step, beside: boolean): Promise<Ended> {
  const start = process.hrtime.bigint();
  const { code, output } = await run(beside ? { ...step, show: false } : step);
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  return { name: step.name, code, output: code !== 0 || step.show ? output : '', seconds };
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
