/** Colours of the style sheet, for what is drawn on a canvas. */

export type Colour =
  | 'ink'
  | 'dim'
  | 'grid'
  | 'line'
  | 'band'
  | 'fit'
  | 'limit'
  | 'gap'
  | 'shade'
  | 'restart'
  | 'onset'
  | 's0'
  | 's1'
  | 's2'
  | 's3'
  | 's4'
  | 's5'
  | 's6';

let known: CSSStyleDeclaration | null = null;

export function colour(name: Colour): string {
  known ??= getComputedStyle(document.documentElement);
  return known.getPropertyValue(`--${name}`).trim();
}

const THEMES = ['light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

/** What is shown now: the reader's choice, else that of the system. */
export function theme(): Theme {
  const chosen = document.documentElement.dataset['theme'];
  if (chosen === 'light' || chosen === 'dark') return chosen;
  return matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
}

export function setTheme(to: Theme | null): void {
  if (to === null) delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = to;
}
