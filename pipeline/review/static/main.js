// Start: the queue at `#/`, a picture at `#/ID`, and the keys of both.
import { element, notice } from "./elements.js";
import { showPicture } from "./picture.js";
import { loadPhrases, t } from "./phrases.js";
import { openBatch, showQueue } from "./queue.js";

const KEYS = [["Enter", "enter"], ["a", "a"], ["r", "r"], ["l", "l"], ["n p ← →", "n"], ["o", "o"], ["m", "m"], ["x", "x"], ["y", "y"], ["b", "b"], ["e", "e"], ["k", "k"], ["[ ]", "size"], ["z Z", "z"], ["f", "f"], ["1", "1"], ["Shift R", "R"], ["Esc", "esc"]];

const queuePlace = /** @type {HTMLElement} */ (document.getElementById("queue"));
const picturePlace = /** @type {HTMLElement} */ (document.getElementById("picture"));
const keys = /** @type {HTMLDialogElement} */ (document.getElementById("keys"));
/** @type {any} */
let view = null;
let last = 0;

async function show() {
  const id = Number(location.hash.slice(2));
  view?.close();
  view = null;
  queuePlace.hidden = Boolean(id);
  picturePlace.hidden = !id;
  if (!id) return showQueue(queuePlace, last);
  last = id;
  const shown = await showPicture(picturePlace, id).catch((error) => notice(t("failed", { detail: error.message }), true));
  if (!shown) {
    location.hash = "#/";
    return;
  }
  if (Number(location.hash.slice(2)) !== id) return shown.close();
  view = shown;
  view.onKeys = showKeys;
  view.onReopen = show;
}

function showKeys() {
  keys.replaceChildren(
    element("h2", {}, t("keys")),
    element("dl", {}, ...KEYS.flatMap(([key, name]) => [element("dt", {}, ...key.split(" ").map((one) => element("kbd", {}, one))), element("dd", {}, t(`key.${name}`))])),
    element("button", { type: "button", click: () => keys.close() }, t("close")),
  );
  keys.showModal();
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  const { target } = event;
  const sliding = target instanceof HTMLInputElement && target.type === "range" && event.key.startsWith("Arrow");
  const typing = (target instanceof HTMLInputElement && target.type !== "range") || target instanceof HTMLSelectElement;
  // A key that is held would decide about pictures that nobody has seen.
  const held = event.repeat && !["[", "]", "z", "Z"].includes(event.key);
  if (sliding || typing || held || keys.open || event.ctrlKey || event.metaKey || (event.altKey && event.key.startsWith("Arrow"))) return;
  if (event.key === "?" && event.type === "keydown") showKeys();
  else if (view) {
    if (view.key(event)) event.preventDefault();
  } else if (event.type === "keydown" && (event.key === "n" || event.key === "p")) {
    const links = [...queuePlace.querySelectorAll("a.result")];
    const at = links.indexOf(/** @type {Element} */ (document.activeElement));
    const wanted = links[at + (event.key === "n" ? 1 : -1)];
    if (wanted instanceof HTMLElement) wanted.focus();
  }
}

addEventListener("keydown", onKey);
addEventListener("keyup", onKey);
addEventListener("hashchange", show);
await loadPhrases();
const batch = new URLSearchParams(location.search).get("batch") ?? "";
if (/^\d+$/.test(batch)) {
  openBatch(batch);
  history.replaceState(null, "", "./#/");
}
await show();
