// The phrases of the page in the reader's language.
import { get } from "./api.js";

/** @type {Record<string, string>} */
let phrases = {};
let language = "en";

/** Load the phrases; called once before anything is shown. */
export async function loadPhrases() {
  const told = await get("phrases");
  phrases = told.phrases;
  language = told.language;
  document.documentElement.lang = language;
}

export const isEnglish = () => language === "en";

/** Return a phrase with its values filled in. @param {string} key @param {Record<string, unknown>} [values] */
export function t(key, values = {}) {
  return (phrases[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/** Return the phrase for a count. @param {string} key @param {number} n */
export function count(key, n) {
  const form = new Intl.PluralRules(language).select(n) === "one" ? "one" : "other";
  return t(`${key}.${form}`, { n: number(n) });
}

/** @param {number} value @param {number} [digits] */
export function number(value, digits = 0) {
  return value.toLocaleString(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** @param {string} text ISO 8601 */
export function moment(text) {
  return new Date(text).toLocaleString(language, { dateStyle: "medium", timeStyle: "short" });
}
