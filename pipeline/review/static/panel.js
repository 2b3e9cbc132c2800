// What stands beside a picture: decision, tools, figures and history.
import { element } from "./elements.js";
import { outside } from "./outside.js";
import { count, moment, number, t } from "./phrases.js";
import { staying } from "./stage.js";

/** @typedef {Record<string, (...values: any[]) => unknown>} Commands */

/** A button for a command with its key. @param {Commands} commands @param {string} name @param {string} [key] @param {string} [style] */
function button(commands, name, key = "", style = "") {
  return element("button", { type: "button", class: style, click: () => commands[name](), "aria-keyshortcuts": key && key.replace("Shift ", "Shift+"), "data-command": name }, t(name), key && element("kbd", { "aria-hidden": "true" }, key));
}

/** @param {any} told @param {Commands} commands */
export function topBar(told, commands) {
  return element(
    "header", { class: "bar" },
    button(commands, "back", "Esc"),
    element("h1", {}, told.path),
    element("span", { class: "facts" }, factsOf(told)),
    button(commands, "previous", "p"), button(commands, "next", "n"), button(commands, "keys", "?"),
  );
}

/** @param {any} told */
export function factsOf(told) {
  return [t(`outcome.${told.outcome}`), told.audit && t("audit"), told.marks && count("marks", told.marks), told.state !== "open" && t(`state.${told.state}`)].filter(Boolean).join(" · ");
}

/** What stands below the picture: how it is seen. @param {any} told @param {Commands} commands */
export function viewBar(told, commands) {
  const hold = (/** @type {boolean} */ held) => (/** @type {Event} */ event) => {
    event.preventDefault();
    commands.original(held);
  };
  const original = element("button", { type: "button", "data-command": "original", "aria-keyshortcuts": "o", pointerdown: hold(true), pointerup: hold(false), pointerleave: hold(false), pointercancel: hold(false), contextmenu: (/** @type {Event} */ event) => event.preventDefault() }, t("original"), element("kbd", { "aria-hidden": "true" }, "o"));
  return element(
    "div", { class: "view", role: "group", "aria-label": t("view") },
    button(commands, "fit", "f"), button(commands, "actual", "1"), button(commands, "zoom_out", "-"), button(commands, "zoom_in", "+"),
    button(commands, "overlay", "m"),
    told.shown.restored && original,
    told.shown.restored && element("label", { class: "divider" }, element("span", {}, t("compare")), element("input", { type: "range", min: 0, max: 100, value: 100, input: (/** @type {any} */ event) => commands.divide(event.target.value / 100) })),
    element("label", { class: "check" }, element("input", { type: "checkbox", checked: staying.on, change: (/** @type {any} */ event) => (staying.on = event.target.checked) }), t("stay")),
  );
}

/** @param {any} told @param {Commands} commands @param {import("./mark_tools.js").MarkTools} marks @param {number} width of the brush */
export function sidePanel(told, commands, marks, width) {
  return element(
    "aside", { "aria-label": t("panel") },
    element("div", { class: "verdicts" }, button(commands, "accept", "a", "good"), button(commands, "reject", "r", "bad"), button(commands, "later", "l"), button(commands, "undo")),
    told.state === "redo" && !told.problem && element("p", { class: "reason" }, t("waiting")),
    told.problem && element("p", { class: "reason", role: "alert" }, t("run_failed", { detail: told.problem }), " ", told.problem_log && outside(told.problem_log, t("show_run"))),
    told.state === "redo" && button(commands, "again"),
    told.replaces && element("p", { class: "reason" }, t("replaces", { name: told.replaces.name, at: moment(told.replaces.at), seen: told.replaces.seen.slice(0, 12) })),
    told.reason && element("p", { class: "reason" }, element("strong", {}, `${t("reason")}: `), told.reason),
    marks.painting.marks.length > 0 && markTools(commands, marks),
    element(
      "fieldset", {},
      element("legend", {}, t("paint")),
      element("div", { class: "tools", role: "group", "aria-label": t("tools") }, ...Object.entries({ brush: "b", line: "s", eraser: "e", protect: "k" }).map(([name, key]) => element("button", { type: "button", "data-tool": name, "aria-pressed": "false", "aria-keyshortcuts": key, click: () => commands.take(name) }, t(name), element("kbd", { "aria-hidden": "true" }, key)))),
      element("p", { class: "row" }, t("size"), element("button", { type: "button", "aria-label": t("smaller"), click: () => commands.resize(1 / 1.3) }, "–"), element("output", { "data-brush": "" }, String(width)), element("button", { type: "button", "aria-label": t("larger"), click: () => commands.resize(1.3) }, "+"), element("button", { type: "button", "aria-label": t("undo_stroke"), "aria-keyshortcuts": "z", click: () => commands.unpaint() }, "↶"), element("button", { type: "button", "aria-label": t("redo_stroke"), "aria-keyshortcuts": "Shift+Z", click: () => commands.repaint() }, "↷")),
      element("p", { class: "hint" }, t("raw")),
      button(commands, "redo", "Shift R", "strong"),
    ),
    element("p", { class: "said", role: "status" }),
    element("details", { open: true }, element("summary", {}, t("figures")), figures(told)),
    element("details", {}, element("summary", {}, t("history")), history(told)),
  );
}

/** @param {Commands} commands @param {import("./mark_tools.js").MarkTools} marks */
function markTools(commands, marks) {
  const shown = element("output", { "data-shown": "" });
  return element(
    "fieldset", {},
    element("legend", {}, t("marks")),
    marks.hasChances && element("label", {}, `${t("sure")} `, shown, element("input", { type: "range", min: 0, max: 100, value: 0, "data-sure": "", input: (/** @type {any} */ event) => commands.sure(event.target.value / 100) })),
    element("div", { class: "pair" }, button(commands, "accept_all"), button(commands, "dismiss_all")),
    element("div", { class: "pair" }, button(commands, "previous_mark", "Shift G"), button(commands, "next_mark", "g")),
    element("ul", { class: "kinds", role: "list", "data-kinds": "" }),
  );
}

/** Show how many marks of each kind there are, with what can be done about all of them. @param {HTMLElement} place @param {Commands} commands @param {import("./mark_tools.js").MarkTools} marks */
export function showKinds(place, commands, marks) {
  const shown = place.querySelector("[data-shown]");
  if (shown) shown.textContent = `${number(100 * marks.sure)} % · ${t("of", { n: number(marks.shown.length), all: number(marks.painting.marks.length) })}`;
  const list = place.querySelector("[data-kinds]");
  const kinds = marks.kinds();
  list?.replaceChildren(
    ...(kinds.length > 1 ? kinds : []).map(([kind, n]) => {
      const name = t(`kind.${kind}`);
      return element("li", {}, element("span", {}, `${name} (${number(n)})`), ...[["accepted", "accept"], ["dismissed", "dismiss"]].map(([state, word]) => element("button", { type: "button", "aria-label": t(`${word}_kind`, { kind: name }), click: () => commands.kind(state, kind) }, t(word))));
    }),
  );
}

/** @param {any} told */
function figures(told) {
  /** @type {[string, string | null | undefined][]} */
  const rows = [
    [t("engine"), told.engine?.name],
    [t("coverage"), told.mask.coverage ? `${number(100 * told.mask.coverage, 2)} %` : null],
    [t("source"), told.mask.source && t(`source.${told.mask.source}`)],
    [t("estimate_title"), told.estimate ? t("estimate", { n: number(told.estimate, 1) }) : null],
    [t("note"), told.mask.note],
    [t("disclosure"), told.disclosure],
  ];
  return element("dl", {}, ...rows.filter(([, value]) => value).flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, String(value))]));
}

/** @param {any} told */
function history(told) {
  return element("ol", {}, ...told.history.map((/** @type {any} */ one) => element("li", {}, [moment(one.at), one.name ? `${one.decision}, ${one.name}` : [one.what, one.decision].filter(Boolean).join(": "), one.message].filter(Boolean).join(" · "))));
}
