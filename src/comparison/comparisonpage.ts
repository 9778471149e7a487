/** A comparison as a page: one file, to be attached to a release or kept with a job. */
import type { Comparison } from './compare.ts';
import { banner, document, type Html, name, runTable, section, verdictSentence } from './pageframe.ts';
import { LEGEND, signalSections } from './signaltable.ts';
import { headline } from './text.ts';

/** Names of signals that only one side has; a build that renames all of them would list 200. */
const NAMES_MAX = 100;

export function comparisonPage(comparison: Comparison): Html {
  const { outcome, reasons, base, head, signals } = comparison;
  return document(`soak comparison: ${outcome}`, [
    banner({ outcome, sentence: verdictSentence(comparison), about: [headline(comparison)], reasons }),
    signals.length === 0 ? '' : LEGEND,
    ...signalSections(comparison, ['regressed', 'cannot tell', 'improved', 'no change']),
    onlyIn('the base', comparison.only.base),
    onlyIn('the head', comparison.only.head),
    runTable([...base.map((run) => ({ as: 'base', run })), ...head.map((run) => ({ as: 'head', run }))]),
    certainty(comparison),
  ]);
}

function onlyIn(side: string, ids: readonly string[]): Html {
  if (ids.length === 0) return '';
  const more = ids.length > NAMES_MAX ? `<li>and ${ids.length - NAMES_MAX} more</li>` : '';
  const items = ids.slice(0, NAMES_MAX).map((id) => `<li>${name(id)}</li>`);
  return section(`Only in ${side} (${ids.length})`, [`<ul>${items.join('')}${more}</ul>`], ids.length > 10);
}

export function certainty({ tests, falseCalls, load }: Comparison): Html {
  const loads = load.map(
    ({ target, change }) => `<p class="dim">${name(target)}: requests per second changed by ${(100 * change).toFixed(0)} %.</p>`,
  );
  const all = `A call needs certainty over all ${tests} tests together: of runs of one build at most ${falseCalls * 100} % have any.`;
  return [...loads, tests === 0 ? '' : `<p class="dim">${all}</p>`].join('\n');
}
