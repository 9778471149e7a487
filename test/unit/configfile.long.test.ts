/** Configurations of the largest size that is read, made to be slow. */
import { expect, test } from 'vitest';
import { layer, load, problemOf } from '../loading.ts';

test.each([
  ['nested without end', '['.repeat(60_000)],
  ['nested deeply but well', `${'{a: '.repeat(5000)}1${'}'.repeat(5000)}`],
  [
    'unfolding without end',
    ['a: &a [x,x,x,x,x,x,x,x,x,x]', ...'bcdefghij'.split('').map((c, i) => `${c}: &${c} [${`*${'abcdefghi'[i]},`.repeat(10)}]`)].join('\n'),
  ],
  ['its own ancestor', '&a {targets: [*a]}'],
  ['a list without end', `targets: [${'1,'.repeat(31_000)}]`],
  ['ten thousand unknown keys', Array.from({ length: 6000 }, (_, i) => `key${i}: 1`).join('\n')],
  ['ten thousand times the same key', ':\n'.repeat(31_000)],
])('%s is refused in time', async (_name, text) => {
  expect((await problemOf(load(layer(), {}, text))).code).toMatch(/^(CONFIG|SELECTOR)$/);
});
