import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Verdict } from '../../src/analysis/verdict.ts';
import { Leaving } from '../../src/leaving.ts';
import { TerminationLog } from '../../src/terminationlog.ts';
import { MESSAGE_MAX, terminationMessage } from '../../src/views/termination.ts';
import { problemOf, temporaryFolder } from '../fixtures/record/ticks.ts';
import * as fc from '../property.ts';

function verdictOf(outcome: Verdict['outcome'], end: string | null, reasons: readonly string[] = []): Verdict {
  const run = { id: '0123abcd', start: '2026-11-21T01:32:57.000Z', end, planned: null, agent: '1.0.0', configHash: 'x' };
  return { schema: 1, outcome, run, coverage: 1, reasons } as unknown as Verdict;
}

const END = '2026-11-21T09:32:57.000Z';

class Place {
  readonly folder = temporaryFolder();
  readonly message = join(this.folder, 'termination-log');
  readonly complaints: string[] = [];

  leaving(now = 0): Leaving {
    return new Leaving(
      { folder: this.folder, log: TerminationLog.find(this.message), complain: (text) => this.complaints.push(text) },
      now,
    );
  }

  soFar(): Verdict | null {
    const path = join(this.folder, 'verdict-so-far.json');
    return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Verdict) : null;
  }

  said(): unknown {
    return JSON.parse(readFileSync(this.message, 'utf8'));
  }
}

/** Run times at which the verdict was asked for. */
function asked(leaving: Leaving, from: number, to: number): number[] {
  const times: number[] = [];
  for (let now = from; now <= to; now++) {
    leaving.tick(now, () => {
      times.push(now);
      return verdictOf('inconclusive', null);
    });
  }
  return times;
}

describe('the verdict so far', () => {
  test('is written in the first minute, and at every full minute from then on', () => {
    expect(asked(new Place().leaving(), 0, 320)).toEqual([10, 20, 40, 60, 120, 180, 240, 300]);
  });

  test('is written soon after a resumption', () => {
    expect(asked(new Place().leaving(7200), 7200, 7340)).toEqual([7210, 7260, 7320]);
  });

  test('says that it is not final, in its file and in the message; at the end there is only the final one', () => {
    const place = new Place();
    const leaving = place.leaving();
    leaving.tick(10, () => verdictOf('inconclusive', null, ['too short']));
    expect(place.soFar()).toMatchObject({ outcome: 'inconclusive', run: { end: null } });
    expect(place.said()).toMatchObject({ outcome: 'inconclusive', final: false, end: null, reasons: ['too short'], more: 0 });
    leaving.end(verdictOf('fail', END));
    expect(place.soFar()).not.toBeNull(); // the final one could not be written: this one is all there is
    writeFileSync(join(place.folder, 'verdict.json'), '{}');
    leaving.end(verdictOf('fail', END));
    expect(place.soFar()).toBeNull();
    expect(place.said()).toMatchObject({ outcome: 'fail', final: true, end: END });
  });

  test('that cannot be written is told once, and the run goes on', () => {
    const place = new Place();
    const leaving = place.leaving();
    mkdirSync(join(place.folder, 'verdict-so-far.json.tmp'));
    asked(leaving, 0, 300);
    expect(place.complaints).toEqual([expect.stringMatching(/^the verdict so far cannot be written: EISDIR/)]);
    expect(place.said()).toMatchObject({ outcome: 'inconclusive' });
  });
});

describe('the termination message', () => {
  test('replaces what was there in place: the file stays the one that is mounted, and nothing of the longer one before is left', () => {
    const place = new Place();
    writeFileSync(place.message, 'x'.repeat(5000));
    const { ino } = statSync(place.message);
    place.leaving().end(verdictOf('pass', END));
    expect(readFileSync(place.message, 'utf8')).toBe(terminationMessage(verdictOf('pass', END)));
    expect(statSync(place.message).ino).toBe(ino);
  });

  test('is written without being asked for only where Kubernetes has made the file', () => {
    expect(existsSync('/dev/termination-log')).toBe(false);
    expect(TerminationLog.find(null)).toBeNull();
  });

  test('to a path that cannot be written is a mistake of the user', () => {
    const folder = temporaryFolder();
    expect(problemOf(() => TerminationLog.find(join(folder, 'no', 'file')))).toMatch(
      /^OUT: --termination-log: .* cannot be written \(ENOENT/,
    );
    expect(problemOf(() => TerminationLog.find(folder))).toMatch(/^OUT: --termination-log: .* \(EISDIR/);
  });

  test('begins with the outcome, has whole reasons, and says how many more there are', () => {
    const reasons = Array.from({ length: 40 }, (_, i) => `${i} ${'é'.repeat(100)}`);
    const text = terminationMessage(verdictOf('fail', END, reasons));
    const message = JSON.parse(text) as { reasons: string[]; more: number };
    expect(text).toMatch(/^\{"outcome":"fail","final":true,"run":"0123abcd",/);
    expect(message.reasons).toEqual(reasons.slice(0, message.reasons.length));
    expect(message.reasons.length + message.more).toBe(40);
    expect(Buffer.byteLength(text)).toBeGreaterThan(MESSAGE_MAX - 250);
  });

  test('fits, whatever the reasons are', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 600 }), { maxLength: 30 }), (reasons) => {
        const text = terminationMessage(verdictOf('fail', END, reasons));
        expect(Buffer.byteLength(text)).toBeLessThanOrEqual(MESSAGE_MAX);
        expect(JSON.parse(text)).toMatchObject({ outcome: 'fail' });
        expect(text.trimEnd()).not.toContain('\n');
      }),
    );
  });
});
