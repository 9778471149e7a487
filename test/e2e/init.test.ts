/** `soak-agent init` on a real program with a page of metrics: an agent. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Stage } from './agent-under-test.ts';

test('what is found of a program becomes a configuration that can be run', async () => {
  await using stage = new Stage();
  const service = await stage.service('busy=20');
  const agent = await stage.watching(['--target', `app=${service.pid}`]);
  await agent.ready();
  const url = await agent.url();
  const path = join(stage.folder, 'soak.yaml');
  const wrote = await stage.command('init', '--target', `agent=${agent.pid}`, '--target', `app=${service.pid}`, '--write', path);
  expect([wrote.code, wrote.out]).toEqual([0, '']);
  const text = readFileSync(path, 'utf8');
  // A pid is another one after the next start.
  expect(text).toContain(`selector: "port:${new URL(url).port}"\n    role: agent`);
  expect(text).toContain('selector: "name:service"\n    role: app');
  expect(text).toContain(`url: "${url}/metrics"\n    target: agent`);
  expect((await stage.command('config', 'check', '--config', path)).code).toBe(0);
  const again = await stage.command('init', '--target', `agent=${agent.pid}`, '--target', 'x', '--write', path);
  expect(again.code).toBe(64);
  expect(again.err).toMatch(/--write: .* is there already[^]*--target: this is no selector/);
  const nobody = await stage.command('init', '--target', 'app=name:not-there');
  expect([nobody.code, nobody.out]).toEqual([64, '']);
});
