/** What becomes of a run when its load does: a generator that dies, slackens or grows, told by the agent on real processes. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PROGRAMS, type Program, type Result, Stage } from './agent-under-test.ts';

interface Asked {
  readonly service: Program;
  /** The command that asks it, with the arguments of asks.mjs behind the file of results. */
  readonly load: (...args: readonly string[]) => [string, ...string[]];
  readonly jtl: string;
}

async function asked(stage: Stage): Promise<Asked> {
  const service = await stage.program(process.execPath, join(PROGRAMS, 'asked.mjs'));
  const [, port] = await service.says(/^ready (\d+)\n/);
  const jtl = join(stage.folder, 'run.jtl');
  return { service, jtl, load: (...args) => [process.execPath, join(PROGRAMS, 'asks.mjs'), `http://127.0.0.1:${port}`, jtl, ...args] };
}

function why({ verdict }: Result, kind: string): string[] {
  return verdict.findings.filter((one) => one.kind === kind).map((one) => one.why);
}

const FOR_EVER = '100000';

// Traffic comes in windows of ten seconds, of which five are needed, and what is over must be so for a third of a short run or a minute.
describe.concurrent('a load generator', () => {
  test('that dies is named, and what comes after it is not judged', async () => {
    await using stage = new Stage();
    const { service, load, jtl } = await asked(stage);
    const generator = await stage.program(...load(FOR_EVER, '0.05'));
    const config = join(stage.folder, 'soak.yaml');
    const targets = [`app=${service.pid}`, { selector: String(generator.pid), role: 'asks', load: true }];
    writeFileSync(config, JSON.stringify({ targets, jtl: [`app=${jtl}`] }));
    const agent = await stage.watching(['--config', config, '--interval', '0.5', '--duration', '115s']);
    const dying = setTimeout(() => process.kill(generator.pid, 'SIGKILL'), 55_000);
    const result = await agent.result();
    clearTimeout(dying);
    expect(why(result, 'work')).toEqual([expect.stringMatching(/^app: work stopped at 00:0[01]:\d\d, .* judged \(by requests\)$/)]);
    expect(result.events('target_gone').map(({ target }) => target)).toEqual(['asks']);
    expect(result.verdict.outcome).not.toBe('pass');
  });

  test('that asks less than half as often ends what is judged', async () => {
    await using stage = new Stage();
    const { service, load, jtl } = await asked(stage);
    const options = ['--target', `app=${service.pid}`, '--interval', '0.5', '--jtl', jtl, '--duration', '140s'];
    const agent = await stage.watching([...options, '--', ...load(FOR_EVER, '0.1', '600')]);
    const result = await agent.result();
    expect(why(result, 'work')).toEqual([
      expect.stringMatching(/^app: its load fell to less than half at 00:01:\d\d, .* judged \(by requests\)$/),
    ]);
    expect(result.verdict.work.steady).toBe(false);
    expect(result.verdict.outcome).not.toBe('pass');
  });

  test('that grows is blamed itself, before the service', async () => {
    await using stage = new Stage();
    const { service, load, jtl } = await asked(stage);
    const rules = ['--rule', 'load: memory.private < 1GB', '--must-live', '1h'];
    const options = ['--target', `app=${service.pid}`, '--interval', '0.25', '--jtl', jtl, '--duration', '75s', ...rules];
    const agent = await stage.watching([...options, '--', ...load(FOR_EVER, '0.05', 'Infinity', '100000')]);
    const result = await agent.result();
    // Other tests fill the disk of the host.
    const [first] = result.verdict.findings.filter(({ id }) => !id.startsWith('leak:host'));
    expect(first!.kind).toBe('generator');
    expect(first!.why).toMatch(/^the load generator itself \(load\) grows: load\/1 memory\.private grows [\d.]+ GB\/h/);
    // It goes on for ever, and was ended with the run: nobody cut it off.
    expect(result.events('load_end')).toMatchObject([{ data: { class: 'ok', stopped: true } }]);
    expect(why(result, 'load')).toEqual([]);
  });
});
