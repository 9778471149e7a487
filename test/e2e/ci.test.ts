/**
 * The CI templates as CI systems execute them: the steps of action.yml and the script of the GitLab job, word for word, with the real agent on
 * real programs. What no program does in seconds (a run that passes) is a recorded one.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { recordRun } from '../recorded.ts';
import { M } from '../sim/metrics.ts';
import { MB } from '../sim/run.ts';
import { constant, line, poisson, rounded, sum, white } from '../sim/series.ts';
import { CLI } from '../soakagent.ts';
import { Stage, until } from './agent-under-test.ts';

const matching = (pattern: RegExp): string => expect.stringMatching(pattern) as string;

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

interface Step {
  readonly id?: string;
  readonly if?: string;
  readonly run?: string;
  readonly uses?: string;
  readonly with?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
}

interface Action {
  readonly inputs: Readonly<Record<string, { readonly default: string }>>;
  readonly outputs: Readonly<Record<string, { readonly value: string }>>;
  readonly runs: { readonly steps: readonly Step[] };
}

const ACTION = parse(readFileSync(join(ROOT, 'action.yml'), 'utf8')) as Action;
const AGENT = `${process.execPath} ${CLI}`;

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly outputs: Readonly<Record<string, string>>;
  readonly summary: string;
}

/** Only what such a machine has: the variables of the test run are not those of the job. */
function bash(script: string, env: Readonly<Record<string, string>>, cwd: string): Promise<{ code: number; out: string }> {
  const child = spawn('bash', ['--noprofile', '--norc', '-eo', 'pipefail', '-c', script], {
    cwd,
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (out += text));
  return new Promise((resolve) => child.once('close', (code) => resolve({ code: code ?? -1, out })));
}

function pairs(path: string): Record<string, string> {
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  return Object.fromEntries([...text.matchAll(/^([^=\n]+)=(.*)$/gm)].map(([, name, value]) => [name!, value!]));
}

/** Executes the composite action as a runner does: expressions, conditions, outputs of steps, and what is left after a failed step. */
class Runner {
  readonly #inputs: Readonly<Record<string, string>>;
  readonly #folder: string;
  readonly #steps = new Map<string, Readonly<Record<string, string>>>();
  readonly kept: Record<string, string> = {};

  constructor(folder: string, inputs: Readonly<Record<string, string>>) {
    const known = Object.fromEntries(Object.entries(ACTION.inputs).map(([name, input]) => [name, input.default]));
    for (const name of Object.keys(inputs)) expect(Object.keys(known)).toContain(name);
    this.#inputs = { ...known, agent: AGENT, ...inputs };
    this.#folder = folder;
  }

  async run(): Promise<Ended> {
    let [code, out] = [0, ''];
    const summary = join(this.#folder, `summary-${readdirSync(this.#folder).length}.md`);
    for (const [i, step] of ACTION.runs.steps.entries()) {
      if (!this.#isDue(step.if ?? 'success()', code)) continue;
      if (step.run === undefined) {
        for (const [name, value] of Object.entries(step.with ?? {})) this.kept[name] = this.#filled(value);
        continue;
      }
      expect(step.run).not.toContain('${{'); // what is put into a script is a script
      const output = join(this.#folder, `output-${i}-${readdirSync(this.#folder).length}`);
      const env = Object.fromEntries(Object.entries(step.env ?? {}).map(([name, value]) => [name, this.#filled(value)]));
      const github = { GITHUB_ACTION_PATH: ROOT, GITHUB_OUTPUT: output, GITHUB_STEP_SUMMARY: summary };
      const ended = await bash(step.run, { ...env, ...github }, this.#folder);
      out += ended.out;
      code ||= ended.code;
      if (step.id !== undefined) this.#steps.set(step.id, pairs(output));
    }
    const outputs = Object.fromEntries(Object.entries(ACTION.outputs).map(([name, { value }]) => [name, this.#filled(value)]));
    return { code, out, outputs, summary: existsSync(summary) ? readFileSync(summary, 'utf8') : '' };
  }

  #filled(text: string): string {
    return text.replaceAll(/\$\{\{ (\S+) \}\}/g, (_, path: string) => this.#value(path));
  }

  #value(path: string): string {
    const [kind, name = '', , key = ''] = path.split('.');
    const value = kind === 'inputs' ? this.#inputs[name] : kind === 'steps' ? (this.#steps.get(name)?.[key] ?? '') : undefined;
    if (value === undefined) throw new Error(`nothing is called ${path}`);
    return value;
  }

  #isDue(condition: string, failed: number): boolean {
    return condition.split(' && ').every((part) => {
      const [, path = '', not, text] = /^(\S+) (=|!)= '(.*)'$/.exec(part) ?? [];
      if (part === 'always()' || part === 'success()') return part === 'always()' || failed === 0;
      return (this.#value(path) === text) === (not === '=') && (condition.includes('always()') || failed === 0);
    });
  }
}

const LEVEL = sum(constant(100 * MB), white(1, 0.2 * MB));

/** Two hours of work at a flat level, or of a leak that reaches its limit soon. */
function recorded(out: string, perHour: number): { folder: string; outcome: string } {
  const series = [
    { def: M.memory, signal: sum(LEVEL, line(perHour)) },
    { def: M.memoryLimit, signal: constant(2000 * MB), period: 60 },
    { def: M.fds, signal: constant(20) },
    { def: M.fdLimit, signal: constant(1024), period: 60 },
    { def: M.requests, signal: rounded(poisson(4, 36_000)) },
  ];
  const { folder, verdict } = recordRun({ hours: 2, interval: 10, series, options: { requiredLifetime: 86_400 } }, { out });
  return { folder, outcome: verdict.outcome };
}

/** The gate alone, on what a run has left. */
async function gate(cwd: string, settings: Readonly<Record<string, string>>): Promise<Ended> {
  const at = (name: string): string => join(cwd, name);
  for (const name of ['outputs', 'summary.md']) writeFileSync(at(name), '');
  const env = { SOAKCI_AGENT: AGENT, SOAKCI_OUTPUTS: at('outputs'), SOAKCI_SUMMARY: at('summary.md'), ...settings };
  const { code, out } = await bash(`bash ${join(ROOT, 'ci/gate.sh')}`, env, cwd);
  return { code, out, outputs: pairs(at('outputs')), summary: readFileSync(at('summary.md'), 'utf8') };
}

describe.concurrent('the action', () => {
  test('fails the job on a run that fails, tells why, and keeps the record', async () => {
    await using stage = new Stage();
    const service = await stage.service('busy=20');
    const options = '--rule\nfds < 1\n--listen\n127.0.0.1:0';
    const inputs = { target: `app=${service.pid}`, load: "sh -c 'sleep 2'", options };
    const runner = new Runner(stage.folder, inputs);
    const { code, out, outputs, summary } = await runner.run();
    expect(out).toContain('soak-agent run ended with 10\n');
    expect([code, outputs['outcome'], outputs['comparison']]).toEqual([10, 'fail', '']);
    expect(existsSync(join(stage.folder, outputs['run']!, 'verdict.json'))).toBe(true);
    expect(runner.kept).toMatchObject({ name: 'soak-run', path: outputs['run'] });
    expect(summary).toMatch(/^## ❌ Failed: soak run [0-9a-f]{8}\n\nFailed after \d/);
    expect(summary).toContain('which breaks the rule fds &#60; 1');
    const kept = (name: string): string => readFileSync(join(stage.folder, outputs['run']!, name), 'utf8');
    expect([kept('report.html').slice(0, 15), kept('report.xml')]).toEqual(['<!doctype html>', expect.stringContaining('<failure ')]);
  });

  test('takes an agent that was killed for no verdict', async () => {
    await using stage = new Stage();
    const service = await stage.service('busy=20');
    // From the first second on there is a run of which nothing says how it ended.
    const agent = `timeout -s KILL 4 ${AGENT}`;
    const { code, outputs, summary } = await new Runner(stage.folder, {
      agent,
      target: `app=${service.pid}`,
      options: '--listen\noff',
      'non-blocking': 'true',
    }).run();
    expect([code, outputs['outcome']]).toEqual([70, 'none']);
    expect(summary).toContain('no verdict');
  });

  test('tells a mistake in its inputs, and never executes one', async () => {
    await using stage = new Stage();
    const inputs = { target: 'a"; touch pwned; echo "$(touch pwned)', options: '--interval\n`touch pwned`' };
    const { code, out, outputs } = await new Runner(stage.folder, inputs).run();
    expect([code, outputs['outcome']]).toEqual([64, 'none']);
    expect(out).toContain('--interval');
    expect(existsSync(join(stage.folder, 'pwned'))).toBe(false);
    expect(await new Runner(stage.folder, { mode: 'walk' }).run()).toMatchObject({ code: 64 });
  });

  test('starts a run that outlives its job, and waits for it in another', async () => {
    await using stage = new Stage();
    const service = await stage.service('busy=20');
    const options = '--rule\nfds < 1\n--listen\noff';
    const begun = await new Runner(stage.folder, { mode: 'start', target: `app=${service.pid}`, duration: '1h', options }).run();
    expect([begun.code, begun.outputs['outcome']]).toEqual([0, 'running']);
    const run = begun.outputs['run']!;
    const waited = await new Runner(stage.folder, { mode: 'wait', run, timeout: '1s' }).run();
    expect([waited.code, waited.outputs['outcome']]).toEqual([11, 'inconclusive']);
    await until(
      () => stage.command('verdict', join(stage.folder, run)),
      ({ code }) => code === 10,
    );
    const stopped = await new Runner(stage.folder, { mode: 'stop', 'non-blocking': 'true' }).run();
    expect([stopped.code, stopped.outputs['outcome'], stopped.outputs['run']]).toEqual([0, 'fail', run]);
  });
});

describe.concurrent('the gate', () => {
  test('goes by verdict.json, and by the exit code only where they agree', async () => {
    await using stage = new Stage();
    const healthy = recorded(stage.out, 0);
    expect(healthy.outcome).toBe('pass');
    const of = (code: string, more: Readonly<Record<string, string>> = {}): Promise<Ended> =>
      gate(stage.folder, { SOAKCI_FOLDER: healthy.folder, SOAKCI_CODE: code, ...more });
    expect(await of('0')).toMatchObject({ code: 0, outputs: { outcome: 'pass', run: healthy.folder } });
    for (const code of ['137', '1', '134', '10', '11', '70']) expect((await of(code)).code).toBe(70);
    expect((await of('64')).code).toBe(64);
    expect((await of('')).code).toBe(70);
    expect((await of('0', { SOAKCI_FOLDER: join(stage.folder, 'nowhere') })).code).toBe(70);
    expect((await of('0', { SOAKCI_INCONCLUSIVE: 'perhaps' })).code).toBe(64);
    const broken = join(stage.folder, 'broken');
    mkdirSync(broken);
    for (const text of ['', '{}', '{"schema":1,"run":{"end":null},"outcome":"pass"}', '{"schema":2,"run":{"end":"x"},"outcome":"pass"}']) {
      writeFileSync(join(broken, 'verdict.json'), text);
      expect((await of('0', { SOAKCI_FOLDER: broken })).code).toBe(70);
    }
    const open = JSON.stringify({ schema: 1, run: { end: 'x' }, outcome: 'inconclusive' });
    writeFileSync(join(broken, 'verdict.json'), open);
    expect((await of('11', { SOAKCI_FOLDER: broken })).code).toBe(11);
    expect((await of('11', { SOAKCI_FOLDER: broken, SOAKCI_INCONCLUSIVE: 'pass' })).code).toBe(0);
    expect((await of('0', { SOAKCI_FOLDER: broken })).code).toBe(70);
    expect((await of('0', { SOAKCI_FOLDER: broken, SOAKCI_NON_BLOCKING: 'true' })).code).toBe(0);
  });

  test('goes by the comparison of the run itself as well', async () => {
    await using stage = new Stage();
    const { folder } = recorded(stage.out, 0);
    const of = (code: string, more: Readonly<Record<string, string>> = {}): Promise<Ended> =>
      gate(stage.folder, { SOAKCI_FOLDER: folder, SOAKCI_CODE: code, ...more });
    const comparison = join(folder, 'comparison.json');
    writeFileSync(comparison, '{"outcome":"fail"}');
    expect(await of('10')).toMatchObject({ code: 10, outputs: { outcome: 'pass', comparison: 'fail' } });
    expect((await of('0')).code).toBe(70);
    expect(await of('0', { SOAKCI_NON_BLOCKING: 'true' })).toMatchObject({ code: 0, outputs: { comparison: 'fail' } });
    writeFileSync(comparison, '{"outcome":"inconclusive"}');
    expect((await of('11')).code).toBe(11);
    writeFileSync(comparison, 'torn');
    expect((await of('0')).code).toBe(70);
  });
});

describe('the GitLab job', () => {
  interface Job {
    readonly script: readonly string[];
    readonly variables: Readonly<Record<string, string>>;
    readonly artifacts: { readonly reports: { readonly dotenv: string } };
    readonly allow_failure: { readonly exit_codes: readonly number[] };
  }

  test('fails with the outcome, and hands it on', async () => {
    await using stage = new Stage();
    const service = await stage.service('busy=20');
    const job = (parse(readFileSync(join(ROOT, 'ci/soak.gitlab-ci.yml'), 'utf8')) as Record<string, Job>)['.soak']!;
    const settings = {
      SOAKCI_AGENT: AGENT,
      SOAKCI_SCRIPTS: join(ROOT, 'ci'),
      SOAKCI_TARGET: `app=${service.pid}`,
      SOAKCI_OPTIONS: '--rule\nfds < 1\n--listen\noff',
      SOAKCI_DURATION: '2s',
    };
    const { code, out } = await bash(job.script.join('\n'), { ...job.variables, ...settings }, stage.folder);
    expect(out).toMatch(/## ❌ Failed: soak run [0-9a-f]{8}\n/);
    expect(code).toBe(10);
    expect(job.allow_failure.exit_codes).not.toContain(10);
    expect(pairs(join(stage.folder, job.artifacts.reports.dotenv))).toMatchObject({
      SOAKCI_OUTCOME: 'fail',
      SOAKCI_RUN: matching(/^soak-runs\//),
    });
  });
});
