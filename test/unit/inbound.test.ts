import * as fc from '../property.ts';
import { describe, expect, test } from 'vitest';
import { SimClock } from '../../src/clock.ts';
import { Claims } from '../../src/intake/claims.ts';
import type { GaugePoint, Intake, Point } from '../../src/intake/point.ts';
import { Texts } from '../../src/intake/texts.ts';
import { Rate } from '../../src/sources/inbound-rate.ts';
import { SeriesTable, seriesLabel } from '../../src/series.ts';
import { Tally } from '../../src/sources/inbound-tally.ts';
import { Senders } from '../../src/sources/inbound-senders.ts';
import type { Sink } from '../../src/sources/source.ts';

function gauge(name: string, more: Partial<GaugePoint> = {}): GaugePoint {
  return { kind: 'gauge', name, unit: '', labels: {}, wall: null, since: null, value: 1, ...more };
}

const ORIGIN = { name: 'inbound', target: null };

/** An intake of the names that begin so; its `knows` may be left out. */
function intake(prefix: string, knows: boolean): Intake {
  const isOurs = (name: string): boolean => name.startsWith(prefix);
  return { take: (points) => points.filter(({ name }) => isOurs(name)).length, ...(knows ? { knows: isOurs } : {}) };
}

describe('points that nobody takes', () => {
  test('are counted by name', () => {
    const claims = new Claims([intake('http', true), intake('nodejs', true)]);
    expect(claims.take([gauge('http.a'), gauge('x'), gauge('x'), gauge('nodejs.b'), gauge('y')], ORIGIN)).toBe(1);
    expect(claims.take([gauge('x')], ORIGIN)).toBe(0);
    expect([...claims.names()]).toEqual([
      ['x', 3],
      ['y', 1],
    ]);
  });

  test('are not named where an intake cannot say which it took', () => {
    const claims = new Claims([intake('http', false)]);
    claims.take([gauge('http.a'), gauge('x')], ORIGIN);
    expect([claims.unclaimed, [...claims.names()]]).toEqual([1, []]);
    claims.take([gauge('x')], ORIGIN);
    expect([claims.unclaimed, [...claims.names()]]).toEqual([2, [['x', 1]]]);
  });

  test('are named up to 200 names, and counted beyond', () => {
    const claims = new Claims([]);
    claims.take(
      Array.from({ length: 100_000 }, (_, i) => gauge(`n${i}`)),
      ORIGIN,
    );
    expect([claims.names().size, claims.unclaimed]).toEqual([200, 100_000]);
  });
});

test('points that could not be compared are told by why', () => {
  const series = new SeriesTable();
  const tally = new Tally(series, { source: 'inbound', period: 5 });
  const told: Record<string, number> = {};
  const sink: Sink = { now: () => 0, set: (one, value) => void (told[seriesLabel(series.get(one))] = value), event: () => {} };
  tally.flush(sink, { unclaimed: 4, uncounted: { late: 3, buckets: 0, room: 2 } });
  expect(told).toEqual({
    'inbound soak.inbound.uncounted{soak.inbound.reason="late"}': 3,
    'inbound soak.inbound.uncounted{soak.inbound.reason="room"}': 2,
    'inbound soak.inbound.unclaimed': 4,
  });
});

describe('a rate', () => {
  test('saves up for its span, goes into debt for what it takes as a whole, and says how long that lasts', () => {
    const clock = new SimClock();
    const rate = new Rate(clock, 10, 3);
    expect(rate.wait()).toBe(0);
    rate.spend(29);
    expect(rate.wait()).toBe(0);
    rate.spend(51); // 50 below
    expect(rate.wait()).toBeCloseTo(5.1, 9);
    clock.advance(5);
    expect(rate.wait()).toBeCloseTo(0.1, 9);
    clock.advance(0.2);
    expect(rate.wait()).toBe(0);
    clock.advance(1000);
    expect(rate.wait()).toBe(0);
    rate.spend(30);
    expect(rate.wait()).toBeGreaterThan(0); // no more than the span was saved
  });
});

describe('senders', () => {
  function told(batches: readonly (readonly Point[])[]): string[] {
    const clock = new SimClock({ wall: 5000 });
    const senders = new Senders(clock);
    const messages: string[] = [];
    const sink: Sink = { now: () => 0, set: () => {}, event: (_, message) => void messages.push(message) };
    for (const points of batches) senders.note(points, 'otlp', 'somebody', sink);
    return messages;
  }
  const of = (name: string, wall: number | null = 5000): Point => gauge('m', { wall, labels: { 'service.name': name } });

  test('are told once each, also those without a name', () => {
    expect(told([[of('a'), of('b'), of('a')], [of('b'), gauge('m')], [gauge('m')]])).toEqual([
      'a sends points (otlp)',
      'b sends points (otlp)',
      'somebody sends points (otlp)',
    ]);
  });

  test('with clocks that disagree are named', () => {
    expect(told([[of('a', 4000)], [of('b', 5100)], [of('c', null)], [of('d', 4990)]])).toEqual([
      'a sends points (otlp); its clock is 1000 s behind ours, or its points are old',
      'b sends points (otlp); its clock is 100 s ahead of ours, or its points are old',
      'c sends points (otlp)',
      'd sends points (otlp)',
    ]);
  });

  test('whose times lie in our future later on are named once', () => {
    expect(told([[of('a'), of('a', 5100)], [of('a', 5200)], [of('b', 5100)], [of('b', 5200)]])).toEqual([
      'a sends points (otlp)',
      'a sends points with times 100 s ahead of our clock',
      'b sends points (otlp); its clock is 100 s ahead of ours, or its points are old',
    ]);
  });

  test('are remembered up to 64', () => {
    expect(told([Array.from({ length: 1000 }, (_, i) => of(`s${i}`))]).length).toBe(64);
  });
});

test('texts are those of the bytes, however many share a place', () => {
  const texts = new Texts();
  const bodies = fc.array(fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('a', 'b', 'ab', 'x'.repeat(64), 'x'.repeat(65))), {
    maxLength: 50,
  });
  fc.assert(
    fc.property(bodies, (words) => {
      for (const word of words) {
        const bytes = Buffer.from(`<${word}>`);
        expect(texts.read(bytes, 1, bytes.length - 1)).toBe(bytes.toString('utf8', 1, bytes.length - 1));
      }
    }),
  );
  for (let i = 0; i < 5000; i++)
    expect(texts.read(Buffer.from(`name${i % 1500}`), 0, Buffer.byteLength(`name${i % 1500}`))).toBe(`name${i % 1500}`);
});
