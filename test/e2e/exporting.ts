/** A program that exports one run to the receiver given as its argument, and prints its page. */
import { SystemClock } from '../../src/clock.ts';
import { SILENT } from '../../src/log.ts';
import { textPage } from '../../src/views/exposition.ts';
import { startOtel } from '../../src/views/otel.ts';
import { fullRun } from '../unit/views/run.ts';

const endpoint = process.argv[2] ?? '';
const otel = await startOtel({
  run: fullRun().run,
  readers: { prometheus: true, otlp: { endpoint } },
  clock: new SystemClock(),
  log: SILENT,
});
console.log(textPage((await otel.collect()).resourceMetrics));
await otel.flush();
await otel.shutdown();
