import { readFileSync } from 'node:fs';
import { parseSync } from 'oxc-parser';
import { expect, test } from 'vitest';
import { optionOf } from '../../src/config/options.ts';
import { MALLOC, TUNABLES } from '../../src/malloc.ts';
import { EXIT } from '../../src/problem.ts';

const TEXT = readFileSync(new URL('../../src/cli.ts', import.meta.url), 'utf8');

function constant(name: string): number {
  return Number(new RegExp(`^const ${name} = (\\d+);`, 'm').exec(TEXT)?.[1]);
}

test('the entry loads nothing before its handlers and heap limits are set', () => {
  const { staticImports, dynamicImports } = parseSync('cli.ts', TEXT).module;
  expect(staticImports.map((one) => one.moduleRequest.value)).toEqual(['node:fs', 'node:v8']);
  expect(dynamicImports).toHaveLength(1);
  expect(TEXT.indexOf('import(')).toBeGreaterThan(TEXT.indexOf("process.on('uncaughtException'"));
  expect(TEXT.indexOf('import(')).toBeGreaterThan(TEXT.indexOf('limitHeap();'));
});

test('what it cannot import says the same as what it is copied from', () => {
  expect([constant('EXIT_USAGE'), constant('EXIT_FAILED')]).toEqual([EXIT.usage, EXIT.failed]);
  expect(TEXT).toContain(`const TUNABLES = '${TUNABLES}';\nconst MALLOC = '${MALLOC}';\n`);
  expect(String(constant('HEAP_MB'))).toBe(optionOf('heapMb').default);
  expect(optionOf('heapMb').value.parse(String(constant('HEAP_MB_MIN')))).toBe(constant('HEAP_MB_MIN'));
  expect(optionOf('heapMb').value.parse(String(constant('HEAP_MB_MIN') - 1))).toBeUndefined();
  const engines = (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { engines: { node: string } })
    .engines;
  expect(engines.node).toBe(`>=${constant('NODE_MIN')}`);
});
