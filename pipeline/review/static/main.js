// Start: the queue at `#/`, a picture at `#/ID`, and the keys of both.
import { element } from "./elements.js";
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
  const batch = location.hash.match(/^#\/batch\/(\d+)$/);
  if (batch) {
    openBatch(batch[1]);
    history.replaceState(null, "", "#/");
  }
  const id = Number(location.hash.slice(2));
  view?.close();
  view = null;
  queuePlace.hidden = Boolean(id);
  picturePlace.hidden = !id;
  if (!id) return showQueue(queuePlace, last);
  last = id;
  const shown = await showPicture(picturePlace, id);
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
  const typing = event.target instanceof HTMLInputElement && event.target.type !== "range";
  if (typing || keys.open || event.ctrlKey || event.metaKey) return;
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
await show();
