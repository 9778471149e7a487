/** Another program holds the record of a run for a while: what the user is told of it. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Verdict } from '../../src/analysis/verdict.ts';
import { installed, reading, Stage, until } from './agent-under-test.ts';

test.runIf(installed('perl'))('ticks that are not recorded are an event, a metric, and a line at the end', async () => {
  await using stage = new Stage();
  const app = await stage.program('perl', '-e', '$| = 1; print "ready\n"; sleep 600');
  const agent = await stage.watching(['--target', `app=${app.pid}`, '--interval', '0.5']);
  await agent.ready();
  const folder = await agent.recording();
  const other = new DatabaseSync(join(folder, 'record.sqlite'), { timeout: 10_000 }); // the agent may be writing
  other.exec('BEGIN IMMEDIATE');
  const lost = /^soak_agent_record_ticks_lost_total\{.*\} (\d+)$/m;
  const page = await until(
    async () => (await agent.page('/metrics')).text,
    (text) => Number(lost.exec(text)?.[1]) > 3,
  );
  expect(page).toMatch(lost);
  other.exec('ROLLBACK');
  other.close();
  await sleep(1500);
  await agent.end('SIGTERM');
  const result = await agent.result();
  expect(agent.out).toMatch(/^record in \S+, without \d+ ticks during which another program held it; they are judged all the same$/m);
  expect(result.events('record_lost').map(({ message }) => message)).toEqual(['ticks cannot be recorded: another program holds it']);
  expect(result.verdict.events.filter(({ kind }) => kind === 'record_lost')).toHaveLength(1);
  expect(reading(folder, (reader) => reader.thinned)).toBe(true);
  const again = await stage.command('replay', folder, '--json', '--rule', 'fds < 1');
  // Of the samples that the record has, fewer were taken than the run has judged, whatever a busy machine has kept from it.
  expect(result.verdict.coverage).toBeGreaterThan((JSON.parse(again.out) as Verdict).coverage! + 0.1);
  expect(again.err).toMatch(/^ticks are missing from the record \(its cap, or another program held it\): /);
});
