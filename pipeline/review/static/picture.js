// One picture: original and restored at the same place, its marks, tools, figures and the decision.
import { get, post, RequestFailed } from "./api.js";
import { element, notice } from "./elements.js";
import { Layer, pathOf } from "./layer.js";
import { Painting } from "./painting.js";
import { count, moment, number, t } from "./phrases.js";
import { neighbour, replace } from "./queue.js";

const KEPT = "review.view";
/** @type {Record<string, "paint" | "erase" | "protect">} */
const TOOLS = { brush: "paint", eraser: "erase", protect: "protect" };

/** @typedef {import("./painting.js").Edit} Edit */
/** @typedef {import("./layer.js").Stroke} Stroke */

/** Show a picture; return its commands by name, and how to leave it. @param {HTMLElement} place @param {number} id */
export async function showPicture(place, id) {
  const view = new PictureView(place, id);
  await view.open();
  return view;
}

class PictureView {
  /** @param {HTMLElement} place @param {number} id */
  constructor(place, id) {
    this.place = place;
    this.id = id;
    this.tool = "";
    this.width = 8;
    this.sure = 0;
    this.divider = 1;
    this.pointer = { x: 0, y: 0 };
    this.left = false;
    this.raw = false;
    this.shownBefore = 1;
    /** @type {any} */
    this.told = null;
    /** @type {any} */
    this.viewer = null;
    /** @type {any} */
    this.layer = null;
    this.painting = new Painting([]);
    this.filled = new Path2D();
    /** @type {Map<number, Path2D>} */
    this.paths = new Map();
    /** Areas of edits; made once, because a stroke may have thousands of runs. @type {WeakMap<Edit, Path2D>} */
    this.areas = new WeakMap();
    /** @type {Stroke | undefined} */
    this.stroke = undefined;
    this.busy = false;
    this.warned = false;
    /** @type {Promise<void> | undefined} */
    this.snapping = undefined;
    this.onKeys = () => {};
    this.onReopen = () => {};
  }

  async open() {
    const [told, marks] = await Promise.all([get(`results/${this.id}`), get(`results/${this.id}/marks`)]);
    this.told = told;
    this.painting = new Painting(marks.marks);
    this.filled = pathOf(marks.filled);
    this.paths = new Map(marks.marks.map((/** @type {any} */ mark) => [mark.id, pathOf(mark.runs)]));
    this.build();
    this.openViewer();
    this.prefetch();
  }

  build() {
    const { told } = this;
    const button = (/** @type {string} */ name, /** @type {() => void} */ act, /** @type {string} */ key = "", /** @type {string} */ style = "") =>
      element("button", { type: "button", class: style, click: act, title: key, "data-command": name }, t(name), key && element("kbd", {}, key));
    document.title = `${told.path} – ${t("title")}`;
    this.stage = element("div", { class: "stage", role: "group", "aria-label": told.path });
    this.slider = element("input", { type: "range", min: 0, max: 100, value: 100, class: "divider", "aria-label": t("compare"), hidden: !told.shown.restored, input: () => this.setDivider(this.slider.value / 100) });
    this.status = element("p", { class: "said", role: "status" });
    const size = element("output", {}, String(this.width));
    this.sizeOutput = size;
    const hasChances = this.painting.marks.some((one) => one.probability !== null);
    this.place.replaceChildren(
      element(
        "header", { class: "bar" },
        button("back", () => (location.hash = "#/"), "Esc"),
        element("h1", {}, told.path),
        element("span", { class: "facts" }, [t(`outcome.${told.outcome}`), told.marks ? count("marks", told.marks) : "", told.state !== "open" ? t(`state.${told.state}`) : ""].filter(Boolean).join(" · ")),
        button("previous", () => this.go(-1), "p"),
        button("next", () => this.go(1), "n"),
        button("keys", () => this.onKeys(), "?"),
      ),
      element(
        "div", { class: "columns" },
        element("div", { class: "middle" }, this.stage, this.slider),
        element(
          "aside", {},
          element("div", { class: "verdicts" }, button("accept", () => this.decide("accept"), "a", "good"), button("reject", () => this.decide("reject"), "r", "bad"), button("later", () => this.decide("later"), "l"), button("undo", () => this.decide("undo"))),
          element(
            "fieldset", {},
            element("legend", {}, t("overlay")),
            hasChances && element("label", {}, `${t("sure")} `, element("input", { type: "range", min: 0, max: 100, value: 0, input: (/** @type {any} */ event) => this.setSure(event.target.value / 100) })),
            element("div", { class: "row" }, button("accept_all", () => this.markShown("accepted")), button("dismiss_all", () => this.markShown("dismissed"))),
            element("div", { class: "row", role: "group" }, ...["brush", "eraser", "protect"].map((name) => element("button", { type: "button", "data-tool": name, "aria-pressed": "false", click: () => this.take(name) }, t(name), element("kbd", {}, { brush: "b", eraser: "e", protect: "k" }[name])))),
            element("p", { class: "row" }, `${t("size")} `, button("–", () => this.resize(1 / 1.3), "["), size, button("+", () => this.resize(1.3), "]")),
            element("p", { class: "hint" }, t("raw")),
            button("redo", () => this.save(), "Shift R", "strong"),
          ),
          told.problem && element("p", { class: "reason" }, t("failed", { detail: told.problem })),
          told.reason && element("p", { class: "reason" }, element("strong", {}, `${t("reason")}: `), told.reason),
          this.status,
          element("details", { open: true }, element("summary", {}, t("figures")), this.figures()),
          element("details", {}, element("summary", {}, t("history")), element("ol", {}, ...told.history.map((/** @type {any} */ one) => element("li", {}, `${moment(one.at)} ${one.what}${one.decision ? `: ${one.decision}` : ""}`)), ...told.decisions.map((/** @type {any} */ one) => element("li", {}, t("decided", { verdict: t(`verdict.${one.verdict}`), name: one.name, at: moment(one.at) }))))),
        ),
      ),
    );
  }

  figures() {
    const { told } = this;
    const rows = [[t("engine"), told.engine?.name], [t("coverage"), told.mask.coverage ? `${number(100 * told.mask.coverage, 2)} %` : null], [t("source"), told.mask.source], [t("estimate_title"), told.estimate ? t("estimate", { n: number(told.estimate, 1) }) : null], ["", told.mask.note], ["", told.disclosure]];
    return element("dl", {}, ...rows.filter(([, value]) => value).flatMap(([name, value]) => [element("dt", {}, name ?? ""), element("dd", {}, String(value))]));
  }

  openViewer() {
    const { told } = this;
    const source = (/** @type {string} */ which) => ({
      width: told.width, height: told.height, tileSize: told.tile, minLevel: 0, maxLevel: told.levels - 1,
      getTileUrl: (/** @type {number} */ level, /** @type {number} */ x, /** @type {number} */ y) => `api/results/${this.id}/tiles/${which}/${told.levels - 1 - level}/${x}_${y}.jpg?of=${told.shown[which].slice(0, 16)}`,
    });
    this.viewer = OpenSeadragon({
      element: this.stage, tileSources: Object.keys(told.shown).map(source), drawer: "canvas", showNavigationControl: false,
      maxZoomPixelRatio: 16, minZoomImageRatio: 0.5, visibilityRatio: 0.3, animationTime: 0.25, imageSmoothingEnabled: false,
      gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true }, keyboardNavEnabled: false, collectionMode: false,
      crossOriginPolicy: false,
    });
    this.layer = new Layer(this.viewer);
    this.viewer.addHandler("open", () => {
      const kept = keptView();
      if (kept && kept.width === told.width && kept.height === told.height) this.viewer.viewport.fitBounds(new OpenSeadragon.Rect(...kept.bounds), true);
      this.refresh();
      this.say();
    });
    this.viewer.addHandler("tile-load-failed", () => notice(t("loading")));
    this.viewer.addHandler("animation-finish", () => this.keepView());
    this.listen();
  }

  listen() {
    const canvas = this.viewer.canvas;
    canvas.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => { this.pointer = this.pixelAt(event); this.hover(); });
    new OpenSeadragon.MouseTracker({ element: canvas });
    this.viewer.addHandler("canvas-press", (/** @type {any} */ event) => this.press(event));
    this.viewer.addHandler("canvas-drag", (/** @type {any} */ event) => this.drag(event));
    this.viewer.addHandler("canvas-release", () => this.release());
    this.viewer.addHandler("canvas-click", (/** @type {any} */ event) => {
      if (!this.tool && event.quick) this.markAt(this.toPixel(event.position), "accepted");
    });
  }

  /** @param {PointerEvent} event */
  pixelAt(event) {
    const box = this.viewer.canvas.getBoundingClientRect();
    return this.toPixel(new OpenSeadragon.Point(event.clientX - box.left, event.clientY - box.top));
  }

  /** @param {any} position in pixels of the viewer */
  toPixel(position) {
    const image = this.viewer.world.getItemAt(0);
    if (!image) return { x: -1, y: -1 };
    return image.viewerElementToImageCoordinates(position);
  }

  /** @param {any} event */
  press(event) {
    if (!this.tool) return;
    const { x, y } = this.toPixel(event.position);
    this.raw = Boolean(event.originalEvent?.altKey);
    this.stroke = { points: [[x, y]], width: this.width, tool: TOOLS[this.tool] };
    this.layer.strokes = [...this.shownStrokes(), this.stroke];
    this.layer.draw();
  }

  /** @param {any} event */
  drag(event) {
    if (!this.tool || !this.stroke) return;
    event.preventDefaultAction = true;
    const { x, y } = this.toPixel(event.position);
    const [lastX, lastY] = this.stroke.points[this.stroke.points.length - 1];
    if (Math.hypot(x - lastX, y - lastY) < 0.5) return;
    this.stroke.points.push([x, y]);
    this.raw = Boolean(event.originalEvent?.altKey);
    this.layer.draw();
  }

  release() {
    this.snapping = this.#take();
    return this.snapping;
  }

  async #take() {
    const stroke = this.stroke;
    this.stroke = undefined;
    if (!stroke) return;
    const { points, width, tool } = stroke;
    let runs;
    if (tool === "paint" && !this.raw) {
      const told = await this.attempt(() => post(`results/${this.id}/snap`, { points, width }));
      runs = told?.runs?.length ? told.runs : undefined;
    }
    this.raw = false;
    this.painting.add(runs ? { tool: "paint", runs } : { tool, stroke: { points, width } });
    this.refresh();
  }

  /** Whether a mark is shown at the present sureness. @param {any} mark */
  isShown(mark) {
    return mark.probability === null || mark.probability >= this.sure;
  }

  /** @param {Edit} edit */
  areaOf(edit) {
    const known = this.areas.get(edit) ?? pathOf(edit.runs ?? []);
    this.areas.set(edit, known);
    return known;
  }

  shownStrokes() {
    return this.painting.now.edits.flatMap(({ stroke, tool }) => (stroke ? [{ ...stroke, tool }] : []));
  }

  refresh() {
    const { painting } = this;
    const marks = painting.marks.filter((one) => this.isShown(one) || painting.stateOf(one) !== "open");
    this.layer.areas = [
      { path: this.filled, state: "filled" },
      ...marks.map((one) => ({ path: this.paths.get(one.id) ?? new Path2D(), state: painting.stateOf(one) })),
      ...painting.now.edits.filter((edit) => edit.runs).map((edit) => ({ path: this.areaOf(edit), state: "painted" })),
    ];
    this.layer.strokes = this.shownStrokes();
    this.layer.draw();
    const save = this.place.querySelector("[data-command=redo]");
    if (save instanceof HTMLButtonElement) save.disabled = painting.isEmpty;
  }

  hover() {
    const mark = !this.tool && this.painting.at(this.pointer.x, this.pointer.y, this.reach());
    this.stage.classList.toggle("painting", Boolean(this.tool));
    this.said(mark ? [t(`kind.${mark.kind || "none"}`), mark.probability !== null ? `${number(100 * mark.probability)} %` : "", t(`mark.${this.painting.stateOf(mark)}`), mark.reason].filter(Boolean).join(" · ") : "");
  }

  /** @param {string} text */
  said(text) {
    if (this.status.textContent !== text) this.status.textContent = text;
  }

  say() {
    const zoom = `${number(100 * this.viewer.world.getItemAt(0).viewportToImageZoom(this.viewer.viewport.getZoom()))} %`;
    this.stage.setAttribute("aria-label", t("picture", { path: this.told.path, outcome: t(`outcome.${this.told.outcome}`), marks: count("marks", this.told.marks), zoom }));
  }

  reach() {
    const place = this.layer.place();
    return place ? 8 / place.scale : 4;
  }

  /** @param {{x: number, y: number}} point @param {string} state */
  markAt(point, state) {
    const mark = this.painting.at(point.x, point.y, this.reach());
    if (mark) this.painting.mark([mark], state);
    this.refresh();
    this.hover();
  }

  /** @param {string} state */
  markShown(state) {
    this.painting.mark(this.painting.marks.filter((one) => this.isShown(one)), state);
    this.refresh();
  }

  /** @param {number} value */
  setSure(value) {
    this.sure = value;
    this.refresh();
  }

  /** @param {number} share of the width that shows the restored picture */
  setDivider(share) {
    this.divider = share;
    this.slider.value = String(Math.round(100 * share));
    const restored = this.viewer.world.getItemAt(1);
    if (!restored) return;
    const { width, height } = this.told;
    restored.setOpacity(share > 0 ? 1 : 0);
    restored.setClip(share < 1 ? new OpenSeadragon.Rect(0, 0, Math.max(1, Math.round(width * share)), height) : null);
  }

  /** @param {string} name */
  take(name) {
    this.tool = this.tool === name ? "" : name;
    this.viewer.panHorizontal = this.viewer.panVertical = !this.tool;
    for (const one of this.place.querySelectorAll("[data-tool]")) one.setAttribute("aria-pressed", String(one.getAttribute("data-tool") === this.tool));
    this.stage.classList.toggle("painting", Boolean(this.tool));
  }

  /** @param {number} factor */
  resize(factor) {
    this.width = Math.min(400, Math.max(1, Math.round(this.width * factor) === this.width ? this.width + Math.sign(factor - 1) : Math.round(this.width * factor)));
    this.sizeOutput.textContent = String(this.width);
  }

  /** @template T @param {() => Promise<T>} act @returns {Promise<T | undefined>} */
  async attempt(act) {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof RequestFailed)) throw error;
      notice(t(error.status === 409 ? "conflict" : "failed", { detail: error.message }), true);
      return undefined;
    }
  }

  /** @param {string} verdict */
  async decide(verdict) {
    if (this.busy || this.warnOfUnsaved()) return;
    this.busy = true;
    const told = await this.attempt(() => post(`results/${this.id}/decision`, { version: this.told.version, verdict }));
    this.busy = false;
    if (!told) return;
    replace(told);
    this.told = { ...this.told, ...told };
    notice(t("saved"));
    if (verdict === "undo") this.onReopen();
    else await this.go(1);
  }

  async save() {
    // The last stroke may still be on its way.
    await this.snapping;
    if (this.painting.isEmpty || this.busy) return;
    this.busy = true;
    const told = await this.attempt(() => post(`results/${this.id}/painting`, { version: this.told.version, painting: this.document() }));
    this.busy = false;
    if (!told) return;
    this.painting = new Painting([]);
    replace(told);
    notice(t("saved"));
    await this.go(1);
  }

  document() {
    const { accepted, edits } = this.painting.document();
    return { accepted, edits: edits.map(({ tool, stroke, runs }) => ({ tool, ...(runs ? { runs } : { stroke }) })) };
  }

  /** Say once that something was not filled yet; return whether it was said now. */
  warnOfUnsaved() {
    if (this.painting.isEmpty || this.warned) return false;
    this.warned = true;
    notice(t("unsaved"), true);
    return true;
  }

  /** @param {number} step */
  async go(step) {
    if (this.warnOfUnsaved()) return;
    this.keepView();
    const other = await neighbour(this.id, step);
    location.hash = other === null ? "#/" : `#/${other}`;
  }

  async prefetch() {
    const other = await neighbour(this.id, 1);
    if (other === null || this.left) return;
    const told = await this.attempt(() => get(`results/${other}`));
    if (!told) return;
    for (const [which, of] of Object.entries(told.shown)) new Image().src = `api/results/${other}/tiles/${which}/${told.levels - 1}/0_0.jpg?of=${String(of).slice(0, 16)}`;
  }

  keepView() {
    if (!this.viewer?.viewport) return;
    const { x, y, width, height } = this.viewer.viewport.getBounds();
    sessionStorage.setItem(KEPT, JSON.stringify({ width: this.told.width, height: this.told.height, bounds: [x, y, width, height] }));
    this.say();
  }

  close() {
    this.left = true;
    this.viewer?.destroy();
    this.place.replaceChildren();
  }

  /** Do what a key means; return whether it means something. @param {KeyboardEvent} event */
  key(event) {
    if (event.type === "keyup") {
      if (event.key === "o") this.setDivider(this.shownBefore);
      return event.key === "o";
    }
    /** @type {Record<string, () => void>} */
    const commands = {
      a: () => this.decide("accept"), r: () => this.decide("reject"), l: () => this.decide("later"),
      R: () => this.save(),
      n: () => this.go(1), p: () => this.go(-1), ArrowRight: () => this.go(1), ArrowLeft: () => this.go(-1),
      o: () => { if (!event.repeat) { this.shownBefore = this.divider; this.setDivider(0); } },
      m: () => { this.layer.shown = !this.layer.shown; this.layer.draw(); },
      x: () => this.markAt(this.pointer, "dismissed"), y: () => this.markAt(this.pointer, "accepted"),
      b: () => this.take("brush"), e: () => this.take("eraser"), k: () => this.take("protect"),
      "[": () => this.resize(1 / 1.3), "]": () => this.resize(1.3),
      z: () => { this.painting.undo(); this.refresh(); }, Z: () => { this.painting.redo(); this.refresh(); },
      f: () => this.viewer.viewport.goHome(), 1: () => this.viewer.viewport.zoomTo(this.viewer.world.getItemAt(0).imageToViewportZoom(1 / (window.devicePixelRatio || 1))),
      Escape: () => { if (this.tool) this.take(this.tool); else if (!this.warnOfUnsaved()) location.hash = "#/"; },
    };
    const command = commands[event.key];
    command?.();
    return Boolean(command);
  }
}

function keptView() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
  } catch {
    return null;
  }
}
