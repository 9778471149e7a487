/** The forms of a report, each a flag; apart from the command, which is loaded when it is asked for. */
export const REPORT_FORMATS = ['html', 'markdown', 'junit', 'json'] as const;

export type ReportFormat = (typeof REPORT_FORMATS)[number];
