/** The style sheet of pages that compare. A page without a script has nothing else that the policy lets in. */
import { COLORS } from './trendchart.ts';

const LIGHT = `
  --paper: #fff; --card: #f7f8fa; --ink: #1b1f24; --dim: #59636e; --edge: #d5dae0; --line: #1f6feb;
  --fail: #b3261e; --inconclusive: #8a5300; --pass: #1a7037;
  --fail-soft: #fdeceb; --inconclusive-soft: #fff4de; --pass-soft: #e8f6ec;
  --fail-zone: #f6c9c5; --warn-zone: #fbe3b4;`;

const DARK = `
  --paper: #0f1318; --card: #171c23; --ink: #e4e8ec; --dim: #9aa5b1; --edge: #313842; --line: #5aa2ff;
  --fail: #ff8a82; --inconclusive: #f2b54d; --pass: #5fd38a;
  --fail-soft: #3a1816; --inconclusive-soft: #33260d; --pass-soft: #12301e;
  --fail-zone: #66231f; --warn-zone: #57410f;`;

const PAGE = `
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1280px; margin: 0 auto; padding: 0 20px 60px; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.3; margin: 6px 0; font-weight: 600; }
h2 { font-size: 1.2rem; margin: 32px 0 8px; }
.dim { color: var(--dim); font-size: 0.86rem; }
:focus-visible { outline: 2px solid var(--line); outline-offset: 2px; }
.banner { margin: 20px 0 12px; padding: 18px 22px; border-radius: 10px; border-left: 8px solid var(--edge); }
.banner p, .banner ul { margin: 4px 0 0; }
.banner ul { padding-left: 22px; }
.banner.fail { background: var(--fail-soft); border-color: var(--fail); }
.banner.inconclusive { background: var(--inconclusive-soft); border-color: var(--inconclusive); }
.banner.pass { background: var(--pass-soft); border-color: var(--pass); }
.badge { display: inline-block; padding: 0 9px; border-radius: 99px; border: 1px solid currentcolor; font-size: 0.76rem; font-weight: 600; line-height: 1.6; white-space: nowrap; }
.badge.fail, .badge.regressed { color: var(--fail); }
.badge.inconclusive, .badge.open { color: var(--inconclusive); }
.badge.pass, .badge.improved { color: var(--pass); }
summary { cursor: pointer; margin: 32px 0 8px; }
summary h2 { display: inline; }`;

const TABLE = `
.scroll { overflow-x: auto; }
.scroll td, .scroll th { white-space: nowrap; }
.scroll th[scope='row'] { white-space: normal; min-width: 180px; }
table { border-collapse: collapse; width: 100%; font-size: 0.88rem; }
th, td { padding: 8px 12px 8px 0; border-bottom: 1px solid var(--edge); vertical-align: top; text-align: left; }
thead th { color: var(--dim); font-weight: 600; font-size: 0.8rem; }
th[scope='row'] { font-weight: 600; }
th .dim, td .dim { display: block; font-weight: 400; }
td { font-variant-numeric: tabular-nums; }
.signals { table-layout: fixed; }
.signals col.name { width: 22%; } .signals col.figure { width: 8%; } .signals col.change { width: 26%; } .signals col.growth { width: 14%; }
.signals .figure { white-space: nowrap; }
.signals .settle { display: block; margin-top: 4px; padding: 4px 8px; border-radius: 6px; background: var(--inconclusive-soft); }
tr:target { background: var(--card); }
.bar { display: block; width: 100%; max-width: 380px; height: auto; margin-top: 4px; }
.bar .axis { stroke: var(--dim); stroke-width: 1; }
.bar .ground { fill: var(--card); }
.bar .warn { fill: var(--warn-zone); } .bar .fail { fill: var(--fail-zone); }
.bar .interval { stroke: var(--ink); stroke-width: 3; fill: none; }
.bar .beyond, .bar .dot { fill: var(--ink); }
.legend { display: flex; flex-wrap: wrap; gap: 2px 18px; margin: 8px 0; font-size: 0.82rem; color: var(--dim); }
.legend .bar { display: inline-block; width: 26px; height: 12px; margin: 0 6px 0 0; vertical-align: -1px; }`;

/** Colours of the charts are attributes, which a style sheet goes before: of the charts as a file they are all there is. */
const CHARTS = `
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 300px), 1fr)); gap: 14px 22px; }
.charts svg { display: block; width: 100%; height: auto; font: 10px system-ui, sans-serif; background: var(--card); border: 1px solid var(--edge); border-radius: 6px; }
.charts [fill='${COLORS.text}'] { fill: var(--ink); }
.charts [stroke='${COLORS.line}'] { stroke: var(--line); }
.charts [stroke='${COLORS.bad}'] { stroke: var(--fail); } .charts [fill='${COLORS.bad}'] { fill: var(--fail); }
.charts [stroke='${COLORS.good}'] { stroke: var(--pass); } .charts [fill='${COLORS.good}'] { fill: var(--pass); }`;

/** A row becomes a card: name, then what each column says, with its title before it. */
const NARROW = `
@media screen and (max-width: 820px) {
  main { padding: 0 12px 40px; }
  .signals, .signals tbody { display: block; }
  .signals thead, .signals colgroup { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .signals tr { display: grid; grid-template-columns: 1fr 1fr; gap: 4px 12px; padding: 10px 0; border-bottom: 1px solid var(--edge); }
  .signals th, .signals td { border: 0; padding: 0; }
  .signals td[data-title]::before { content: attr(data-title); display: block; color: var(--dim); font-size: 0.76rem; }
  .signals tbody th, .signals .change, .signals .growth, .signals .why { grid-column: 1 / -1; }
  .signals td:empty { display: none; }
}`;

/** What is folded is printed, where the browser can; backgrounds carry meaning. */
const PRINT = `
@media print {
  * { print-color-adjust: exact; }
  main { max-width: none; padding: 0; }
  html { font-size: 11px; }
  body { font-size: 1rem; }
  tr, .banner, .charts figure { break-inside: avoid; }
  h2 { break-after: avoid; }
  thead { display: table-header-group; }
  .scroll { overflow: visible; }
  .scroll td, .scroll th { white-space: normal; }
  details::details-content { display: block; content-visibility: visible; height: auto; }
}`;

export const STYLE = `:root { color-scheme: light dark;${LIGHT}
}
@media screen and (prefers-color-scheme: dark) {
  :root {${DARK}
  }
}
@media print {
  :root { color-scheme: light; }
}${PAGE}${TABLE}
figure { margin: 0; }${CHARTS}${NARROW}${PRINT}
`;
