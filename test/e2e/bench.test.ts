/** The commands of the benchmark of detectors, each once and small. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';

const BENCH = fileURLToPath(new URL('../../bench/detector/', import.meta.url));

let folder = '';
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'soak-bench-'))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function started(script: string, ...args: string[]): { status: number | null; out: string; err: string } {
  const env = { ...process.env, LEAKBENCH: '/nope' };
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(BENCH, script), ...args], { encoding: 'utf8', env });
  return { status, out: stdout, err: stderr };
}

test('run: a table for each floor, a line for each family, every series in the file', () => {
  const file = join(folder, 'rows.json');
  const { status, out, err } = started(
    ...(['run.ts', '--only', 'L17,C22', '--leaky', '1', '--clean', '2', '--dt', '60', '--rules', '--by-family', '--json', file] as const),
  );
  expect(err).toBe('');
  expect(status).toBe(0);
  expect(out).toMatch(/\| soak-agent \(product\) +\| 1\.000 \|/);
  expect(out).toMatch(/\| soak-agent \(small\) +\|/);
  expect(out).toMatch(/\| C22: shrinks +\| +2 \| +0\/0\/0 \|/);
  const { rows } = JSON.parse(readFileSync(file, 'utf8')) as { rows: Record<string, { id: string }[]> };
  expect(rows['mann-kendall']!.map(({ id }) => id)).toEqual(['L17/1/0', 'C22/1/0', 'C22/1/1']);
});

test('run: a family that does not exist is named', () => {
  const { status, err } = started('run.ts', '--only', 'L17,L99');
  expect([status, err]).toEqual([64, expect.stringMatching(/^there is no family L99; there are .*\n$/) as string]);
});

test.each(['run.ts', 'traces.ts', 'false-alarms.ts', 'lives.ts', 'classes.ts', 'follows.ts', 'burden.ts', '../leakbench-open.ts'])(
  '%s says how it is called, and what does not fit in a line',
  (script) => {
    const { status, out, err } = started(script, '--help');
    expect([status, err]).toEqual([0, '']);
    expect(out).toContain(
      script === 'run.ts' ? 'npm run bench:detector' : `node tools/run.mjs bench/detector/${script}`.replace('detector/../', ''),
    );
    expect(out).not.toMatch(/\*\/?$|^ ?\*/m);
    expect(started(script, '--hlep')).toEqual({ status: 64, out: '', err: "Unknown option '--hlep'; --help says what there is\n" });
  },
);

test('false alarms: counts, and fails beyond what is allowed', () => {
  const args = ['--runs', '3', '--hours', '2', '--noise', 'white,walk'];
  const counted = started('false-alarms.ts', ...args, '--at-most', '3');
  expect(counted.err).toBe('');
  expect(counted.status).toBe(0);
  expect(counted.out).toMatch(/\| white \| +3 \| +0 \(0\.00%\) \| +0 \(0\.00%\) \| +63\.16% \|/);
  const refused = started('false-alarms.ts', ...args, '--at-most=-1');
  expect(refused.status).toBe(1);
  expect(refused.err).toBe('more than -1 runs were confirmed: white\n');
});

/** Thirteen minutes of a program that is busy; `grow` in KiB a second. */
function recording(grow: number): Buffer {
  const rows = Array.from({ length: 780 }, (_, t) => `${t + 0.03},${Math.round(90_000 + grow * t + 40 * Math.sin(t * t))},12,${5 * t}`);
  return gzipSync(['# {"case":"made"}', 't,anon_kb,fds,utime', ...rows].join('\n'));
}

test('traces: what leaks fails when stretched, on the column that leaks, and what does not does not', () => {
  writeFileSync(join(folder, 'grows.csv.gz'), recording(200));
  writeFileSync(join(folder, 'stays.csv.gz'), recording(0));
  const truth = [
    { file: 'grows.csv.gz', leak: true, signals: ['anon_kb'] },
    { file: 'stays.csv.gz', leak: false, signals: [] },
  ];
  writeFileSync(join(folder, 'truth.json'), JSON.stringify(truth));
  const { status, out, err } = started('traces.ts', folder, '--stretch', '60', '--all');
  expect(err).toBe('');
  expect(status).toBe(0);
  expect(out).toMatch(/\| grows +\| anon_kb \| +leaks \| +12\.29 \| +fail \| +confirmed \| +12\.\d\d \|/);
  expect(out).toMatch(/\| stays +\| +fds \| +clean \| +0\.00 \| +pass \| +none \|/);
  expect(out).toContain('clean recordings that do not fail: 1 of 1');
  expect(out).toContain('leaks that fail on the right signal: 1 of 1');
});

test('traces: asks for a folder, and says what it does not find', () => {
  expect(started('traces.ts').status).toBe(64);
  const err = "/nope/truth.json cannot be read: ENOENT: no such file or directory, open '/nope/truth.json'\n";
  expect(started('traces.ts', '/nope')).toEqual({ status: 64, out: '', err });
});

test('leakbench-open: says where it has looked for leakbench', () => {
  const err = 'there is no leakbench in /nope: set LEAKBENCH to its folder\n';
  expect(started('../leakbench-open.ts')).toEqual({ status: 64, out: '', err });
});
