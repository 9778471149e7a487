import { describe, expect, test } from 'vitest';
import { Faults } from '../../src/config/faults.ts';
import { Problem } from '../../src/problem.ts';

function thrown(faults: Faults): Problem | null {
  try {
    faults.throwIfAny();
    return null;
  } catch (error) {
    return error as Problem;
  }
}

describe('faults', () => {
  test('none are no problem', () => {
    expect(thrown(new Faults())).toBeNull();
  });

  test('of one kind keep their code, of several are CONFIG', () => {
    const faults = new Faults();
    faults.add('RULE', '--rule', 'a');
    expect(thrown(faults)?.code).toBe('RULE');
    faults.add('SELECTOR', '--target', 'b');
    expect(thrown(faults)?.code).toBe('CONFIG');
  });

  test('come in the order they were found, those of a file last and by line and column', () => {
    const faults = new Faults();
    for (const place of ['f:10:1', 'f:9:20', '--b', 'f:9:3', 'A:2', '--a']) faults.add('CONFIG', place, 'x');
    expect(thrown(faults)?.details.map((detail) => detail.place)).toEqual(['--b', 'A:2', '--a', 'f:9:3', 'f:9:20', 'f:10:1']);
  });

  test('are told once', () => {
    const faults = new Faults();
    for (const place of ['a', 'a', 'b']) faults.add('CONFIG', place, 'x');
    expect(thrown(faults)?.message).toBe('a: x\nb: x');
  });

  test('show the name of a variable instead of its value, unless that is too short to be a secret', () => {
    const faults = new Faults();
    const hidden = [
      { name: 'LONG', value: 'hunter2' },
      { name: 'SHORT', value: 'r2' },
    ];
    faults.addGiven('CONFIG', { text: '', place: 'p', hidden }, 'a hunter2 b hunter2');
    expect(thrown(faults)?.message).toBe('p: a ${LONG} b ${LONG}');
  });
});

describe('an attempt', () => {
  const given = { text: 'abc', place: '--x' };
  const attempt = (error: Error): (() => unknown) => {
    const faults = new Faults();
    return () => {
      faults.attempt(given, () => {
        throw error;
      });
      return thrown(faults)?.message;
    };
  };

  test('gives what was read', () => {
    const faults = new Faults();
    expect(faults.attempt(given, (text) => text.length)).toBe(3);
    expect(faults.any).toBe(false);
  });

  test('notes a problem at the place of the value, and what that says of the place within it', () => {
    expect(attempt(new Problem('RULE', { place: 'column 3', message: 'expected a metric' }))()).toBe('--x: column 3: expected a metric');
    expect(attempt(new Problem('SELECTOR', { place: '', message: 'no' }))()).toBe('--x: no');
  });

  test('lets defects through', () => {
    expect(attempt(new Problem('INTERNAL', { place: '', message: 'broken' }))).toThrow('broken');
    expect(attempt(new TypeError('undefined'))).toThrow(TypeError);
  });
});
