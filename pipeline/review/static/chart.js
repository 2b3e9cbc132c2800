// Outcomes over time: stacked bars, a legend, and the same as a table.
import { element } from "./elements.js";
import { number, t } from "./phrases.js";
import { day } from "./units.js";

const OUTCOMES = ["restored", "unchanged", "review", "quarantined", "failed"];
const WIDTH = 600, HEIGHT = 96, GAP = 4;

/** @param {string} name @param {Record<string, string | number>} attributes @param {...Node} children */
function svg(name, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  made.append(...children);
  return made;
}

/** @param {any} one a day @returns {number} */
function total(one) {
  return OUTCOMES.reduce((sum, outcome) => sum + one[outcome], 0);
}

/** Return a figure of the outcomes of each day. @param {any[]} days @param {string} title */
export function outcomeChart(days, title) {
  const most = Math.max(...days.map(total));
  const all = days.reduce((sum, one) => sum + total(one), 0);
  if (!all) return element("p", { class: "hint" }, t("chart.nothing", { days: days.length }));
  const told = OUTCOMES.map((outcome) => [outcome, days.reduce((sum, one) => sum + one[outcome], 0)]).filter(([, n]) => n);
  const sentence = told.map(([outcome, n]) => `${t(`outcome.${outcome}`)} ${number(n)}`).join(", ");
  return element(
    "figure", { class: "over-time" },
    svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": `${title}: ${sentence}` }, ...days.flatMap((one, at) => bar(one, at, WIDTH / days.length, most))),
    element("div", { class: "ends", "aria-hidden": "true" }, element("span", {}, day(days[0].day)), element("span", {}, t("chart.most", { n: number(most) })), element("span", {}, day(days[days.length - 1].day))),
    element("figcaption", {}, ...told.map(([outcome, n]) => element("span", { class: `key ${outcome}` }, `${t(`outcome.${outcome}`)} `, element("b", {}, number(n))))),
    element("details", {}, element("summary", {}, t("chart.table")), table(days, told.map(([outcome]) => String(outcome)))),
  );
}

/** @param {any} one @param {number} at @param {number} width @param {number} most */
function bar(one, at, width, most) {
  const found = [];
  let top = HEIGHT;
  for (const outcome of OUTCOMES) {
    if (!one[outcome]) continue;
    // A single failure among a thousand scans is still seen.
    const height = Math.max(2, (one[outcome] / most) * (HEIGHT - 10));
    top -= height;
    found.push(svg("rect", { class: outcome, x: at * width, y: Math.max(0, top), width: width - GAP, height }));
  }
  return found;
}

/** @param {any[]} days @param {string[]} outcomes */
function table(days, outcomes) {
  const rows = days.filter(total).reverse();
  return element(
    "div", { class: "scrolls", tabIndex: 0, role: "region", "aria-label": t("chart.table") },
    element(
      "table", {},
      element("thead", {}, element("tr", {}, element("th", { scope: "col" }, t("chart.day")), ...outcomes.map((one) => element("th", { scope: "col" }, t(`outcome.${one}`))), element("th", { scope: "col" }, t("chart.hours")))),
      element("tbody", {}, ...rows.map((one) => element("tr", {}, element("th", { scope: "row" }, day(one.day)), ...outcomes.map((outcome) => element("td", {}, number(one[outcome]))), element("td", {}, number(one.hours, 1))))),
    ),
  );
}
