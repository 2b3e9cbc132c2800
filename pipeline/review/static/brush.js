// Brush, line, eraser and protect, by mouse, finger, pen or keys; a rough stroke becomes the mark under it.
import { post } from "./api.js";
import { attempt } from "./attempt.js";
import { pathOf } from "./layer.js";

/** @type {Record<string, "paint" | "erase" | "protect">} */
const TOOLS = { brush: "paint", line: "paint", eraser: "erase", protect: "protect" };
/** Milliseconds between looks at what a stroke will become. */
const PREVIEW = 180;

/** Width of the brush in pixels: most cracks are narrower, and it hides little of what is under it. */
const USUAL = 6;

/** @typedef {import("./layer.js").Stroke} Stroke */

/** The width that was chosen last. */
export const keptWidth = () => Number(localStorage.getItem("review.brush")) || USUAL;

export class Brush {
  /**
   * @param {import("./stage.js").Stage} stage
   * @param {{add: (edit: import("./painting.js").Edit) => void, changed: () => void, strokes: () => Stroke[]}} events
   */
  constructor(stage, events) {
    this.stage = stage;
    this.events = events;
    this.tool = "";
    this.width = keptWidth();
    /** Where the cursor is, in pixels of the picture. */
    this.pointer = { x: 0, y: 0 };
    /** @type {Stroke | undefined} */
    this.stroke = undefined;
    this.raw = false;
    this.byKeys = false;
    /** @type {Promise<void> | undefined} */
    this.snapping = undefined;
    this.looked = 0;
    this.looking = false;
    const { viewer } = stage;
    viewer.addHandler("canvas-press", (/** @type {any} */ event) => this.begin(stage.toPixel(event.position), event.originalEvent?.altKey));
    viewer.addHandler("canvas-drag", (/** @type {any} */ event) => {
      if (!this.stroke) return;
      event.preventDefaultAction = true;
      this.extend(stage.toPixel(event.position), event.originalEvent?.altKey);
    });
    viewer.addHandler("canvas-release", () => this.end());
    // Two fingers move and zoom, whatever tool is in the hand.
    viewer.addHandler("canvas-pinch", () => this.drop());
  }

  /** @param {string} name */
  take(name) {
    this.drop();
    this.tool = this.tool === name ? "" : name;
    this.stage.setPanning(!this.tool);
    this.moveTo(this.pointer);
  }

  /** @param {number} factor */
  resize(factor) {
    const wanted = Math.round(this.width * factor);
    this.width = Math.min(400, Math.max(1, wanted === this.width ? wanted + Math.sign(factor - 1) : wanted));
    localStorage.setItem("review.brush", String(this.width));
    this.moveTo(this.pointer);
  }

  /** @param {{x: number, y: number}} pixel */
  moveTo(pixel) {
    this.pointer = pixel;
    this.stage.layer.cursor = this.tool || this.byKeys ? { ...pixel, width: this.tool ? this.width : 0 } : null;
    this.stage.layer.draw();
  }

  /** Move by keys. @param {number} x @param {number} y steps @param {boolean} fine one pixel of the picture a step */
  step(x, y, fine) {
    const scale = this.stage.layer.place()?.scale ?? 1;
    const far = fine ? 1 : Math.max(1, 12 / scale);
    this.byKeys = true;
    this.moveTo({ x: this.pointer.x + x * far, y: this.pointer.y + y * far });
    if (this.stroke) this.extend(this.pointer, this.raw);
    this.stage.follow(this.pointer);
  }

  /** Put the brush down, or lift it. @param {boolean} raw */
  toggle(raw) {
    if (this.stroke) return this.end();
    this.byKeys = true;
    this.begin(this.pointer, raw);
    return undefined;
  }

  /** @param {{x: number, y: number}} pixel @param {boolean} [raw] paint as drawn */
  begin({ x, y }, raw = false) {
    if (!this.tool) return;
    this.raw = raw;
    this.stroke = { points: [[x, y]], width: this.width, tool: TOOLS[this.tool] };
    this.draw();
  }

  /** @param {{x: number, y: number}} pixel @param {boolean} [raw] */
  extend({ x, y }, raw = false) {
    if (!this.stroke) return;
    const [lastX, lastY] = this.stroke.points[this.stroke.points.length - 1];
    if (Math.hypot(x - lastX, y - lastY) < 0.5) return;
    // A line has two ends: the second follows the hand.
    if (this.tool === "line") this.stroke.points[1] = [x, y];
    else this.stroke.points.push([x, y]);
    this.raw = raw;
    this.draw();
    this.look();
  }

  draw() {
    this.stage.layer.strokes = this.stroke ? [...this.events.strokes(), this.stroke] : this.events.strokes();
    this.stage.layer.draw();
  }

  /** Show what a stroke will become, while it is drawn. */
  async look() {
    const { stroke } = this;
    if (!stroke || stroke.tool !== "paint" || this.raw || this.looking || performance.now() - this.looked < PREVIEW) return;
    this.looking = true;
    const told = await post(`results/${this.stage.told.id}/snap`, { points: stroke.points.slice(), width: stroke.width }).catch(() => null);
    this.looking = false;
    this.looked = performance.now();
    if (this.stroke !== stroke) return;
    this.stage.layer.preview = told?.runs?.length ? pathOf(told.runs) : null;
    this.stage.layer.draw();
    this.look();
  }

  /** Leave a stroke that was begun. */
  drop() {
    if (!this.stroke) return;
    this.stroke = undefined;
    this.stage.layer.preview = null;
    this.draw();
  }

  end() {
    const { stroke, raw } = this;
    this.stroke = undefined;
    if (!stroke) return this.snapping;
    this.snapping = this.#finish(stroke, raw);
    return this.snapping;
  }

  /** @param {Stroke} stroke @param {boolean} raw */
  async #finish({ points, width, tool }, raw) {
    let runs;
    if (tool === "paint" && !raw) {
      const told = await attempt(() => post(`results/${this.stage.told.id}/snap`, { points, width }));
      runs = told?.runs?.length ? told.runs : undefined;
    }
    this.stage.layer.preview = null;
    this.events.add(runs ? { tool: "paint", runs } : { tool, stroke: { points, width } });
    this.events.changed();
  }
}
