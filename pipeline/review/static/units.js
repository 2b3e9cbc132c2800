// Sizes, shares and times as the reader's language writes them.

function language() {
  return document.documentElement.lang;
}

/** @param {number} bytes */
export function size(bytes) {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
  const step = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** step;
  const digits = step && value < 10 ? 1 : 0;
  return new Intl.NumberFormat(language(), { style: "unit", unit: units[step], minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
}

/** @param {number} share 0..1 */
export function percent(share) {
  return new Intl.NumberFormat(language(), { style: "percent", maximumFractionDigits: 1 }).format(share);
}

/** @param {string} date ISO 8601, a day without a time */
export function day(date) {
  return new Intl.DateTimeFormat(language(), { day: "numeric", month: "short", timeZone: "UTC" }).format(new Date(date));
}
