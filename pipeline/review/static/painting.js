// What a person does to the marks of one picture, with undo and redo; nothing is sent before it is saved.

/**
 * @typedef {{id: number, box: number[], area: number, runs: number[], kind: string, probability: number | null, reason: string, left: string}} Mark
 * @typedef {{tool: "paint" | "erase" | "protect", stroke?: {points: number[][], width: number}, runs?: number[]}} Edit
 * @typedef {{states: Map<number, string>, edits: Edit[]}} Step
 */

/** The marks with their states, and the edits on top of them. */
export class Painting {
  /** @param {Mark[]} marks */
  constructor(marks) {
    this.marks = marks;
    /** @type {Step} */
    this.now = { states: new Map(), edits: [] };
    /** @type {Step[]} */
    this.before = [];
    /** @type {Step[]} */
    this.after = [];
  }

  /** @param {Mark} mark */
  stateOf(mark) {
    return this.now.states.get(mark.id) ?? "open";
  }

  /** @param {(step: Step) => void} change */
  #change(change) {
    this.before.push(this.now);
    this.after.length = 0;
    this.now = { states: new Map(this.now.states), edits: [...this.now.edits] };
    change(this.now);
  }

  /** Set the state of marks; again the same state opens them. @param {Mark[]} marks @param {string} state */
  mark(marks, state) {
    if (!marks.length) return;
    const same = marks.every((one) => this.stateOf(one) === state);
    this.#change((step) => marks.forEach((one) => step.states.set(one.id, same ? "open" : state)));
  }

  /** @param {Edit} edit */
  add(edit) {
    this.#change((step) => step.edits.push(edit));
  }

  undo() {
    const step = this.before.pop();
    if (!step) return false;
    this.after.push(this.now);
    this.now = step;
    return true;
  }

  redo() {
    const step = this.after.pop();
    if (!step) return false;
    this.before.push(this.now);
    this.now = step;
    return true;
  }

  /** The smallest mark at a pixel, or one that is near. @param {number} x @param {number} y @param {number} reach @param {(mark: Mark) => boolean} wanted */
  at(x, y, reach, wanted) {
    let best = null;
    let nearest = reach;
    for (const mark of this.marks) {
      if (!wanted(mark)) continue;
      const [left, top, width, height] = mark.box;
      if (x < left - reach || y < top - reach || x > left + width + reach || y > top + height + reach) continue;
      for (let at = 0; at < mark.runs.length; at += 3) {
        const across = Math.max(mark.runs[at + 1] - x, 0, x - mark.runs[at + 2]);
        const distance = Math.hypot(across, Math.max(mark.runs[at] - y, 0, y - mark.runs[at] - 1));
        if (distance < nearest || (distance === nearest && best && mark.area < best.area)) {
          nearest = distance;
          best = mark;
        }
      }
    }
    return best;
  }

  /** Strokes that stayed as they were drawn. @returns {import("./layer.js").Stroke[]} */
  strokes() {
    return this.now.edits.flatMap(({ stroke, tool }) => (stroke ? [{ ...stroke, tool }] : []));
  }

  /** Forget everything, because it was saved. */
  clear() {
    this.now = { states: new Map(), edits: [] };
    this.before.length = this.after.length = 0;
  }

  /** Whether there is something to fill. */
  get isEmpty() {
    return !this.now.edits.length && ![...this.now.states.values()].includes("accepted");
  }

  /** What the server composes the mask from. */
  document() {
    const accepted = [...this.now.states].filter(([, state]) => state === "accepted").map(([id]) => id);
    return { accepted, edits: this.now.edits.map(({ tool, stroke, runs }) => ({ tool, ...(runs ? { runs } : { stroke }) })) };
  }
}
