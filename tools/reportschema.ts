/** The JSON Schema of a report, for programs that read one. */
import { reportJsonSchema } from '../src/report/schema.ts';

export function generateReportSchema(): { path: string; text: string }[] {
  return [{ path: 'config/report.schema.json', text: `${JSON.stringify(reportJsonSchema(), null, 2)}\n` }];
}
