/** vegeta by its Prometheus page (`-prometheus-addr`). Its counter of failures never moves: what failed is told by the status. */
import type { Point } from '../../intake/point.ts';
import { failureOfStatus } from '../failure.ts';
import { operationName } from '../../series.ts';
import { inName, type Tool } from './tool.ts';

const DURATION = 'request_seconds';
const own = inName(/^request_(?:seconds|bytes_in|bytes_out|fail_count)(?:_total)?$/);

export const vegeta: Tool = {
  name: 'vegeta',
  witness: 'generator',
  period: 10,
  knows: ({ name, labels: { method, url, status } }) =>
    own(name) !== null && method !== undefined && url !== undefined && status !== undefined,
  read(reading) {
    for (const point of reading.points) {
      if (point.kind !== 'histogram' || point.name !== DURATION) continue;
      const increment = reading.increment(point);
      if (increment === null) continue;
      const status = Number(point.labels['status']);
      const outcome = { failed: !(status >= 200 && status <= 399), failure: failureOfStatus(status) };
      reading.answered(point, operationOf(point), (draft) => draft.durations(increment, 1, outcome));
    }
  },
};

function operationOf({ labels }: Point): string {
  return operationName(`${labels['method']} ${operationName(labels['url']) ?? '/'}`) ?? '/';
}
