// Load the pictures that are looked at next before they are asked for.
import { get } from "./api.js";
import { neighbour } from "./queue.js";

const KEPT = 6;

/** @typedef {{told: any, marks: any}} Loaded */
/** @type {Map<number, Promise<Loaded>>} */
const loading = new Map();

/** Return what a page of a picture needs. @param {number} id @returns {Promise<Loaded>} */
export function load(id) {
  const found = loading.get(id) ?? Promise.all([get(`results/${id}`), get(`results/${id}/marks`)]).then(([told, marks]) => ({ told, marks }));
  loading.delete(id);
  loading.set(id, found);
  found.catch(() => loading.delete(id));
  if (loading.size > KEPT) loading.delete(/** @type {number} */ (loading.keys().next().value));
  return found;
}

/** Forget what is known of a picture, because it has changed. @param {number} id */
export const forgetPicture = (id) => loading.delete(id);

/** The address of a tile. @param {any} told @param {string} which @param {number} level 0 is the smallest @param {number} x @param {number} y */
export const tileUrl = (told, which, level, x, y) => `api/results/${told.id}/tiles/${which}/${told.levels - 1 - level}/${x}_${y}.jpg?of=${told.shown[which].slice(0, 16)}`;

/** Load the next picture with the tiles that fill a window, and the data of the one before. @param {number} id @param {number} width of the window in pixels of the screen */
export async function prefetch(id, width) {
  const [next, previous] = await Promise.all([neighbour(id, 1), neighbour(id, -1)]);
  if (previous !== null) load(previous).catch(() => {});
  if (next === null) return;
  const { told } = await load(next);
  for (const which of Object.keys(told.shown)) for (const [level, x, y] of tilesFor(told, width)) new Image().src = tileUrl(told, which, level, x, y);
}

/** The tiles of the smallest level that is as wide as a window. @param {any} told @param {number} width */
function tilesFor(told, width) {
  const scale = (/** @type {number} */ level) => 2 ** (told.levels - 1 - level);
  let level = 0;
  while (level < told.levels - 1 && told.width / scale(level) < width / 2) level += 1;
  const across = Math.ceil(told.width / scale(level) / told.tile);
  const down = Math.ceil(told.height / scale(level) / told.tile);
  /** @type {number[][]} */
  const found = [[0, 0, 0]];
  for (let y = 0; level && y < down; y++) for (let x = 0; x < across; x++) found.push([level, x, y]);
  return found.slice(0, 60);
}
