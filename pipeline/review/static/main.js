// Start: the queue at `#/`, a picture at `#/ID`, and the keys of both.
import { element, notice } from "./elements.js";
import { showPicture } from "./picture.js";
import { openPlace } from "./places.js";
import { loadPhrases, t } from "./phrases.js";
import { leaveQueue, openBatch, queueKey, showQueue } from "./queue.js";

const KEYS = [["Enter", "enter"], ["a", "a"], ["r", "r"], ["l", "l"], ["n p ← →", "n"], ["o", "o"], ["m", "m"], ["g G", "g"], ["y", "y"], ["x", "x"], ["b", "b"], ["s", "s"], ["e", "e"], ["k", "k"], ["↑ ↓ Space", "draw"], ["[ ]", "size"], ["z Z", "z"], ["f", "f"], ["1", "1"], ["+ -", "zoom"], ["Shift R", "R"], ["Esc", "esc"]];

const queuePlace = /** @type {HTMLElement} */ (document.getElementById("queue"));
const picturePlace = /** @type {HTMLElement} */ (document.getElementById("picture"));
const keys = /** @type {HTMLDialogElement} */ (document.getElementById("keys"));
/** @type {any} */
let view = null;

async function show() {
  const id = Number(location.hash.slice(2));
  view?.close();
  view = null;
  const place = openPlace(location.hash.slice(2));
  queuePlace.hidden = place || Boolean(id);
  picturePlace.hidden = !id;
  if (!id && !place) return showQueue(queuePlace);
  leaveQueue();
  if (place) return;
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
    element("h2", { id: "keys-title" }, t("keys")),
    element("dl", {}, ...KEYS.flatMap(([key, name]) => [element("dt", {}, ...key.split(" ").map((one) => element("kbd", {}, one))), element("dd", {}, t(`key.${name}`))])),
    element("button", { type: "button", click: () => keys.close() }, t("close")),
  );
  keys.showModal();
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  const { target } = event;
  const sliding = target instanceof HTMLInputElement && target.type === "range" && event.key.startsWith("Arrow");
  const typing = (target instanceof HTMLInputElement && !["range", "checkbox"].includes(target.type)) || target instanceof HTMLSelectElement;
  // A key that is held would decide about pictures that nobody has seen.
  const moves = event.key.startsWith("Arrow") && (!view || view.brush.tool);
  const held = event.repeat && !moves && !["[", "]", "z", "Z", "+", "-"].includes(event.key) && (view || !["n", "p"].includes(event.key));
  if (sliding || typing || held || keys.open || event.ctrlKey || event.metaKey || (event.altKey && event.key.startsWith("Arrow"))) return;
  if (event.key === "?" && event.type === "keydown") showKeys();
  else if (view) {
    if (view.key(event)) event.preventDefault();
  } else if (!queuePlace.hidden && event.type === "keydown" && queueKey(event.key)) event.preventDefault();
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
