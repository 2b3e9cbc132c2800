// The queue: what is to be decided, page by page, where one left off.
import { get } from "./api.js";
import { element } from "./elements.js";
import { count, number, t } from "./phrases.js";

const STATES = ["open", "later", "redo", "rejected", "accepted", "unasked", "all"];
const KEPT = "review.filter";

/** What is shown; kept in the browser, so that one goes on where one left off. */
const filter = { collection: "", batch: "", state: "open", text: "", ...kept() };

/** The results that were loaded, in their order, for going from one to the next. @type {any[]} */
export const loaded = [];
/** @type {string | null} */
let next = null;
let asked = 0;

function kept() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT) ?? "{}");
  } catch {
    return {};
  }
}

/** Return the query that the filter means. @param {string} [after] */
function query(after = "") {
  const { collection, batch, state, text } = filter;
  return { collection, batch, state: state === "all" ? "" : state, text, after };
}

/** Load the next page; return whether there was one. */
export async function loadMore() {
  if (next === null && loaded.length) return false;
  const mine = asked;
  const page = await get("results", query(next ?? ""));
  if (mine !== asked) return false;
  loaded.push(...page.results);
  next = page.next;
  if (page.counts) showCounts(page.counts);
  return page.results.length > 0;
}

/** Forget what was loaded, because the filter changed. */
function forget() {
  asked += 1;
  loaded.length = 0;
  next = null;
  sessionStorage.setItem(KEPT, JSON.stringify(filter));
}

/** Show the undecided results of one batch, as a link in a digest asks. @param {string} batch */
export function openBatch(batch) {
  Object.assign(filter, { collection: "", batch, state: "open", text: "" });
  forget();
}

/** @param {Record<string, number>} counts */
function showCounts(counts) {
  for (const state of STATES) {
    const all = Object.values(counts).reduce((sum, one) => sum + one, 0);
    const place = document.querySelector(`[data-count="${state}"]`);
    if (place) place.textContent = number(state === "all" ? all : (counts[state] ?? 0));
  }
}

/** Show the queue. @param {HTMLElement} place @param {number} [focus] id of the result that has the focus */
export async function showQueue(place, focus = 0) {
  document.title = t("title");
  const list = element("ul", { class: "results", role: "list" });
  const end = element("p", { class: "end" });
  const collections = await get("collections");
  const reload = async () => {
    forget();
    list.replaceChildren();
    await fill(list, end);
  };
  place.replaceChildren(head(collections, reload), list, end);
  if (!loaded.length) forget();
  await fill(list, end);
  const wanted = focus && list.querySelector(`[href="#/${focus}"]`);
  if (wanted instanceof HTMLElement) wanted.focus();
  else list.querySelector("a")?.focus();
  new IntersectionObserver(async (seen) => {
    if (seen[0].isIntersecting && next !== null && (await loadMore())) await fill(list, end);
  }).observe(end);
}

/** @param {HTMLElement} list @param {HTMLElement} end */
async function fill(list, end) {
  if (!loaded.length) await loadMore();
  for (const result of loaded.slice(list.children.length)) list.append(item(result));
  end.textContent = loaded.length ? "" : t("empty");
}

/** @param {any[]} collections @param {() => void} reload */
function head(collections, reload) {
  const own = collections.find((one) => one.name === filter.collection) ?? collections.find((one) => one.batches.some((/** @type {any} */ batch) => String(batch.id) === filter.batch));
  const batches = own?.batches ?? (collections.length === 1 ? collections[0].batches : []);
  const choice = (/** @type {string} */ label, /** @type {"collection" | "batch"} */ name, /** @type {any[]} */ options) =>
    element(
      "label", {}, `${t(label)} `,
      element(
        "select",
        { change: (/** @type {any} */ event) => { filter[name] = event.target.value; if (name === "collection") filter.batch = ""; reload(); } },
        ...options.map(([value, text]) => element("option", { value, selected: String(filter[name]) === String(value) }, text)),
      ),
    );
  const tabs = STATES.map((state) =>
    element(
      "button",
      {
        type: "button", "aria-pressed": filter.state === state,
        click: (/** @type {any} */ event) => {
          filter.state = state;
          for (const one of event.currentTarget.parentElement.children) one.setAttribute("aria-pressed", String(one === event.currentTarget));
          reload();
        },
      },
      `${t(`state.${state}`)} `, element("span", { class: "count", "data-count": state }),
    ),
  );
  return element(
    "header", {},
    element("h1", {}, t("title")),
    element(
      "form", { class: "filters", role: "search", submit: (/** @type {Event} */ event) => event.preventDefault() },
      collections.length > 1 && choice("collection", "collection", [["", t("all_collections")], ...collections.map((one) => [one.name, one.name])]),
      batches.length > 1 && choice("batch", "batch", [["", t("all_batches")], ...batches.map((/** @type {any} */ one) => [one.id, `${one.name} (${number(one.results)})`])]),
      element("label", {}, `${t("search")} `, element("input", { type: "search", value: filter.text, change: (/** @type {any} */ event) => { filter.text = event.target.value; reload(); } })),
    ),
    element("div", { class: "tabs", role: "group" }, ...tabs),
  );
}

/** @param {any} result */
function item(result) {
  const facts = [t(`outcome.${result.outcome}`)];
  if (result.marks) facts.push(count("marks", result.marks));
  if (result.audit) facts.push(t("audit"));
  if (result.estimate) facts.push(t("estimate", { n: number(result.estimate, 1) }));
  return element(
    "li", {},
    element(
      "a", { href: `#/${result.id}`, class: `result ${result.state}` },
      element("img", { src: `api/results/${result.id}/thumb.jpg?v=${result.version}`, alt: "", loading: "lazy", decoding: "async" }),
      element("span", { class: "name" }, result.path.split("/").pop()),
      element("span", { class: "facts" }, facts.join(" · ")),
      result.state !== "open" && result.state !== "unasked" && element("span", { class: "badge" }, t(`state.${result.state}`)),
    ),
  );
}

/** Return the id of the result before or after one; more are loaded when needed. @param {number} id @param {number} step */
export async function neighbour(id, step) {
  const at = loaded.findIndex((one) => one.id === id);
  if (at + step >= loaded.length) await loadMore();
  return loaded[at + step]?.id ?? null;
}

/** Take over a result as it is after a decision. @param {any} result */
export function replace(result) {
  const at = loaded.findIndex((one) => one.id === result.id);
  if (at >= 0) loaded[at] = result;
}
