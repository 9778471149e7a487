/** Sentences count from the start of a run; people who look at last month's data think of its clock. */

/** `hh:mm` or `hh:mm:ss`, as `clockTime` writes it, and nothing that has more of it on either side, as addresses have, or a date already. */
const RUN_TIME = /(?<![\w.:-])(?<!\d-\d\d )(\d{2,}):([0-5]\d)(?::([0-5]\d))?(?![\w:])/g;

/** A sentence with the times of the data; of several on one day the first has the date. @param when a run time as people write it */
export function dated(text: string, when: (t: number) => string): string {
  let day = '';
  return text.replaceAll(RUN_TIME, (_, hours: string, minutes: string, seconds = '0') => {
    const at = when(3600 * Number(hours) + 60 * Number(minutes) + Number(seconds));
    const [date = '', time] = at.split(' ');
    if (time === undefined) return at;
    const short = date === day ? time : at;
    day = date;
    return short;
  });
}
