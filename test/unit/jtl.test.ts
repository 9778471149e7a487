/** Files of results as they are really written, and what else may stand in them. */
import { appendFileSync, mkdtempSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SimClock } from '../../src/clock.ts';
import { jtlSource } from '../../src/sources/jtl.ts';
import { CsvRecords } from '../../src/sources/jtl-csv.ts';
import { TotalWindows } from '../../src/sources/jtl-windows.ts';
import { formatOf } from '../../src/sources/jtl-format.ts';
import { JmeterRows } from '../../src/sources/jtl-rows.ts';
import type { Source } from '../../src/sources/source.ts';
import type { TrafficWindow } from '../../src/traffic/window.ts';
import * as fc from '../property.ts';
import { Readings } from '../readings.ts';

const FIXTURES = join(import.meta.dirname, '../fixtures/load');
const fixture = (name: string): string => readFileSync(join(FIXTURES, name), 'utf8');

let folder = '';
let path = '';
let windows: TrafficWindow[] = [];
let notes: string[] = [];
let followed: string[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'soak-jtl-'));
  path = join(folder, 'run.jtl');
  windows = [];
  notes = [];
  followed = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A run that began a second before the wall time. */
async function following(wall: number): Promise<{ source: Source; readings: Readings; clock: SimClock }> {
  const clock = new SimClock({ monotonic: 1, wall });
  const readings = new Readings({ proc: '/proc', sys: '/sys' }, {}, clock);
  const traffic = {
    window: (window: TrafficWindow) => windows.push(window),
    note: (_: string, { what }: { what: string }) => notes.push(what),
    followed: (tool: string, target: string | null) => followed.push(`${tool} of ${target}`),
  };
  const source = jtlSource(readings.ctx, { target: 'api', path }, traffic);
  await source.open(readings);
  return { source, readings, clock };
}

const all = (): TrafficWindow[] => windows.filter(({ operation }) => operation === null);
const total = (): number => all().reduce((sum, { requests }) => sum + requests, 0);

describe('a JTL', () => {
  test('of JMeter itself: samples counted once, beside their transactions', async () => {
    const text = fixture('jmeter-2.13.jtl');
    const first = Number(/^\d{13}/m.exec(text)![0]) / 1000;
    const { source, readings } = await following(first);
    writeFileSync(path, text);
    await source.read(readings, new AbortController().signal);
    await source.finish!(readings);
    await source.close();
    expect(total()).toBe(48);
    expect(followed).toEqual(['JMeter of api']);
    expect(all()[0]).toMatchObject({
      target: 'api',
      sender: 'JMeter run.jtl',
      errors: 32,
      failures: { http_401: 16, refused: 16 },
      kind: 'exact',
    });
    expect(windows.map(({ operation }) => operation).toSorted()).toEqual(['Browse', 'Denied', 'Refused', null]);
    expect(notes).toEqual([]);
    expect(readings.events).toEqual([]);
  });

  test('of 5.6: line ends in quotes, a failed assertion, and windows by the time at which samples ended', async () => {
    const { source, readings, clock } = await following(1_763_735_400);
    writeFileSync(path, fixture('jmeter-5.6.jtl'));
    clock.advance(60);
    await readings.read(source);
    expect(all()).toMatchObject([{ from: 0, to: 10, requests: 2, errors: 1, failures: { check: 1 }, users: 2 }]);
    await source.finish!(readings);
    expect(all()[1]).toMatchObject({ from: 40, to: 50, requests: 1, failures: { timeout: 1 } });
    expect(all()[1]!.sum).toBeCloseTo(30, 9);
    await source.close();
  });

  test('in which transactions stand in the place of their samples counts those', () => {
    const rows = new JmeterRows(['timeStamp', 'elapsed', 'label', 'responseMessage', 'success']);
    const parent = ['1763735400000', '5', 'Buy', 'Number of samples in transaction : 2, number of failing samples : 0', 'true'];
    expect(rows.read(parent)).toMatchObject({ operation: 'Buy', count: 1, errors: 0 });
    expect(rows.read(['1763735400000', '5', 'Browse', 'OK', 'true'])).toMatchObject({ operation: 'Browse' });
    expect(rows.read(parent)).toBeNull();
  });

  test('has samples of several requests, other delimiters and names in any case', () => {
    const rows = new JmeterRows(['TIMESTAMP', 'Elapsed', 'SampleCount', 'ErrorCount', 'success', 'responseCode']);
    expect(rows.read(['1763735400000', '500', '5', '2', 'false', '500'])).toMatchObject({
      count: 5,
      errors: 2,
      elapsed: 0.1,
      failure: 'http_5xx',
    });
    expect(formatOf('timeStamp;elapsed;label')).toMatchObject({ kind: 'jmeter', delimiter: ';' });
    expect(formatOf('\uFEFF"timeStamp"\t"elapsed"\r')).toMatchObject({ kind: 'jmeter', delimiter: '\t', header: ['timeStamp', 'elapsed'] });
  });

  test.each([
    ['<?xml version="1.0"?>', /XML.*output_format=csv/],
    ['1763735400000,12,Browse', /print_field_names=true/],
    ['hello', /neither that of a JMeter JTL/],
  ])('that begins with %s is refused, with what to set', (line, why) => {
    expect(formatOf(line)).toMatchObject({ kind: 'refused', why });
  });
});

describe('the file', () => {
  const HEADER = 'timeStamp,elapsed,label,success\n';
  const row = (second: number): string => `${(1_763_735_400 + second) * 1000},10,A,true\n`;

  test('is not there yet, comes, is truncated, is replaced: nothing is counted twice, nothing is lost', async () => {
    const { source, readings } = await following(1_763_735_401);
    await readings.read(source);
    writeFileSync(path, HEADER + row(1));
    await readings.read(source);
    appendFileSync(path, row(2).slice(0, 7));
    await readings.read(source);
    appendFileSync(path, row(2).slice(7) + row(3));
    await readings.read(source);
    truncateSync(path, 0);
    appendFileSync(path, HEADER + row(4));
    await readings.read(source);
    appendFileSync(path, row(5));
    renameSync(path, `${path}.1`);
    writeFileSync(path, HEADER + row(6));
    await readings.read(source);
    await source.finish!(readings);
    await source.close();
    expect(total()).toBe(6);
    expect(readings.events).toEqual([]);
  });

  test('from before the run is left out, but for the row that is still being written', async () => {
    writeFileSync(path, HEADER + row(1) + row(2) + row(3).slice(0, 9));
    const { source, readings } = await following(1_763_735_401);
    appendFileSync(path, row(3).slice(9) + row(4));
    await source.finish!(readings);
    await source.close();
    expect(total()).toBe(2);
  });

  test('with rows from before the run says so', async () => {
    const { source, readings } = await following(1_763_735_401);
    writeFileSync(path, HEADER + row(-30) + row(3) + 'nonsense,1,2,3\n');
    await source.finish!(readings);
    await source.close();
    expect(total()).toBe(1);
    expect(notes).toEqual(['before', 'unreadable']);
  });

  test('that is not there after a minute, or that is none, is told once', async () => {
    const { source, readings, clock } = await following(1_763_735_401);
    clock.advance(61);
    await readings.read(source);
    expect(readings.events.map(({ message }) => message)).toEqual([expect.stringMatching(/run\.jtl cannot be read: it is not there yet/)]);
    await readings.read(source);
    expect(readings.events).toEqual([]);
    await source.close();
    path = folder;
    const other = await following(1_763_735_401);
    await other.source.read(other.readings, new AbortController().signal);
    expect(other.readings.events.map(({ message }) => message)).toEqual([expect.stringMatching(/EISDIR/)]);
    await other.source.close();
  });
});

test('the history of Locust: differences of its totals, and no percentiles since the start', async () => {
  const { source, readings } = await following(1_763_735_401);
  writeFileSync(path, fixture('locust_stats_history.csv'));
  await source.finish!(readings);
  await source.close();
  expect(all()).toMatchObject([{ requests: 110, errors: 10, users: 4, quantiles: null, from: 1, to: 12 }]);
  expect(all()[0]!.sum).toBeCloseTo(110 * 0.0225, 9);
});

test('totals of a clock that is set back make no window that ends before it begins, and no more errors than requests', () => {
  const totals = new TotalWindows();
  const at = (seconds: number, requests: number, errors: number) => ({
    at: seconds,
    operation: null,
    requests,
    errors,
    sum: requests,
    users: 1,
    quantiles: null,
  });
  const whose = { target: null, sender: 'Locust' };
  expect(totals.add(at(100, 10, 0), whose, 0)).toBeNull();
  expect(totals.add(at(40, 30, 25), whose, 0)).toMatchObject({ from: 40, to: 40, requests: 20, errors: 20 });
});

describe('records of a CSV', () => {
  const field = fc.string({ unit: fc.constantFrom('a', ',', '"', '\n', '\r', ' ', 'é'), maxLength: 6 });
  const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;

  test('come out as they went in, wherever the text is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(field, { minLength: 2, maxLength: 4 }), { maxLength: 5 }),
        fc.array(fc.nat(40), { maxLength: 6 }),
        (rows, cuts) => {
          const text = rows.map((row) => `${row.map(quoted).join(',')}\n`).join('');
          const records = new CsvRecords();
          const out: string[][] = [];
          let at = 0;
          for (const cut of [...cuts, text.length]) {
            out.push(...records.add(text.slice(at, at + cut)));
            at += cut;
          }
          expect(out).toEqual(rows);
        },
      ),
    );
  });

  test('never throw, and never keep more than one record', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: fc.constantFrom('a', ',', '"', '\n') }), { maxLength: 20 }), (pieces) => {
        const records = new CsvRecords();
        for (const piece of pieces) for (const record of records.add(piece)) expect(record.length).toBeGreaterThan(0);
      }),
    );
    const records = new CsvRecords();
    expect([...records.add(`"${'x'.repeat(100_000)}`)]).toEqual([]);
    expect([...records.add('yyy')]).toEqual([]);
    expect([...records.add('\na,b\n')]).toEqual([['a', 'b']]);
    expect(records.left).toBe(1);
  });

  test('of JMeter never make rows throw, nor count what is no sample', () => {
    const header = ['timeStamp', 'elapsed', 'label', 'success', 'SampleCount', 'ErrorCount', 'responseCode'];
    fc.assert(
      fc.property(fc.array(fc.string(), { maxLength: 8 }), (row) => {
        const told = new JmeterRows(header).read(row);
        if (told !== null && told !== 'unreadable') expect(/^\d{12,13}$/.test(row[0]!) && /^\d+$/.test(row[1]!)).toBe(true);
      }),
    );
  });
});
