// The queue: what is to be decided, in the order in which it is best looked at, where one left off.
import { get } from "./api.js";
import { element } from "./elements.js";
import { filter, filterBatch, filterCollection, filterForm, query, showCounts, stateTabs } from "./filters.js";
import { Grid } from "./grid.js";
import { detailsOf, forget, ids, keep, loadDetails, loadOrder, placeOf } from "./order.js";
import { count, number, t } from "./phrases.js";

export { neighbour } from "./order.js";

const LAST = "review.last";
/** @type {Grid | null} */
let grid = null;

/** Take over a result as it is after a decision. @param {any} result */
export function replace(result) {
  keep(result);
  grid?.renew(placeOf(result.id));
}

/** Remember which result was looked at last. @param {number} id */
export const rememberLast = (id) => localStorage.setItem(LAST, String(id));

/** Show the undecided results of one batch, as a link in a digest asks. @param {string} batch */
export function openBatch(batch) {
  filterBatch(batch);
  forget();
}

/** Show the undecided results of one collection. @param {string} collection */
export function openCollection(collection) {
  filterCollection(collection);
  forget();
}

/** Load the order, if there is none: a picture may have been opened by its address. */
export async function ensureOrder() {
  if (!ids.length) await loadOrder(query(), () => {}, () => {});
}

/** Show the queue; the result that was looked at last has the focus. @param {HTMLElement} place */
export async function showQueue(place) {
  document.title = t("title");
  const end = element("p", { class: "end", role: "status" });
  const body = element("div");
  const shown = await Promise.all([get("collections"), get("deciders")]);
  const header = element("header");
  const redraw = () => {
    grid?.draw(true);
    end.textContent = ids.length ? "" : t(isFiltered() ? "empty_filtered" : "empty");
  };
  const load = () => loadOrder(query(), showCounts, () => grid?.draw()).then(redraw);
  const reload = async () => {
    forget();
    build();
    await load();
  };
  const build = () => {
    const focused = /** @type {any} */ (document.activeElement)?.name;
    header.replaceChildren(element("h1", {}, t("title")), filterForm(shown[0], shown[1], reload), stateTabs(reload));
    if (focused) /** @type {any} */ (header.querySelector(`[name="${focused}"]`))?.focus();
  };
  build();
  place.replaceChildren(header, body, end);
  grid?.close();
  grid = new Grid(body, { size: () => ids.length, item, shown: async (first, last) => { if (await loadDetails(ids.slice(first, last))) grid?.renewWaiting(); } });
  // Counts have changed since, the order is kept: what was decided stays in its place.
  if (!ids.length) await load();
  else get("results", { ...query() }).then(({ counts }) => showCounts(counts));
  redraw();
  grid.focus(Math.max(0, placeOf(Number(localStorage.getItem(LAST)))));
}

export function leaveQueue() {
  grid?.close();
  grid = null;
}

/** Move the focus by keyboard; return whether the key means something. @param {string} key */
export function queueKey(key) {
  if (!grid) return false;
  const at = grid.focused;
  /** @type {Record<string, number>} */
  const steps = { n: 1, p: -1, ArrowRight: 1, ArrowLeft: -1, ArrowDown: grid.columns, ArrowUp: -grid.columns };
  if (!(key in steps) || (at < 0 && key.startsWith("Arrow"))) return false;
  grid.focus(at + steps[key]);
  return true;
}

function isFiltered() {
  return Object.entries(filter).some(([name, value]) => value && !["state", "collection", "batch"].includes(name));
}

/** @param {number} index @returns {HTMLElement} */
function item(index) {
  const result = detailsOf(ids[index]);
  if (!result) return element("li", { "aria-busy": "true" }, element("div", { class: "result waiting" }));
  const facts = [t(`outcome.${result.outcome}`)];
  if (result.audit) facts.push(t("audit"));
  if (result.marks) facts.push(count("marks", result.marks));
  if (result.estimate) facts.push(t("estimate", { n: number(result.estimate, 1) }));
  const name = result.path.split("/").pop();
  return element(
    "li", {},
    element(
      "a", { href: `#/${result.id}`, class: `result ${result.state}` },
      element("img", { src: `api/results/${result.id}/thumb.jpg?v=${result.version}`, alt: "", decoding: "async" }),
      element("span", { class: "name", title: result.path }, name),
      element("span", { class: "facts" }, facts.join(" · ")),
      result.state !== "open" && result.state !== "unasked" && element("span", { class: "badge" }, t(`state.${result.state}`)),
    ),
  );
}
