import * as fc from '../property.ts';
import { describe, expect, test } from 'vitest';
import { type Change, type Found, Members } from '../../src/sources/members.ts';

/** A process; `image` stands for the program it runs. */
function found(pid: number, startTime = pid, more: Partial<Found> & { program?: number } = {}): Found {
  return { pid, startTime, comm: `p${pid}`, image: { startStack: more.program ?? 1, comm: 0 }, age: 100, ...more };
}

/** `restart 2 12<-11` and the like. */
function told(changes: readonly Change[]): string[] {
  return changes.map((change) => {
    if (change.kind === 'gone') return `gone ${change.last.pid}`;
    const { pid, member } = change.proc;
    const who = `${member ?? '-'} ${pid}`;
    return change.kind === 'restart' ? `${change.reason} ${who}<-${change.previous.pid}` : `${change.kind} ${who}`;
  });
}

function slots(members: Members): string[] {
  return members.procs.map(({ member, pid }) => `${member ?? '-'}:${pid}`);
}

describe('a role of one process', () => {
  test('is found, restarts, is gone and comes back', () => {
    const role = new Members(false);
    expect(told(role.update([]))).toEqual([]);
    expect(told(role.update([found(10)]))).toEqual(['found - 10']);
    expect(role.procs).toEqual([{ pid: 10, startTime: 10, comm: 'p10', member: null }]);
    expect(told(role.update([found(10)]))).toEqual([]);
    expect(told(role.update([found(11)]))).toEqual(['replaced - 11<-10']);
    expect(told(role.update([]))).toEqual(['gone 11']);
    expect(told(role.update([]))).toEqual([]);
    expect(role.procs).toEqual([]);
    expect(told(role.update([found(12)]))).toEqual(['replaced - 12<-11']);
  });

  test('the same pid with another start time is another process', () => {
    const role = new Members(false);
    role.update([found(10, 500)]);
    expect(told(role.update([found(10, 900)]))).toEqual(['replaced - 10<-10']);
    expect(role.procs[0]?.startTime).toBe(900);
  });

  test('who is known to have ended is another process even with the same pid and start time', () => {
    for (const several of [false, true]) {
      const role = new Members(several);
      role.update([found(10)]);
      const [first] = role.procs;
      expect(told(role.update([found(10)], new Set([first!])))).toEqual([`replaced ${several ? 1 : '-'} 10<-10`]);
      expect(role.procs[0]).not.toBe(first);
    }
  });

  test('exec in place is a restart of the same pid, unless a script was just becoming its program', () => {
    const role = new Members(false);
    role.update([found(10)]);
    const [before] = role.procs;
    expect(told(role.update([found(10, 10, { program: 2, comm: 'app' })]))).toEqual(['exec - 10<-10']);
    expect(role.procs[0]).not.toBe(before);
    expect(role.procs[0]?.comm).toBe('app');
    expect(told(role.update([found(10, 10, { program: 3, age: 0.5, comm: 'new' })]))).toEqual([]);
    expect(role.procs[0]?.comm).toBe('new');
    expect(told(role.update([found(10, 10, { program: 4, age: NaN })]))).toEqual(['exec - 10<-10']); // age unknown
  });

  test('an unchanged process keeps its object: sources know it by that', () => {
    const role = new Members(false);
    role.update([found(10)]);
    const [proc] = role.procs;
    role.update([found(10, 10, { comm: 'renamed itself' })]);
    expect(role.procs[0]).toBe(proc);
  });
});

describe('a role of several processes', () => {
  test('slots are given in the order of start and taken over by successors', () => {
    const role = new Members(true);
    expect(told(role.update([found(30), found(10), found(20)]))).toEqual(['found 1 10', 'start 1 10', 'start 2 20', 'start 3 30']);
    expect(told(role.update([found(10), found(30), found(40)]))).toEqual(['replaced 2 40<-20']);
    expect(slots(role)).toEqual(['1:10', '2:40', '3:30']);
    expect(told(role.update([found(40), found(30)]))).toEqual(['end 1 10']);
    expect(told(role.update([found(40), found(30), found(50)]))).toEqual(['replaced 1 50<-10']);
    expect(told(role.update([]))).toEqual(['end 1 50', 'end 2 40', 'end 3 30', 'gone 50']);
    expect(told(role.update([found(60)]))).toEqual(['found 1 60', 'replaced 1 60<-50']);
  });

  test('when several are on their way, the successor of who ended first is who started first', () => {
    const role = new Members(true);
    role.update([found(10), found(20), found(30)]);
    role.update([found(10), found(20)]);
    role.update([found(20)]);
    expect(told(role.update([found(20), found(40), found(50), found(60)]))).toEqual([
      'replaced 3 40<-30',
      'replaced 1 50<-10',
      'start 4 60',
    ]);
  });

  test('beyond 32 they are others, and take over nothing', () => {
    const role = new Members(true);
    const all = Array.from({ length: 40 }, (_, i) => found(100 + i));
    role.update(all);
    expect(role.overflows).toBe(true);
    expect(slots(role).slice(30)).toEqual(['31:130', '32:131', ...[132, 133, 134, 135, 136, 137, 138, 139].map((pid) => `other:${pid}`)]);
    role.update(all.slice(1));
    expect(slots(role)).not.toContain('1:132');
    role.update([...all.slice(1), found(200)]);
    expect(slots(role)[0]).toBe('1:200');
    role.update(all.slice(1, 32));
    expect(role.overflows).toBe(false);
  });

  test('whatever comes and goes: every process has one place, survivors keep theirs, and changes tell the story', () => {
    const look = fc.uniqueArray(
      fc.record({
        pid: fc.integer({ min: 1, max: 60 }),
        startTime: fc.integer({ min: 1, max: 3 }),
        program: fc.integer({ min: 1, max: 2 }),
      }),
      { selector: ({ pid }) => pid, maxLength: 50 },
    );
    fc.assert(
      fc.property(fc.array(look, { maxLength: 12 }), (looks) => {
        const role = new Members(true);
        const alive = new Map<string, number>(); // by what the changes say
        for (const processes of looks) {
          const before = new Map(role.procs.map((proc) => [`${proc.pid}@${proc.startTime}`, proc]));
          const changes = role.update(processes.map(({ pid, startTime, program }) => found(pid, startTime, { program })));
          const { procs } = role;
          expect(new Set(procs.map(({ pid }) => pid))).toEqual(new Set(processes.map(({ pid }) => pid)));
          const members = procs.map(({ member }) => member).filter((member) => member !== 'other');
          expect(new Set(members).size).toBe(members.length);
          expect(members.every((member) => Number(member) >= 1 && Number(member) <= 32)).toBe(true);
          for (const proc of procs) expect(before.get(`${proc.pid}@${proc.startTime}`)?.member ?? proc.member).toBe(proc.member);
          for (const change of changes) {
            if (change.kind === 'start' || change.kind === 'restart') alive.set(change.proc.member!, change.proc.pid);
            if (change.kind === 'end') alive.delete(change.proc.member!);
          }
          const slotted = procs.filter(({ member }) => member !== 'other').map(({ member, pid }) => [member, pid] as const);
          expect(alive).toEqual(new Map(slotted as [string, number][]));
        }
      }),
    );
  });
});
