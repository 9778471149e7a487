/**
 * Alerts on `deriv` and `predict_linear`, both an ordinary least-squares line through the samples of a window.
 * Sources: prometheus.io, "Query functions"; the thresholds follow the rules that the node-exporter mixin ships
 * (NodeFilesystemSpaceFillingUp: six hours of history, a day ahead, for one hour) and the common alert on one hour of `deriv`.
 * Without a limit, half as much again as in the first hour stands for one.
 */
import type { Detector } from '../detector.ts';
import { Held, ols, Spans } from './window.ts';

const HOUR = 3600;

/** Growth worth an alert: a hundredth of the level an hour. */
const SHARE_PER_HOUR = 0.01;

export const deriv: Detector = {
  name: 'deriv[1h]',
  create: () => {
    const window = new Spans(60, 60);
    const held = new Held(900);
    let [now, firing] = [0, false];
    return {
      push(t, value) {
        window.push((now = t), value);
      },
      restart: () => window.clear(),
      verdict() {
        const line = window.t.length < 30 ? null : ols(window.t, window.y);
        firing = held.at(now, line !== null && line.slope > SHARE_PER_HOUR * Math.abs(line.last));
        return {
          leak: firing,
          score: line === null ? 0 : line.slope / Math.max(1, Math.abs(line.last)),
          ...(line && { slopePerHour: line.slope }),
        };
      },
    };
  },
};

export const predictLinear: Detector = {
  name: 'predict_linear[6h],24h',
  create: ({ limit }) => {
    const window = new Spans(300, 72);
    const held = new Held(HOUR);
    let [now, first, count] = [0, 0, 0];
    return {
      push(t, value) {
        window.push((now = t), value);
        if (t <= HOUR) first += (value - first) / ++count;
      },
      restart: () => window.clear(),
      verdict() {
        const line = window.t.length < 12 ? null : ols(window.t, window.y);
        const ceiling = limit ?? 1.5 * first;
        if (line === null) return { leak: held.at(now, false), score: 0 };
        const ahead = line.last + 24 * line.slope;
        const exhaustsAtS = line.slope > 0 ? now + (HOUR * (ceiling - line.last)) / line.slope : null;
        return { leak: held.at(now, ahead > ceiling), score: ahead / ceiling, slopePerHour: line.slope, exhaustsAtS };
      },
    };
  },
};
