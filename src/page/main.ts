/** Where the page begins: with the report that is in it, or with the one of the agent that serves it. */
import type { Report } from '../report/value.ts';
import { h } from './dom.ts';
import { drawn } from './figures.ts';
import { Live } from './live.ts';
import { Page } from './page.ts';

const root = document.querySelector('main')!;

async function begin(): Promise<void> {
  try {
    const data = document.querySelector('#data');
    if (data) new Page(await unpacked(data.textContent), root).begin();
    else await new Live(root).begin();
  } catch (error) {
    root.replaceChildren(h('p', { class: 'trouble', role: 'alert' }, `This report cannot be shown: ${String(error)}`));
  }
}

void begin();

/** How many charts are drawn; for tests. */
Object.assign(globalThis, { soakDrawn: drawn });

/** Gzip, as base64: a tenth of the size of the text. */
async function unpacked(text: string): Promise<Report> {
  const bytes = Uint8Array.from(atob(text.trim()), (one) => one.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return (await new Response(stream).json()) as Report;
}
