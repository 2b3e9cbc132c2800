// Draw marks over a picture, from runs in its pixels, at every zoom.

/** @typedef {{points: number[][], width: number, tool: "paint" | "erase" | "protect"}} Stroke */

/** @type {Record<string, string>} */
const COLOURS = { open: "#2f7bff", accepted: "#e02b2b", dismissed: "#8a8a8a", filled: "#e02b2b", painted: "#e02b2b", erased: "#111111", protect: "#1f9d4d" };

/** Return the area of runs as a path in pixels of the picture. @param {number[]} runs */
export function pathOf(runs) {
  const path = new Path2D();
  for (let at = 0; at < runs.length; at += 3) path.rect(runs[at + 1], runs[at], runs[at + 2] - runs[at + 1], 1);
  return path;
}

/** A canvas over an OpenSeadragon viewer. */
export class Layer {
  /** @param {any} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    this.canvas = document.createElement("canvas");
    this.canvas.className = "layer";
    viewer.canvas.append(this.canvas);
    this.context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    /** @type {{path: Path2D, state: string}[]} */
    this.areas = [];
    /** @type {Stroke[]} */
    this.strokes = [];
    /** What a stroke that is being drawn will become. @type {Path2D | null} */
    this.preview = null;
    /** Where brush or keys are, and how wide; 0 for a cross. @type {{x: number, y: number, width: number} | null} */
    this.cursor = null;
    this.shown = true;
    for (const event of ["update-viewport", "resize", "open"]) viewer.addHandler(event, () => this.draw());
  }

  /** Pixels of the screen for one of the picture, and where its corner is. */
  place() {
    const image = this.viewer.world.getItemAt(0);
    if (!image) return null;
    const origin = image.imageToViewerElementCoordinates(new OpenSeadragon.Point(0, 0));
    const unit = image.imageToViewerElementCoordinates(new OpenSeadragon.Point(1, 0));
    return { x: origin.x, y: origin.y, scale: unit.x - origin.x };
  }

  toggle() {
    this.shown = !this.shown;
    this.draw();
  }

  draw() {
    const { clientWidth: width, clientHeight: height } = this.viewer.canvas;
    const density = window.devicePixelRatio || 1;
    if (this.canvas.width !== Math.round(width * density) || this.canvas.height !== Math.round(height * density)) {
      this.canvas.width = Math.round(width * density);
      this.canvas.height = Math.round(height * density);
      this.canvas.style.width = `${width}px`;
      this.canvas.style.height = `${height}px`;
    }
    const context = this.context;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    const place = this.place();
    if (!place) return;
    const scale = place.scale * density;
    context.setTransform(scale, 0, 0, scale, place.x * density, place.y * density);
    if (this.shown) this.#drawMarks(scale);
    if (this.cursor) this.#drawCursor(this.cursor, scale);
  }

  /** @param {number} scale pixels of the canvas for one of the picture */
  #drawMarks(scale) {
    const { context } = this;
    for (const { path, state } of this.areas) {
      context.fillStyle = context.strokeStyle = COLOURS[state];
      context.globalAlpha = state === "dismissed" ? 0.35 : 0.55;
      context.fill(path);
      // A scratch a pixel wide would vanish when the picture is small.
      if (scale < 1) {
        context.lineWidth = 1.2 / scale;
        context.stroke(path);
      }
    }
    context.globalAlpha = 0.6;
    for (const { points, width: thick, tool } of this.strokes) {
      context.strokeStyle = COLOURS[tool === "protect" ? "protect" : tool === "erase" ? "erased" : "painted"];
      context.lineWidth = thick;
      context.lineCap = context.lineJoin = "round";
      context.beginPath();
      points.forEach(([x, y], index) => (index ? context.lineTo(x, y) : context.moveTo(x, y)));
      if (points.length === 1) context.lineTo(points[0][0] + 0.01, points[0][1]);
      context.stroke();
    }
    if (this.preview) {
      context.globalAlpha = 0.8;
      context.fillStyle = COLOURS.painted;
      context.fill(this.preview);
    }
    context.globalAlpha = 1;
  }

  /** Draw where brush or keys are, dark in light, so that it is seen on every picture. @param {{x: number, y: number, width: number}} cursor @param {number} scale */
  #drawCursor({ x, y, width }, scale) {
    const { context } = this;
    for (const [colour, line] of /** @type {[string, number][]} */ ([["#000000", 3], ["#ffffff", 1.2]])) {
      context.strokeStyle = colour;
      context.lineWidth = line / scale;
      context.beginPath();
      if (width) context.arc(x, y, width / 2, 0, 7);
      else {
        const arm = 12 / scale;
        context.moveTo(x - arm, y);
        context.lineTo(x + arm, y);
        context.moveTo(x, y - arm);
        context.lineTo(x, y + arm);
      }
      context.stroke();
    }
  }
}
