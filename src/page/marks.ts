/** What is drawn on every chart beside its curve: phases, gaps, restarts, limits, the fit with what it allows, and the forecast. */
import type uPlot from 'uplot';
import type { Fit, ReportedTimeline, Signal } from '../report/value.ts';
import { colour, type Colour } from './colours.ts';

type Draw = (u: uPlot) => void;

/** Dots per CSS pixel: line widths are of the canvas. */
function dots(): number {
  return devicePixelRatio;
}

function x(u: uPlot, t: number): number {
  return u.valToPos(t, 'x', true);
}

function y(u: uPlot, value: number): number {
  return u.valToPos(value, 'y', true);
}

/** Draws within the plot and leaves the context as it was. */
function inside(u: uPlot, body: (ctx: CanvasRenderingContext2D) => void): void {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  body(ctx);
  ctx.restore();
}

function fillSpan(u: uPlot, ctx: CanvasRenderingContext2D, from: number, to: number, fill: Colour): void {
  ctx.fillStyle = colour(fill);
  ctx.fillRect(x(u, from), u.bbox.top, Math.max(dots(), x(u, to) - x(u, from)), u.bbox.height);
}

function line(u: uPlot, ctx: CanvasRenderingContext2D, t: number, stroke: Colour, dash: readonly number[] = []): void {
  ctx.strokeStyle = colour(stroke);
  ctx.lineWidth = dots();
  ctx.setLineDash(dash.map((length) => length * dots()));
  ctx.beginPath();
  ctx.moveTo(x(u, t), u.bbox.top);
  ctx.lineTo(x(u, t), u.bbox.top + u.bbox.height);
  ctx.stroke();
  ctx.setLineDash([]);
}

/** Under the curve: what was not judged is shaded, what was not seen is hatched out. */
export function underneath(timeline: () => ReportedTimeline, warmup: () => number): Draw {
  return (u) =>
    inside(u, (ctx) => {
      const { phases, gaps } = timeline();
      let shaded = warmup();
      if (shaded > 0) fillSpan(u, ctx, 0, shaded, 'shade');
      for (const phase of phases) {
        if (!phase.judged && phase.to > shaded) fillSpan(u, ctx, Math.max(shaded, phase.from), phase.to, 'shade');
        if (!phase.judged) shaded = Math.max(shaded, phase.to);
        if (phase.from > 0) line(u, ctx, phase.from, 'grid');
      }
      for (const gap of gaps) fillSpan(u, ctx, gap.from, gap.to, 'gap');
    });
}

/** Marks of the run's own story that concern this chart. */
export function story(timeline: () => ReportedTimeline, signal: () => Signal | null): Draw {
  return (u) =>
    inside(u, (ctx) => {
      for (const restart of signal()?.restarts ?? []) line(u, ctx, restart, 'restart', [2, 2]);
      const target = signal()?.target ?? null;
      for (const mark of timeline().marks) {
        const concerns = mark.target === null || target === null || mark.target === target;
        if (concerns && mark.kind !== 'restart') line(u, ctx, mark.t, mark.kind === 'mark' ? 'onset' : 'restart', [1, 3]);
      }
    });
}

/** Names of phases, along the top of a large chart. */
export function phaseNames(timeline: () => ReportedTimeline): Draw {
  return (u) =>
    inside(u, (ctx) => {
      ctx.fillStyle = colour('dim');
      ctx.font = `${11 * dots()}px system-ui, sans-serif`;
      ctx.textBaseline = 'top';
      ctx.textAlign = 'left';
      for (const { name, from, to } of timeline().phases) {
        const left = Math.max(x(u, from), u.bbox.left);
        const room = Math.min(x(u, to), u.bbox.left + u.bbox.width) - left;
        if (ctx.measureText(name).width + 8 * dots() < room) ctx.fillText(name, left + 4 * dots(), u.bbox.top + 3 * dots());
      }
    });
}

export function limitLine(signal: () => Signal | null): Draw {
  return (u) =>
    inside(u, (ctx) => {
      const limits = signal()?.limits ?? [];
      ctx.strokeStyle = colour('limit');
      ctx.lineWidth = 1.5 * dots();
      ctx.setLineDash([6 * dots(), 3 * dots()]);
      ctx.beginPath();
      limits.forEach(({ t, value }, i) => {
        const from = i === 0 ? u.bbox.left : x(u, t);
        const next = limits[i + 1];
        ctx.moveTo(from, y(u, value));
        ctx.lineTo(next ? x(u, next.t) : u.bbox.left + u.bbox.width, y(u, value));
      });
      ctx.stroke();
    });
}

/** The best shape, within what 95 % of the points lie; and where it leads to, with the interval of the slope. */
export function fitLines(signal: () => Signal | null): Draw {
  return (u) =>
    inside(u, (ctx) => {
      const fit = signal()?.fit ?? null;
      if (fit === null) return;
      if (fit.onset) {
        fillSpan(u, ctx, fit.onset.lo, fit.onset.hi, 'shade');
        line(u, ctx, fit.onset.at, 'onset', [4, 3]);
      }
      for (const part of partsOf(fit)) {
        area(
          u,
          ctx,
          part.t,
          part.y.map((value) => value - fit.within),
          part.y.map((value) => value + fit.within),
          0.12,
        );
        curve(u, ctx, part.t, part.y, []);
      }
      if (fit.forecast) {
        area(u, ctx, fit.forecast.t, fit.forecast.lo, fit.forecast.hi, 0.2);
        curve(u, ctx, fit.forecast.t, fit.forecast.y, [5, 4]);
      }
    });
}

/** A fit is cut where a life ends. */
function partsOf({ t, y: values }: Fit): { t: number[]; y: number[] }[] {
  const parts: { t: number[]; y: number[] }[] = [{ t: [], y: [] }];
  values.forEach((value, i) => {
    if (value === null) parts.push({ t: [], y: [] });
    else {
      parts.at(-1)!.t.push(t[i]!);
      parts.at(-1)!.y.push(value);
    }
  });
  return parts;
}

function curve(u: uPlot, ctx: CanvasRenderingContext2D, t: readonly number[], values: readonly number[], dash: readonly number[]): void {
  ctx.strokeStyle = colour('fit');
  ctx.lineWidth = 1.75 * dots();
  ctx.setLineDash(dash.map((length) => length * dots()));
  ctx.beginPath();
  t.forEach((at, i) => ctx.lineTo(x(u, at), y(u, values[i]!)));
  ctx.stroke();
  ctx.setLineDash([]);
}

function area(
  u: uPlot,
  ctx: CanvasRenderingContext2D,
  t: readonly number[],
  lo: readonly number[],
  hi: readonly number[],
  alpha: number,
): void {
  ctx.fillStyle = colour('fit');
  ctx.globalAlpha = alpha;
  ctx.beginPath();
  t.forEach((at, i) => ctx.lineTo(x(u, at), y(u, hi[i]!)));
  for (let i = t.length - 1; i >= 0; i--) ctx.lineTo(x(u, t[i]!), y(u, lo[i]!));
  ctx.fill();
  ctx.globalAlpha = 1;
}
