// The marks of a picture: which are shown, one or many accepted or dismissed, from one to the next.
import { pathOf } from "./layer.js";
import { isEnglish, number, t } from "./phrases.js";

/** @typedef {import("./painting.js").Mark} Mark */

export class MarkTools {
  /** @param {import("./painting.js").Painting} painting @param {number[]} filled runs of what was filled */
  constructor(painting, filled) {
    this.painting = painting;
    this.filled = pathOf(filled);
    /** @type {Map<number, Path2D>} */
    this.paths = new Map(painting.marks.map((mark) => [mark.id, pathOf(mark.runs)]));
    /** Areas of edits; made once, because a stroke may have thousands of runs. @type {WeakMap<import("./painting.js").Edit, Path2D>} */
    this.areas = new WeakMap();
    /** How sure a mark must be, 0..1. */
    this.sure = 0;
    this.current = -1;
  }

  get hasChances() {
    return this.painting.marks.some((one) => one.probability !== null);
  }

  /** @param {Mark} mark */
  isShown(mark) {
    return mark.probability === null || mark.probability >= this.sure;
  }

  get shown() {
    return this.painting.marks.filter((one) => this.isShown(one));
  }

  /** How many marks are shown of each kind, most first. @returns {[string, number][]} */
  kinds() {
    /** @type {Map<string, number>} */
    const counts = new Map();
    for (const { kind } of this.shown) counts.set(kind || "none", (counts.get(kind || "none") ?? 0) + 1);
    return [...counts].sort(([, a], [, b]) => b - a);
  }

  /** Accept or dismiss the marks that are shown. @param {string} state @param {string} [kind] only those of a kind */
  setShown(state, kind = "") {
    this.painting.mark(this.shown.filter((one) => !kind || (one.kind || "none") === kind), state);
  }

  /** Set the mark at a place, or one that is near; return it. @param {{x: number, y: number}} pixel @param {number} reach @param {string} state */
  setAt(pixel, reach, state) {
    const mark = this.at(pixel, reach);
    if (mark) this.painting.mark([mark], state);
    return mark;
  }

  /** @param {{x: number, y: number}} pixel @param {number} reach */
  at(pixel, reach) {
    return this.painting.at(pixel.x, pixel.y, reach, (mark) => this.isShown(mark) || this.painting.stateOf(mark) !== "open");
  }

  /** Go to the next mark that is shown, the largest first; return it with a pixel of it. @param {number} step */
  next(step) {
    const { shown } = this;
    if (!shown.length) return null;
    const from = this.current < 0 && step < 0 ? 0 : this.current;
    this.current = (from + step + shown.length) % shown.length;
    const mark = shown[this.current];
    const middle = 3 * Math.floor(mark.runs.length / 6);
    return { mark, pixel: { x: (mark.runs[middle + 1] + mark.runs[middle + 2]) / 2, y: mark.runs[middle] + 0.5 } };
  }

  /** Say what a mark is. @param {Mark} mark */
  describe(mark) {
    // The detector explains itself in English alone.
    const why = isEnglish() ? mark.reason : mark.left && t(`left.${mark.left}`);
    return [t(`kind.${mark.kind || "none"}`), mark.probability !== null ? `${number(100 * mark.probability)} %` : "", t(`mark.${this.painting.stateOf(mark)}`), why].filter(Boolean).join(" · ");
  }

  /** What is drawn over the picture. */
  drawn() {
    const { painting } = this;
    const marks = painting.marks.filter((one) => this.isShown(one) || painting.stateOf(one) !== "open");
    return [
      { path: this.filled, state: "filled" },
      ...marks.map((one) => ({ path: this.paths.get(one.id) ?? new Path2D(), state: painting.stateOf(one) })),
      ...painting.now.edits.filter((edit) => edit.runs).map((edit) => ({ path: this.#areaOf(edit), state: "painted" })),
    ];
  }

  /** @param {import("./painting.js").Edit} edit */
  #areaOf(edit) {
    const known = this.areas.get(edit) ?? pathOf(edit.runs ?? []);
    this.areas.set(edit, known);
    return known;
  }
}
