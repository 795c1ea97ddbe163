/** HTTP-date (RFC 9110 §5.6.7): its three formats, nothing looser. Never reads a clock, never uses `Date.parse`, which
 * accepts "UTC", dashes and one-digit hours. */

/** Epoch milliseconds, or `undefined` when the value is no HTTP-date. Letter case is ignored.
 * @param nowMs epoch ms; decides the century of the two-digit year of the obsolete RFC 850 format, `NaN` refuses that
 * format
 * @example parseHttpDate("Sun, 06 Nov 1994 08:49:37 GMT", Date.now()) // 784111777000 */
export function parseHttpDate(value: string, nowMs: number): number | undefined {
  const text = value.toLowerCase();
  const imf = IMF_FIXDATE.exec(text);
  if (imf !== null) return moment(Number(imf[3]), imf[2]!, imf[1]!, imf[4]!);
  const asctime = ASCTIME.exec(text);
  if (asctime !== null) return moment(Number(asctime[4]), asctime[1]!, asctime[2]!, asctime[3]!);
  const rfc850 = RFC_850.exec(text);
  if (rfc850 !== null) return twoDigitYear(Number(rfc850[3]), rfc850[2]!, rfc850[1]!, rfc850[4]!, nowMs);
  return undefined;
}

/** The preferred format, IMF-fixdate.
 * @example formatHttpDate(784111777000) // "Sun, 06 Nov 1994 08:49:37 GMT" */
export function formatHttpDate(ms: number): string {
  const second = Math.floor(ms / 1000);
  if (second !== formatted.second) formatted = { second, text: new Date(ms).toUTCString() };
  return formatted.text;
}

/** The last value: nearly all are of this second. */
let formatted = { second: Number.NaN, text: "" };

const MONTHS: readonly string[] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const TIME = "([0-9]{2}:[0-9]{2}:[0-9]{2})";
const MONTH = `(${MONTHS.join("|")})`;
const IMF_FIXDATE = new RegExp(`^(?:mon|tue|wed|thu|fri|sat|sun), ([0-9]{2}) ${MONTH} ([0-9]{4}) ${TIME} gmt$`);
const RFC_850 = new RegExp(`^(?:mon|tues|wednes|thurs|fri|satur|sun)day, ([0-9]{2})-${MONTH}-([0-9]{2}) ${TIME} gmt$`);
const ASCTIME = new RegExp(`^(?:mon|tue|wed|thu|fri|sat|sun) ${MONTH} ([0-9]{2}| [0-9]) ${TIME} ([0-9]{4})$`);

// A weekday that does not fit its date is accepted: it carries no information that the date lacks.
function moment(year: number, month: string, day: string, time: string): number | undefined {
  const [hour, minute, second] = time.split(":").map(Number) as [number, number, number];
  if (hour > 23 || minute > 59 || second > 60) return undefined;
  const date = new Date(0);
  const monthIndex = MONTHS.indexOf(month);
  // Not Date.UTC: it takes the years 0 to 99 for 1900 to 1999.
  date.setUTCFullYear(year, monthIndex, Number(day));
  // A day that the month does not have, 00 or 31, becomes a day of another month.
  if (date.getUTCMonth() !== monthIndex) return undefined;
  // A leap second (60) becomes the next second.
  return date.getTime() + ((hour * 60 + minute) * 60 + second) * 1000;
}

// §5.6.7: more than 50 years ahead means the most recent year in the past with those digits.
function twoDigitYear(digits: number, month: string, day: string, time: string, nowMs: number): number | undefined {
  if (Number.isNaN(nowMs)) return undefined;
  const now = new Date(nowMs);
  const limit = new Date(nowMs).setUTCFullYear(now.getUTCFullYear() + 50);
  const century = now.getUTCFullYear() - (now.getUTCFullYear() % 100);
  for (const year of [century + 100 + digits, century + digits, century - 100 + digits]) {
    const ms = moment(year, month, day, time);
    if (ms !== undefined && ms <= limit) return ms;
  }
  return undefined;
}
