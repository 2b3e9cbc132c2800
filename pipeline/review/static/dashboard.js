// The dashboard: what is broken, then how each collection stands.
import { get } from "./api.js";
import { outcomeChart } from "./chart.js";
import { element, notice } from "./elements.js";
import { outside } from "./outside.js";
import { count, moment, number, t } from "./phrases.js";
import { openCollection } from "./queue.js";
import { percent, size } from "./units.js";

const EVERY = 60_000;

/** Show the dashboard; return what leaves it. @param {HTMLElement} place */
export async function showDashboard(place) {
  document.title = t("dashboard");
  let shown = "";
  const load = async () => {
    const told = await get("dashboard").catch((error) => notice(t("failed", { detail: error.message }), true));
    if (!told || JSON.stringify(told) === shown) return;
    shown = JSON.stringify(told);
    place.replaceChildren(...page(told, load));
  };
  await load();
  const timer = setInterval(() => {
    // Nothing moves under somebody who reads or tabs through it.
    if (!document.hidden && !place.contains(document.activeElement) && !place.querySelector("details[open]")) load();
  }, EVERY);
  return () => clearInterval(timer);
}

/** @param {any} told @param {() => void} reload */
function page(told, reload) {
  return [
    element("header", {}, element("h1", { tabIndex: -1 }, t("dashboard")), element("button", { type: "button", click: reload }, t("reload"))),
    troubles(told),
    ...told.collections.map((/** @type {any} */ one) => collection(one, told)),
    !told.collections.length && element("p", { class: "end" }, t("no_collections")),
    told.failures.length > 0 && failures(told.failures),
  ].filter(Boolean);
}

/** @param {any} told */
function troubles(told) {
  if (!told.troubles.length) return element("p", { class: "calm", role: "status" }, t("nothing_broken"));
  return element(
    "section", { class: "troubles", "aria-labelledby": "troubles" },
    element("h2", { id: "troubles" }, t("broken")),
    element(
      "ul", {},
      ...told.troubles.map((/** @type {any} */ one) =>
        element(
          "li", { class: one.kind === "paused" ? "quiet" : "" },
          element("strong", {}, one.collection && element("bdi", {}, one.collection), one.collection ? ": " : "", t(`trouble.${one.kind}`, { detail: one.detail })),
          one.detail && !["failed", "abandoned", "task"].includes(one.kind) && element("span", { class: "detail" }, one.detail),
          element("span", { class: "facts" }, one.at ? moment(one.at) : "", one.address && " · ", one.address && outside(one.address, t(one.kind === "task" ? "show_log" : "show_run"))),
        ),
      ),
    ),
    told.more_troubles > 0 && element("p", { class: "hint" }, t("more_troubles", { n: number(told.more_troubles) })),
  );
}

/** @param {any} one @param {any} told */
function collection(one, told) {
  const id = `collection-${one.name}`;
  const hours = one.over_time.reduce((/** @type {number} */ sum, /** @type {any} */ day) => sum + day.hours, 0);
  const figures = [
    ["last", one.last ? lastBatch(one.last) : t("never")],
    ["backlog", backlog(one.backlog)],
    ["to_decide", toDecide(one)],
    ["marks_decided", t("marks_of", { open: number(one.marks.open), decided: number(one.marks.decided) })],
    ["audit_title", audit(one.audit)],
    ["hours", t("hours_in", { n: number(hours, 1), days: told.days })],
    ["storage", one.usage ? t("storage_at", { size: size(one.usage.bytes), files: number(one.usage.files), at: moment(one.usage.at) }) : t("storage_unknown")],
  ];
  return element(
    "article", { class: "collection", "aria-labelledby": id },
    element("h2", { id }, element("bdi", {}, one.title)),
    element("p", { class: "facts" }, [state(one, told.scheduler), one.inbox && t("inbox_at", { place: one.inbox })].filter(Boolean).join(" · ")),
    element("dl", { class: "figures" }, ...figures.map(([name, value]) => element("div", {}, element("dt", {}, t(name)), element("dd", {}, value)))),
    outcomeChart(one.over_time, t("over_time", { days: told.days })),
  );
}

/** @param {any} one @param {boolean} scheduler */
function state(one, scheduler) {
  if (!one.configured) return t("not_configured");
  if (one.paused) return t("is_paused");
  const parts = [];
  if (one.watch) parts.push(one.watch.marker ? t("watched_marker", { marker: one.watch.marker }) : t("watched", { n: number(one.watch.settle) }));
  if (one.next_run) parts.push(t("next_run", { at: moment(one.next_run) }));
  else if (one.schedule) parts.push(t("scheduled", { schedule: one.schedule, zone: one.timezone }));
  if (!parts.length) parts.push(t("by_hand"));
  return parts.join(" · ") + (scheduler ? "" : ` · ${t("no_scheduler")}`);
}

/** @param {any} last */
function lastBatch(last) {
  const running = ["receiving", "running"].includes(last.state);
  return element(
    "span", {},
    element("a", { href: `./?batch=${last.id}` }, moment(last.finished ?? last.started)),
    ` – ${t(`batch.${last.state}`)}, ${running ? t("done_of", { done: number(last.done), n: number(last.received) }) : count("scans", last.received)}`,
    last.address && " · ", last.address && outside(last.address, t("show_run")),
  );
}

/** @param {{ scans: number, more: boolean }} found */
function backlog(found) {
  const text = found.scans ? count("scans", found.scans) : t("none");
  return found.more ? `${text}, ${t("more_in_inbox")}` : text;
}

/** @param {any} one */
function toDecide(one) {
  const open = one.results.open ?? 0;
  const later = one.results.later ?? 0;
  const decided = ["accepted", "rejected"].map((state) => `${t(`state.${state}`)} ${number(one.results[state] ?? 0)}`);
  return element(
    "span", {},
    open ? element("a", { href: "#/", click: () => openCollection(one.name) }, count("results", open)) : t("none"),
    ` (${[later && `${t("state.later")} ${number(later)}`, ...decided].filter(Boolean).join(", ")})`,
  );
}

/** @param {any} found */
function audit(found) {
  if (!found.drawn) return t("audit.none");
  const values = { drawn: number(found.drawn), decided: number(found.decided), false: number(found.false), share: percent(found.decided ? found.false / found.decided : 0), low: percent(found.low), high: percent(found.high), level: t(`level.${found.level}`) };
  return t(found.decided ? "audit.known" : "audit.unknown", values);
}

/** @param {any[]} found */
function failures(found) {
  return element(
    "section", { "aria-labelledby": "failures" },
    element("h2", { id: "failures" }, t("failures")),
    element("ul", { class: "plain" }, ...found.map((one) => element("li", {}, element("bdi", {}, one.collection), `, ${one.task}, ${moment(one.at)} · `, outside(one.log, t("show_log"))))),
  );
}
