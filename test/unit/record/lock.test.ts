import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { RunLock } from '../../../src/record/lock.ts';
import { temporaryFolder } from '../../fixtures/record/ticks.ts';

function take(folder: string): RunLock {
  const lock = RunLock.take(folder);
  if (!(lock instanceof RunLock)) throw new Error(`owned by ${lock.pid}`);
  return lock;
}

function edit(folder: string, sql: string): void {
  const db = new DatabaseSync(join(folder, 'lock'));
  db.exec(sql);
  db.close();
}

test('a run has one owner until it is released', () => {
  const folder = temporaryFolder();
  expect(RunLock.owner(folder)).toBe(false);
  const lock = take(folder);
  expect(RunLock.owner(folder)).toMatchObject({ pid: process.pid });
  expect(RunLock.take(folder)).toMatchObject({ pid: process.pid });
  lock.release();
  expect(RunLock.owner(folder)).toBe(false);
  take(folder).release();
});

test('an owner that lives keeps the run where locks of files do nothing, and a dead one does not', () => {
  const folder = temporaryFolder();
  take(folder).release();
  const stat = readFileSync(`/proc/${process.ppid}/stat`, 'utf8');
  const start = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  edit(folder, `INSERT INTO owner VALUES (1, ${process.ppid}, '${start}', '${boot}')`);
  expect(RunLock.owner(folder)).toMatchObject({ pid: process.ppid });
  expect(RunLock.take(folder)).toMatchObject({ pid: process.ppid });
  for (const change of ["start = '1'", "boot = 'another'", 'start = NULL', 'pid = 4194305']) {
    edit(folder, `UPDATE owner SET pid = ${process.ppid}, start = '${start}', boot = '${boot}'; UPDATE owner SET ${change}`);
    expect(RunLock.owner(folder)).toBe(false);
  }
  take(folder).release();
});

test('an owner that has ended is dead before anybody has asked how', async () => {
  const folder = temporaryFolder();
  take(folder).release();
  // Its child ends, and becomes that of a program which asks nobody.
  const parent = spawn('sh', ['-c', 'sleep 0.1 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] });
  const [said] = (await once(parent.stdout, 'data')) as [Buffer];
  const pid = Number(String(said));
  const stat = (): string[] => {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  };
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  edit(folder, `INSERT INTO owner VALUES (1, ${pid}, '${stat()[19]}', '${boot}')`);
  while (stat()[0] !== 'Z') await sleep(20);
  expect(RunLock.owner(folder)).toBe(false);
  parent.kill();
});

test('a lock that is no lock locks nothing, but cannot be taken either', () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'lock'), 'garbage '.repeat(100));
  expect(RunLock.owner(folder)).toBe(false);
  expect(() => RunLock.take(folder)).toThrow(/not a database/);
});
