import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { EXIT, PROBLEMS } from '../../src/problem.ts';

const DOCS = readFileSync(new URL('../../docs/problems.md', import.meta.url), 'utf8');

/** First cells of the table under a heading. */
function firstCells(heading: string): string[] {
  const section = DOCS.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? '';
  return [...section.matchAll(/^\| `?([A-Z_0-9]+)`? \|/gm)].map((match) => match[1] ?? '');
}

describe('docs/problems.md', () => {
  test.each([
    ['Codes that end with 64', 'usage'],
    ['Codes that end with 70', 'failed'],
  ])('%s: each code that there is, and no other', (heading, kind) => {
    const codes = Object.entries(PROBLEMS).filter(([, one]) => one === kind);
    expect(firstCells(heading).toSorted()).toEqual(codes.map(([code]) => code).toSorted());
  });

  test('has every exit code, and no other', () => {
    expect(firstCells('Exit codes').map(Number)).toEqual(Object.values(EXIT).toSorted((a, b) => a - b));
  });
});
