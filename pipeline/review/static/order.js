// The order of the queue as a whole, and what is known of its results; ids are cheap, details come as they are seen.
import { get } from "./api.js";

/** @typedef {Record<string, string | string[] | null | undefined>} Query */

/** Ids in their order. @type {number[]} */
export let ids = [];
/** Where each id stands. @type {Map<number, number>} */
let places = new Map();
/** Results by id. @type {Map<number, any>} */
const known = new Map();
/** Ids that are being asked for. @type {Set<number>} */
const asked = new Set();
/** Changes with every new order, so that late answers are left out. */
let generation = 0;
/** Settles when all ids are there. @type {Promise<void>} */
let complete = Promise.resolve();

/**
 * Load the first results of a query; the order of all others follows behind.
 * @param {Query} query @param {(counts: Record<string, number>) => void} onCounts @param {() => void} onMore
 */
export async function loadOrder(query, onCounts, onMore) {
  const mine = ++generation;
  const first = await get("results", query);
  if (mine !== generation) return;
  set(first.results.map((/** @type {any} */ one) => one.id));
  first.results.forEach(keep);
  onCounts(first.counts);
  complete = first.next ? loadRest(query, mine, onMore) : Promise.resolve();
}

/** @param {Query} query @param {number} mine @param {() => void} onMore */
async function loadRest(query, mine, onMore) {
  let after = "";
  /** @type {number[]} */
  const all = [];
  do {
    const page = await get("order", { ...query, after });
    if (mine !== generation) return;
    all.push(...page.ids);
    after = page.next;
    // What was decided meanwhile is missing in the new order: its place is kept.
    if (all.length > ids.length || !after) set(all);
    onMore();
  } while (after);
}

/** @param {number[]} wanted */
function set(wanted) {
  ids = wanted;
  places = new Map(wanted.map((id, at) => [id, at]));
}

/** Forget the order, because another one is wanted. */
export function forget() {
  generation += 1;
  set([]);
  known.clear();
  asked.clear();
}

/** Put a result into the place of another one. @param {number} before @param {number} id */
export function rename(before, id) {
  const at = placeOf(before);
  if (at < 0 || before === id) return;
  ids[at] = id;
  places.delete(before);
  places.set(id, at);
}

/** @param {number} id */
export const detailsOf = (id) => known.get(id);

/** Take over a result as it is now. @param {any} result */
export const keep = (result) => known.set(result.id, result);

/** Load the details of results that are not known; return whether any came. @param {number[]} wanted */
export async function loadDetails(wanted) {
  const missing = wanted.filter((id) => !known.has(id) && !asked.has(id)).slice(0, 200);
  if (!missing.length) return false;
  missing.forEach((id) => asked.add(id));
  try {
    for (const result of await get("some", { id: missing.map(String) })) keep(result);
  } finally {
    missing.forEach((id) => asked.delete(id));
  }
  return true;
}

/** Return the place of a result in the order, -1 where it is not in it. @param {number} id */
export const placeOf = (id) => places.get(id) ?? -1;

/** Return the id of the result before or after one, null at either end. @param {number} id @param {number} step */
export async function neighbour(id, step) {
  const at = placeOf(id);
  if (at + step >= ids.length) await complete;
  return ids[placeOf(id) + step] ?? null;
}
