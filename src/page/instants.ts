/** Times of the verdict as numbers, without a clock: this code draws what a run says of itself. */

const FORM = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d+)?Z$/;

/** Seconds since the Unix epoch of what `rfc3339` writes; NaN for anything else. */
export function secondsOf(text: string): number {
  const [, year, month, day, hour, minute, second, part] = FORM.exec(text) ?? [];
  if (second === undefined) return NaN;
  return (
    daysOf(Number(year), Number(month), Number(day)) * 86_400 +
    Number(hour) * 3600 +
    Number(minute) * 60 +
    Number(second) +
    Number(part ?? 0)
  );
}

/** Days since 1970-01-01 in the Gregorian calendar: years are counted from March, so that the leap day is their last. */
function daysOf(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  const yearOfEra = y - era * 400;
  return era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719_468;
}
