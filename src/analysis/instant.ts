/** RFC 3339 without a clock: the analysis is a pure function and takes times as numbers. */

const DAY = 86_400;

/** In UTC with milliseconds, of seconds since the Unix epoch: `2026-01-01T00:00:00.000Z`, as `Date.prototype.toISOString` would. */
export function rfc3339(wall: number): string {
  const ms = Math.trunc(wall * 1000);
  const days = Math.floor(ms / 1000 / DAY);
  const [year, month, day] = civil(days);
  const left = ms - days * DAY * 1000;
  const two = (n: number): string => (n < 10 ? '0' : '') + Math.floor(n);
  const time = `${two(left / 3_600_000)}:${two((left / 60_000) % 60)}:${two((left / 1000) % 60)}.${String(left % 1000).padStart(3, '0')}`;
  return `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}T${time}Z`;
}

/** Days since 1970-01-01 to the Gregorian date: years are counted from March, so that the leap day is their last. */
function civil(days: number): [number, number, number] {
  const shifted = days + 719_468; // since 0000-03-01
  const era = Math.floor(shifted / 146_097); // days of 400 years
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153); // months from March have 153 days in five
  const day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1;
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  return [yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day];
}
