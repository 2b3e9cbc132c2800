// Results whose masks are being filled: one goes on meanwhile, and is told when one is back.
import { get } from "./api.js";
import { notice } from "./elements.js";
import { count, t } from "./phrases.js";
import { forgetPicture } from "./prefetch.js";
import { replace } from "./queue.js";

const EVERY = 4000;
/** @type {Set<number>} */
const waited = new Set();
let timer = 0;
/** @type {Set<(result: any) => void>} */
const listeners = new Set();

/** Be told when a result is back. @param {(result: any) => void} listener @returns {() => void} to be told no more */
export function onBack(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Wait for a result. @param {number} id */
export function waitFor(id) {
  waited.add(id);
  show();
  timer ||= window.setTimeout(look, EVERY);
}

async function look() {
  timer = 0;
  const found = waited.size ? await get("some", { id: [...waited].map(String) }).catch(() => []) : [];
  for (const result of found) {
    if (result.state === "redo") continue;
    waited.delete(result.id);
    forgetPicture(result.id);
    replace(result);
    notice(t("came_back", { name: result.path.split("/").pop() }));
    listeners.forEach((listener) => listener(result));
  }
  show();
  if (waited.size) timer = window.setTimeout(look, EVERY);
}

function show() {
  const place = /** @type {HTMLElement} */ (document.getElementById("waiting"));
  place.hidden = !waited.size;
  place.textContent = waited.size ? count("filling", waited.size) : "";
}
