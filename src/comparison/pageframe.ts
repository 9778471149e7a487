/** What pages that compare share: one HTML file without a script and without a network, names made harmless, the verdict first. */
import { parseRfc3339, rfc3339 } from '../clock.ts';
import { formatDuration } from '../quantity.ts';
import { escaped, policyHash } from '../report/markup.ts';
import { plainName, plainSentence } from '../report/plain.ts';
import type { Comparison, RunName } from './compare.ts';
import { STYLE } from './pagestyle.ts';

/** Markup, in contrast to text: only what this file and the pages make themselves. */
export type Html = string;

/** A name from outside, on its own: letters that are written from right to left do not turn what stands beside it. */
export function name(text: string): Html {
  return `<bdi>${escaped(plainName(text))}</bdi>`;
}

export function sentence(text: string): Html {
  return escaped(plainSentence(text));
}

/** Only this style sheet, known by its hash, and the empty icon: nothing is loaded, run, sent or framed. */
const POLICY = `default-src 'none'; style-src ${policyHash(STYLE)}; img-src data:; base-uri 'none'; form-action 'none'`;

export function document(title: string, body: readonly Html[]): Html {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${escaped(POLICY)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>${sentence(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
${body.filter((part) => part !== '').join('\n')}
</main>
</body>
</html>
`;
}

const REASONS_MAX = 20;

export interface Banner {
  readonly outcome: Comparison['outcome'];
  readonly sentence: string;
  /** What is compared with what, in a line. */
  readonly about: readonly string[];
  readonly reasons: readonly string[];
}

export function banner({ outcome, sentence: said, about, reasons }: Banner): Html {
  const more = reasons.length - REASONS_MAX;
  const shown = [...reasons.slice(0, REASONS_MAX), ...(more > 0 ? [`and ${more} more`] : [])];
  return [
    `<header class="banner ${outcome}">`,
    `<p><span class="badge ${outcome}">${outcome.toUpperCase()}</span></p>`,
    `<h1>${sentence(said)}</h1>`,
    ...about.map((line) => `<p class="dim">${sentence(line)}</p>`),
    shown.length === 0 ? '' : `<ul>${shown.map((reason) => `<li>${sentence(reason)}</li>`).join('')}</ul>`,
    '</header>',
  ].join('\n');
}

/** The outcome in a sentence; the reasons say which signals. */
export function verdictSentence({ outcome, signals, common }: Comparison): string {
  const of = (call: string): number => signals.filter((one) => one.call === call).length;
  const [regressed, open] = [of('regressed'), signals.filter(({ call, required }) => call === 'cannot tell' && required).length];
  if (common === null) return 'Nothing can be told: the runs have no steady part in common.';
  const all = `${of('improved')} improved, ${of('no change')} did not change, ${of('cannot tell')} cannot be told`;
  if (outcome === 'fail') return `The head is worse: ${regressed} of ${counted(signals.length)} regressed; ${all}.`;
  if (outcome === 'pass') {
    const said = regressed === 0 ? 'none' : `${regressed}, by less than what fails,`;
    return `The head is no worse than the base: of ${counted(signals.length)} ${said} regressed; ${all}.`;
  }
  const why = open > 0 ? `${counted(open)} that must be told cannot be` : 'signals that must be told are missing';
  return `It cannot be told whether the head is worse: ${why}; ${regressed} regressed, ${all}.`;
}

function counted(signals: number): string {
  return `${signals} ${signals === 1 ? 'signal' : 'signals'}`;
}

export interface RunRow {
  /** Base and head, or what the trend calls it. */
  readonly as: string;
  readonly run: RunName;
}

export function runTable(rows: readonly RunRow[]): Html {
  const lines = rows.map(({ as, run }) => {
    const { id, start, agent, steadyFrom, until } = run;
    const cells = [name(id), sentence(instant(start)), formatDuration(until), formatDuration(Math.max(0, until - steadyFrom)), name(agent)];
    return `<tr><th scope="row">${name(as)}</th>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
  });
  return section('Runs', [table(['', 'run', 'began', 'judged for', 'of it steady', 'soak-agent'], lines)]);
}

/** A wide table turns within its own frame, which the keyboard can reach. */
export function table(titles: readonly string[], rows: readonly Html[]): Html {
  const heads = titles.map((title) => (title === '' ? '<td></td>' : `<th scope="col">${name(title)}</th>`)).join('');
  return `<div class="scroll" tabindex="0"><table><thead><tr>${heads}</tr></thead><tbody>\n${rows.join('\n')}\n</tbody></table></div>`;
}

export function section(title: string, body: readonly Html[], folded = false): Html {
  const heading = `<h2>${sentence(title)}</h2>`;
  return folded
    ? `<details><summary>${heading}</summary>\n${body.join('\n')}\n</details>`
    : `<section>${heading}\n${body.join('\n')}\n</section>`;
}

/** To the minute: a page is read by people. */
function instant(start: string): string {
  const text = rfc3339(parseRfc3339(start));
  return text === null ? start : `${text.slice(0, 16).replace('T', ' ')} UTC`;
}
