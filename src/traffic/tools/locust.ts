/** Locust by its OpenTelemetry output (`--otel`): one histogram by name and exception, in seconds, and the number of users. */
import { failureOfText } from '../failure.ts';
import { operationName } from '../../series.ts';
import { secondsIn, type Tool } from './tool.ts';

const DURATION = 'locust.client.duration';
const USERS = new Set(['locust.users.count', 'locust.current_users']);

export const locust: Tool = {
  name: 'Locust',
  witness: 'generator',
  period: 60,
  knows: ({ name }) => name === DURATION || USERS.has(name),
  read(reading) {
    for (const point of reading.points) {
      if (point.kind === 'gauge' && USERS.has(point.name)) {
        const draft = reading.draft(point, null);
        draft.users = (draft.users ?? 0) + point.value;
      }
      if (point.kind !== 'histogram' || point.name !== DURATION) continue;
      const increment = reading.increment(point);
      if (increment === null) continue;
      const type = point.labels['error.type'] ?? '';
      const outcome = { failed: type !== '', failure: type === '' ? null : failureOfText(type) };
      const unit = secondsIn(point.unit, 1);
      const operation = operationName(point.labels['name']);
      reading.answered(point, operation, (draft) => draft.durations(increment, unit, outcome));
    }
  },
};
