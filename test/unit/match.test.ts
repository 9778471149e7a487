import { describe, expect, test } from 'vitest';
import { parseSelector, selects } from '../../src/intake/match.ts';
import { Problem } from '../../src/problem.ts';
import * as fc from '../property.ts';

const matches = (selector: string, labels: Record<string, string>): boolean => selects(parseSelector(selector), labels);

function faultOf(text: string): string {
  try {
    parseSelector(text);
  } catch (error) {
    if (error instanceof Problem) return error.message;
    throw error;
  }
  return 'none';
}

describe('a selector', () => {
  test.each<[string, Record<string, string>, boolean]>([
    ['a', {}, true],
    ['a{}', { x: '1' }, true],
    ['a{x="1"}', { x: '1' }, true],
    ['a{x="1"}', { x: '11' }, false],
    ['a{x!="1",}', {}, true],
    ['a{x=""}', {}, true],
    ['a{x=~"a.*"}', { x: 'abc' }, true],
    ['a{x=~"b"}', { x: 'abc' }, false], // a pattern is of the whole value
    ['a{x!~"5..|4.."}', { x: '503' }, false],
    ['a{x!~"5..|4.."}', { x: '200' }, true],
    [String.raw`a{x="q\"\\\n"}`, { x: 'q"\\\n' }, true],
    [`a{x='1', y!='2'}`, { x: '1', y: '1' }, true],
    ['a{constructor=""}', {}, true],
    ['{"a.b", "x.y"="1"}', { 'x.y': '1' }, true],
    ['a.b{x.y=~".*(Old Gen|ZHeap)"}', { 'x.y': 'G1 Old Gen' }, true],
    ['a{x=~".+"}', { x: 'two\nlines' }, true],
  ])('%s of %j: %s', (selector, labels, expected) => {
    expect(matches(selector, labels)).toBe(expected);
    expect(matches(selector, labels)).toBe(expected); // what is remembered of a pattern
  });

  test.each([
    ['', /begin with the name/],
    ['{x="1"}', /begin with the name/],
    ['a{x="1"', /column 3/],
    ['a{x}', /column 3/],
    ['a{x=1}', /column 3/],
    ['a{x=~"("}', /regular expression/],
    ['a{x=~"(a+)+"}', /may not repeat a group/],
    ['a{x=~"(a|a)*"}', /may not repeat a group/],
    ['a{x=~".*.*.*.*b"}', /at most 3/],
    ['a{x=~"a?a?a?a?aaaa"}', /at most 3/],
    [String.raw`a{x=~"(a)\\1"}`, /references/],
    ['a{x=~"(?=a)"}', /look-around/],
    ['rate(a[5m])', /column 5/],
    ['a[5m]', /column 2/],
    ['a{x="1"} > 3', /column 9/],
    [`a{x=~"${'x'.repeat(201)}"}`, /longer than 200/],
    [`a{${'x="1",'.repeat(17)}}`, /more than 16/],
    ['a'.repeat(1001), /longer than 1000/],
  ])('%s is refused', (text, why) => {
    expect(faultOf(text)).toMatch(why);
  });

  test('whatever is written, it is a selector or a problem', () => {
    const text = fc.oneof(
      fc.string(),
      fc
        .array(fc.constantFrom('a', '{', '}', '"', '=', '=~', '!~', ',', '\\', '(', '*', '+', '|', ' ', 'x="1"'))
        .map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, fc.dictionary(fc.string(), fc.string()), (selector, labels) => {
        if (faultOf(selector) === 'none') expect(typeof matches(selector, labels)).toBe('boolean');
      }),
      { numRuns: fc.tries(2000) },
    );
  });

  test('a pattern that is taken is matched in bounded work', () => {
    const selector = parseSelector('a{x=~"x*x*x*y"}');
    expect(selects(selector, { x: 'x'.repeat(100_000) })).toBe(false);
  });
});
