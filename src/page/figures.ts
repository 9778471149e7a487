/**
 * Charts on the page. There may be 500: each is drawn when it comes near the window and given up when it is far away again, so that what is
 * held is what can be seen, however long the page is open.
 */
import type uPlot from 'uplot';
import { axis } from './axis.ts';
import { h } from './dom.ts';
import { type Drawable, plotOf } from './plot.ts';

/** Drawn ahead of the window, so that scrolling meets no empty frames. */
const AHEAD = '300px';

interface Figure {
  readonly element: HTMLElement;
  readonly canvas: HTMLElement;
  readonly readout: HTMLElement;
  readonly make: () => Drawable;
  readonly height: number;
  drawable: Drawable | null;
  plot: uPlot | null;
}

const figures = new Map<Element, Figure>();

const near = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      const figure = figures.get(target);
      if (figure && isIntersecting) draw(figure);
      else if (figure && !isPrinting) give(figure);
    }
  },
  { rootMargin: AHEAD },
);

const sizes = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const figure = figures.get(target);
    const width = figure?.canvas.clientWidth ?? 0;
    if (figure?.plot && width > 0 && width !== figure.plot.width) figure.plot.setSize({ width, height: figure.height });
  }
});

let isPrinting = false;

/** @param label what a reader is told who does not see the chart */
export function figureOf(title: Node | string, label: string, height: number, make: () => Drawable): HTMLElement {
  const readout = h('span', { class: 'readout' });
  const canvas = h('div', { class: 'canvas', role: 'img', 'aria-label': label });
  canvas.style.height = `${height}px`;
  const element = h('figure', {}, h('figcaption', {}, h('span', { class: 'title' }, title), readout), canvas);
  figures.set(element, { element, canvas, readout, make, height, drawable: null, plot: null });
  near.observe(element);
  sizes.observe(element);
  return element;
}

function draw(figure: Figure): void {
  if (figure.plot !== null || figure.canvas.clientWidth === 0) return;
  figure.drawable = figure.make();
  figure.plot = plotOf(figure.drawable, figure.canvas, figure.height, (index, u) => {
    const text =
      index === null
        ? ''
        : `${
            axis
              .text(u.data[0][index] ?? 0)
              .slice(0, 8)
              .trim()
              .split(' ')[0]
          }  ${figure.drawable!.read(u, index)}`;
    if (figure.readout.textContent !== text) figure.readout.textContent = text;
  });
}

function give(figure: Figure): void {
  figure.plot?.destroy();
  figure.plot = null;
  figure.drawable = null;
}

/** Charts below an element that is about to be taken off the page. */
export function forget(below: Element): void {
  for (const [element, figure] of figures) {
    if (!below.contains(element)) continue;
    near.unobserve(element);
    sizes.unobserve(element);
    give(figure);
    figures.delete(element);
  }
}

/** New values, or another range. */
export function refresh(): void {
  for (const figure of figures.values()) if (figure.plot && figure.drawable) figure.plot.setData(figure.drawable.data());
}

/** Other colours. */
export function redraw(): void {
  for (const figure of figures.values()) figure.plot?.redraw(true, true);
}

/** Charts that are drawn now; for tests and measurements. */
export function drawn(): number {
  return [...figures.values()].filter(({ plot }) => plot !== null).length;
}

/** A printer sees the whole page. */
export function printing(isOn: boolean): void {
  isPrinting = isOn;
  if (isOn) for (const figure of figures.values()) draw(figure);
}

axis.onChange(refresh);
