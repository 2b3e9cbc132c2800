// One picture: its parts put together, and the keys that command them.
import { announce } from "./announce.js";
import { Brush, keptWidth } from "./brush.js";
import { element, notice } from "./elements.js";
import { MarkTools } from "./mark_tools.js";
import { Painting } from "./painting.js";
import { factsOf, showKinds, sidePanel, topBar, viewBar } from "./panel.js";
import { count, number, t } from "./phrases.js";
import { load, prefetch } from "./prefetch.js";
import { ensureOrder, neighbour, rememberLast } from "./queue.js";
import { Stage } from "./stage.js";
import { Verdict } from "./verdict.js";
import { onBack, waitFor } from "./waiting.js";

const ARROWS = new Map([["ArrowLeft", [-1, 0]], ["ArrowRight", [1, 0]], ["ArrowUp", [0, -1]], ["ArrowDown", [0, 1]]]);
/** Milliseconds after which a finger that rests on a mark dismisses it. */
const LONG = 500;

/** Show a picture; return it with its keys, and how to leave it. @param {HTMLElement} place @param {number} id */
export async function showPicture(place, id) {
  const { told, marks } = await load(id);
  // Marks that touch are one here: what is told is what can be pointed at.
  return new Picture(place, { ...told, marks: marks.all }, marks);
}

class Picture {
  /** @param {HTMLElement} place @param {any} told @param {any} marks */
  constructor(place, told, marks) {
    this.place = place;
    this.told = told;
    this.onKeys = () => {};
    this.onReopen = () => {};
    this.painting = new Painting(marks.marks);
    this.marks = new MarkTools(this.painting, marks.filled);
    this.verdict = new Verdict(told, () => this.painting);
    this.commands = this.#commands();
    document.title = `${told.path} – ${t("title")}`;
    const stage = element("div", { class: "stage", role: "img" });
    place.replaceChildren(
      topBar(told, this.commands),
      element("div", { class: "columns" }, element("div", { class: "middle" }, stage, viewBar(told, this.commands)), sidePanel(told, this.commands, this.marks, keptWidth())),
    );
    this.said = /** @type {HTMLElement} */ (place.querySelector(".said"));
    this.stage = new Stage(stage, told, { opened: () => this.#opened(), moved: () => this.say(600), failed: () => notice(t("loading")) });
    this.brush = new Brush(this.stage, { add: (edit) => this.painting.add(edit), changed: () => this.refresh(), strokes: () => this.painting.strokes() });
    this.#listen();
    this.leave = onBack((back) => back === told.id && this.onReopen());
    if (told.state === "redo" && !told.problem) waitFor(told);
    rememberLast(told.id);
    showKinds(place, this.commands, this.marks);
  }

  #opened() {
    this.refresh();
    this.say();
    this.brush.pointer = this.stage.middle();
    ensureOrder().then(() => prefetch(this.told.id, this.stage.place.clientWidth * (window.devicePixelRatio || 1))).catch(() => {});
  }

  #listen() {
    const { canvas } = this.stage.viewer;
    canvas.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
      this.brush.byKeys = false;
      this.brush.moveTo(this.stage.pixelAt(event));
      this.hover();
    });
    canvas.addEventListener("contextmenu", (/** @type {MouseEvent} */ event) => {
      event.preventDefault();
      if (!this.brush.tool) this.markAt(this.stage.pixelAt(event), "dismissed");
    });
    let pressed = 0;
    this.stage.viewer.addHandler("canvas-press", () => (pressed = performance.now()));
    this.stage.viewer.addHandler("canvas-click", (/** @type {any} */ event) => {
      if (this.brush.tool) return;
      const long = performance.now() - pressed > LONG;
      if (long || event.quick) this.markAt(this.stage.toPixel(event.position), long ? "dismissed" : "accepted");
    });
  }

  #commands() {
    /** @type {import("./panel.js").Commands} */
    const commands = {
      back: () => this.back(), previous: () => this.go(-1), next: () => this.go(1), keys: () => this.onKeys(),
      accept: () => this.decide("accept"), reject: () => this.decide("reject"), later: () => this.decide("later"), undo: () => this.decide("undo"),
      redo: () => this.save(), again: async () => (await this.verdict.again()) && this.onReopen(),
      fit: () => this.stage.fit(), actual: () => this.stage.pixelForPixel(), zoom_in: () => this.stage.zoomBy(1.5), zoom_out: () => this.stage.zoomBy(1 / 1.5),
      overlay: () => this.stage.layer.toggle(), original: (held) => this.stage.holdOriginal(held), divide: (share) => this.stage.setDivider(share),
      sure: (value) => { this.marks.sure = value; this.refresh(); showKinds(this.place, this.commands, this.marks); },
      accept_all: () => this.setShown("accepted"), dismiss_all: () => this.setShown("dismissed"), kind: (state, kind) => this.setShown(state, kind),
      next_mark: () => this.nextMark(1), previous_mark: () => this.nextMark(-1),
      take: (name) => this.take(name), resize: (factor) => this.resize(factor),
      unpaint: () => this.painting.undo() && this.refresh(), repaint: () => this.painting.redo() && this.refresh(),
    };
    return commands;
  }

  refresh() {
    this.stage.layer.areas = this.marks.drawn();
    this.stage.layer.strokes = this.painting.strokes();
    this.stage.layer.draw();
    const save = this.place.querySelector("[data-command=redo]");
    if (save instanceof HTMLButtonElement) save.disabled = this.painting.isEmpty;
  }

  /** Tell what is seen. @param {number} [after] milliseconds */
  say(after = 0) {
    const text = t("picture", { path: this.told.path, outcome: factsOf(this.told), marks: count("marks", this.told.marks), zoom: `${number(this.stage.zoom)} %` });
    this.stage.place.setAttribute("aria-label", text);
    announce(text, after);
  }

  /** @param {string} text */
  tell(text) {
    if (this.said.textContent !== text) this.said.textContent = text;
  }

  get reach() {
    return 8 / (this.stage.layer.place()?.scale ?? 2);
  }

  hover() {
    const mark = !this.brush.tool && this.marks.at(this.brush.pointer, this.reach);
    this.tell(mark ? this.marks.describe(mark) : "");
  }

  /** @param {{x: number, y: number}} pixel @param {string} state */
  markAt(pixel, state) {
    const mark = this.marks.setAt(pixel, this.reach, state);
    this.refresh();
    this.tell(mark ? this.marks.describe(mark) : "");
  }

  /** @param {string} state @param {string} [kind] */
  setShown(state, kind = "") {
    this.marks.setShown(state, kind);
    this.refresh();
  }

  /** @param {number} step */
  nextMark(step) {
    const found = this.marks.next(step);
    if (!found) return this.tell(t("no_marks"));
    this.stage.show(found.mark.box, found.pixel);
    this.brush.byKeys = true;
    this.brush.moveTo(found.pixel);
    this.tell(`${this.marks.current + 1} / ${this.marks.shown.length}: ${this.marks.describe(found.mark)}`);
    return undefined;
  }

  /** @param {string} name */
  take(name) {
    this.brush.take(name);
    for (const one of this.place.querySelectorAll("[data-tool]")) one.setAttribute("aria-pressed", String(one.getAttribute("data-tool") === this.brush.tool));
    this.stage.place.classList.toggle("painting", Boolean(this.brush.tool));
    this.tell(this.brush.tool ? t("by_keys") : "");
    // On a tablet the tools are below the picture.
    if (this.brush.tool) this.stage.place.scrollIntoView({ block: "nearest" });
  }

  /** @param {number} factor */
  resize(factor) {
    this.brush.resize(factor);
    const output = this.place.querySelector("[data-brush]");
    if (output) output.textContent = String(this.brush.width);
  }

  /** @param {string} verdict */
  async decide(verdict) {
    if (!(await this.verdict.decide(verdict))) return;
    this.told = this.verdict.told;
    if (verdict === "undo") this.onReopen();
    else await this.go(1);
  }

  async save() {
    // The last stroke may still be on its way.
    await this.brush.end();
    if (!(await this.verdict.save())) return;
    this.painting.clear();
    await this.go(1);
  }

  /** @param {number} step */
  async go(step) {
    if (this.verdict.warnOfUnsaved()) return;
    this.stage.keepView();
    await ensureOrder();
    const other = await neighbour(this.told.id, step);
    location.hash = other === null ? "#/" : `#/${other}`;
  }

  back() {
    if (this.brush.tool) this.take(this.brush.tool);
    else if (!this.verdict.warnOfUnsaved()) location.hash = "#/";
  }

  close() {
    this.leave();
    this.stage.close();
    this.place.replaceChildren();
  }

  /** Do what a key means; return whether it means something. @param {KeyboardEvent} event */
  key(event) {
    const { key } = event;
    if (event.type === "keyup") {
      if (key === "o") this.stage.holdOriginal(false);
      return key === "o";
    }
    const { commands } = this;
    if (this.brush.tool) {
      const way = ARROWS.get(key);
      if (way) this.brush.step(way[0], way[1], event.shiftKey);
      // A button that has the focus is pressed by the same key.
      const free = !(event.target instanceof HTMLButtonElement);
      if (key === " " && free) this.brush.toggle(event.altKey);
      if (way || (key === " " && free)) return true;
    }
    /** @type {Record<string, () => unknown>} */
    const keys = {
      a: commands.accept, r: commands.reject, l: commands.later, R: commands.redo,
      n: commands.next, p: commands.previous, ArrowRight: commands.next, ArrowLeft: commands.previous,
      o: () => this.stage.holdOriginal(true), m: commands.overlay, g: commands.next_mark, G: commands.previous_mark,
      x: () => this.markAt(this.brush.pointer, "dismissed"), y: () => this.markAt(this.brush.pointer, "accepted"),
      b: () => this.take("brush"), s: () => this.take("line"), e: () => this.take("eraser"), k: () => this.take("protect"),
      "[": () => this.resize(1 / 1.3), "]": () => this.resize(1.3), z: commands.unpaint, Z: commands.repaint,
      f: commands.fit, 1: commands.actual, "+": commands.zoom_in, "-": commands.zoom_out, Escape: commands.back,
    };
    const command = keys[key];
    command?.();
    return Boolean(command);
  }
}
