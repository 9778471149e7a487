/** Elements without a framework. Text only ever becomes a text node: no name, however hostile, is read as markup. */

type Attributes = Readonly<Record<string, string | number | boolean | ((event: Event) => void)>>;

export type Child = Node | string | null | readonly Child[];

/** Attributes that are false are left out; functions are listeners. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name, value);
    else if (value !== false) element.setAttribute(name, value === true ? '' : String(value));
  }
  append(element, children);
  return element;
}

function append(to: Element, children: readonly Child[]): void {
  for (const child of children) {
    if (Array.isArray(child)) append(to, child as readonly Child[]);
    else if (child !== null) to.append(child as Node | string);
  }
}

/** Terms with what is known of them; unknown ones are left out. */
export function facts(entries: readonly (readonly [term: string, text: Child])[]): HTMLElement | null {
  const known = entries.filter(([, text]) => text !== null && text !== '');
  if (known.length === 0) return null;
  return h('dl', {}, ...known.map(([term, text]) => h('div', {}, h('dt', {}, term), h('dd', {}, text))));
}

/** A table that scrolls by itself where it is too wide, also by keyboard. */
export function table(label: string, titles: readonly string[], rows: readonly (readonly Child[])[]): HTMLElement {
  const head = h('tr', {}, ...titles.map((title) => h('th', { scope: 'col' }, title)));
  const body = rows.map((row) => h('tr', {}, ...row.map((cell) => h('td', {}, cell))));
  return h(
    'div',
    { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': label },
    h('table', {}, h('thead', {}, head), h('tbody', {}, ...body)),
  );
}
