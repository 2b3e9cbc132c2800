// What the queue shows: its filters, kept in the browser, so that one goes on where one left off.
import { element } from "./elements.js";
import { number, t } from "./phrases.js";

export const STATES = ["open", "later", "redo", "rejected", "accepted", "unasked", "all"];
const OUTCOMES = ["restored", "unchanged", "review"];
const KINDS = ["dust", "hair", "scratch", "crack", "loss", "line", "manual", "other"];
const REASONS = ["doubt", "face", "text", "swarm", "broad", "coverage", "infrared", "review"];
const KEPT = "review.filter";
const NOTHING = { collection: "", batch: "", state: "open", outcome: "", kind: "", reason: "", since: "", until: "", decided_by: "", text: "" };

/** @type {typeof NOTHING} */
export const filter = { ...NOTHING, ...kept() };

function kept() {
  try {
    return JSON.parse(localStorage.getItem(KEPT) ?? "{}");
  } catch {
    return {};
  }
}

export function keepFilter() {
  localStorage.setItem(KEPT, JSON.stringify(filter));
}

/** Show the undecided results of one batch, as a link in a digest asks. @param {string} batch */
export function filterBatch(batch) {
  Object.assign(filter, NOTHING, { batch });
  keepFilter();
}

/** Show the undecided results of one collection. @param {string} collection */
export function filterCollection(collection) {
  Object.assign(filter, NOTHING, { collection });
  keepFilter();
}

/** Return the query that the filter means. */
export function query() {
  const { state, since, until, ...rest } = filter;
  // A day is the reader's own.
  const before = until && new Date(new Date(`${until}T00:00`).getTime() + 36e5 * 24).toISOString();
  return { ...rest, state: state === "all" ? "" : state, since: since && new Date(`${since}T00:00`).toISOString(), before };
}

/** @param {Record<string, number>} counts */
export function showCounts(counts) {
  for (const state of STATES) {
    const all = Object.values(counts).reduce((sum, one) => sum + one, 0);
    const place = document.querySelector(`[data-count="${state}"]`);
    if (place) place.textContent = number(state === "all" ? all : (counts[state] ?? 0));
  }
}

/** @param {any[]} collections @param {string[]} deciders @param {() => void} reload */
export function filterForm(collections, deciders, reload) {
  const own = collections.find((one) => one.name === filter.collection) ?? collections.find((one) => one.batches.some((/** @type {any} */ batch) => String(batch.id) === filter.batch));
  const batches = own?.batches ?? (collections.length === 1 ? collections[0].batches : []);
  /** @param {keyof typeof NOTHING} name @param {any} value */
  const change = (name, value) => {
    filter[name] = value;
    if (name === "collection") filter.batch = "";
    keepFilter();
    reload();
  };
  /** @param {keyof typeof NOTHING} name @param {string[][]} options */
  const choice = (name, options) =>
    element(
      "label", {}, t(name),
      element("select", { name, change: (/** @type {any} */ event) => change(name, event.target.value) }, ...options.map(([value, text]) => element("option", { value, selected: String(filter[name]) === value }, text))),
    );
  /** @param {keyof typeof NOTHING} name @param {string} type */
  const field = (name, type) => element("label", {}, t(name === "text" ? "search" : name), element("input", { name, type, value: filter[name], change: (/** @type {any} */ event) => change(name, event.target.value) }));
  /** @param {string} group @param {string[]} names */
  const words = (group, names) => [["", t("any")], ...names.map((name) => [name, t(`${group}.${name}`)])];
  const more = [
    choice("outcome", words("outcome", OUTCOMES)),
    choice("kind", words("kind", KINDS)),
    choice("reason", words("left", REASONS)),
    field("since", "date"),
    field("until", "date"),
    deciders.length > 0 && choice("decided_by", [["", t("any")], ...deciders.map((name) => [name, name])]),
  ];
  const set = ["outcome", "kind", "reason", "since", "until", "decided_by"].some((name) => filter[/** @type {keyof typeof NOTHING} */ (name)]);
  return element(
    "form", { class: "filters", role: "search", "aria-label": t("filters"), submit: (/** @type {Event} */ event) => event.preventDefault() },
    collections.length > 1 && choice("collection", [["", t("all_collections")], ...collections.map((one) => [one.name, one.name])]),
    batches.length > 1 && choice("batch", [["", t("all_batches")], ...batches.map((/** @type {any} */ one) => [String(one.id), `${one.name} (${number(one.results)})`])]),
    field("text", "search"),
    element("details", { class: "more", open: set }, element("summary", {}, t("filters")), element("div", { class: "filters" }, ...more, element("button", { type: "button", click: () => { Object.assign(filter, NOTHING, { state: filter.state }); keepFilter(); reload(); } }, t("clear")))),
  );
}

/** @param {() => void} reload */
export function stateTabs(reload) {
  const tabs = STATES.map((state) =>
    element(
      "button",
      {
        type: "button", "aria-pressed": filter.state === state,
        click: (/** @type {any} */ event) => {
          filter.state = state;
          for (const one of event.currentTarget.parentElement.children) one.setAttribute("aria-pressed", String(one === event.currentTarget));
          keepFilter();
          reload();
        },
      },
      `${t(`state.${state}`)} `, element("span", { class: "count", "data-count": state }),
    ),
  );
  return element("div", { class: "tabs", role: "group", "aria-label": t("state") }, ...tabs);
}
