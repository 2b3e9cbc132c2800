// Results whose masks are being filled: one goes on meanwhile, and is told when one is back.
import { get } from "./api.js";
import { notice } from "./elements.js";
import { count, t } from "./phrases.js";
import { rename } from "./order.js";
import { forgetPicture } from "./prefetch.js";
import { replace } from "./queue.js";

const EVERY = 4000;
/** Results by id. @type {Map<number, any>} */
const waited = new Map();
let timer = 0;
/** @type {Set<(id: number) => void>} */
const listeners = new Set();

/** Be told when a result is back. @param {(id: number) => void} listener @returns {() => void} to be told no more */
export function onBack(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Wait for a result. @param {any} result */
export function waitFor(result) {
  waited.set(result.id, result);
  show();
  timer ||= window.setTimeout(look, EVERY);
}

async function look() {
  timer = 0;
  const found = await get("some", { id: [...waited.keys()].map(String) }).catch(() => null);
  for (const before of found ? [...waited.values()] : []) {
    const result = found.find((/** @type {any} */ one) => one.id === before.id) ?? (await successor(before).catch(() => before));
    if (result?.state === "redo") {
      await lookForFailure(result);
      continue;
    }
    waited.delete(before.id);
    forgetPicture(before.id);
    if (!result) continue;
    rename(before.id, result.id);
    replace(result);
    notice(t("came_back", { name: result.path.split("/").pop() }));
    listeners.forEach((listener) => listener(before.id));
  }
  show();
  if (waited.size) timer = window.setTimeout(look, EVERY);
}

/** Stop waiting for a result whose run has failed. @param {any} result */
async function lookForFailure(result) {
  const { problem } = await get(`results/${result.id}`).catch(() => ({ problem: "" }));
  if (!problem) return;
  waited.delete(result.id);
  forgetPicture(result.id);
  notice(`${result.path.split("/").pop()}: ${t("run_failed", { detail: problem })}`, true);
  listeners.forEach((listener) => listener(result.id));
}

/** Return the result that took the place of one: another recipe or version has a result of its own. @param {any} before */
async function successor(before) {
  const { results } = await get("results", { collection: before.collection, text: before.path });
  return results.find((/** @type {any} */ one) => one.path === before.path);
}

function show() {
  const place = /** @type {HTMLElement} */ (document.getElementById("waiting"));
  place.hidden = !waited.size;
  place.textContent = waited.size ? count("filling", waited.size) : "";
}
