// A grid of which only the rows in sight are in the page: it scrolls through any number of results.
import { element } from "./elements.js";

const SPARE = 3;

export class Grid {
  /**
   * @param {HTMLElement} place
   * @param {{size: () => number, item: (index: number) => HTMLElement, shown: (first: number, last: number) => void}} content
   */
  constructor(place, content) {
    this.content = content;
    this.list = element("ul", { class: "results", role: "list" });
    place.append(this.list);
    /** Items in the page by their index. @type {Map<number, HTMLElement>} */
    this.items = new Map();
    this.columns = 1;
    this.step = { x: 1, y: 1, gap: 0 };
    this.measure();
    this.onScroll = () => {
      this.frame ||= requestAnimationFrame(() => this.draw());
    };
    this.frame = 0;
    addEventListener("scroll", this.onScroll, { passive: true });
    this.watcher = new ResizeObserver(() => {
      this.measure();
      this.draw(true);
    });
    this.watcher.observe(this.list);
  }

  measure() {
    const style = getComputedStyle(this.list);
    const [width, height, gap] = ["--item-width", "--item-height", "--item-gap"].map((name) => parseFloat(style.getPropertyValue(name)));
    const across = this.list.clientWidth;
    this.columns = Math.max(1, Math.floor((across + gap) / (width + gap)));
    this.step = { x: (across + gap) / this.columns, y: height + gap, gap };
  }

  /** Show what is in sight. @param {boolean} [anew] make the items again, because what they show has changed */
  draw(anew = false) {
    this.frame = 0;
    if (!this.list.isConnected) return;
    const size = this.content.size();
    this.list.style.height = `${Math.ceil(size / this.columns) * this.step.y}px`;
    const top = -this.list.getBoundingClientRect().top;
    const first = Math.max(0, (Math.floor(top / this.step.y) - SPARE) * this.columns);
    const last = Math.min(size, (Math.ceil((top + innerHeight) / this.step.y) + SPARE) * this.columns);
    const focused = [...this.items].find(([, one]) => one.contains(document.activeElement))?.[0];
    const hadFocus = focused !== undefined;
    for (const [index, one] of this.items) {
      // Who reads by keyboard must not lose the place.
      const away = (index < first || index >= last) && index !== focused;
      if (away || anew || index >= size) {
        one.remove();
        this.items.delete(index);
      }
    }
    for (let index = first; index < last; index++) this.#put(index, size);
    if (hadFocus && focused < size) {
      this.#put(focused, size);
      if (anew) this.focus(focused, true);
    }
    this.content.shown(first, last);
  }

  /** @param {number} index @param {number} size */
  #put(index, size) {
    if (this.items.has(index)) return;
    const one = this.content.item(index);
    const { x, y, gap } = this.step;
    one.style.transform = `translate(${(index % this.columns) * x}px, ${Math.floor(index / this.columns) * y}px)`;
    one.style.width = `${x - gap}px`;
    one.setAttribute("aria-setsize", String(size));
    one.setAttribute("aria-posinset", String(index + 1));
    one.dataset.index = String(index);
    const behind = [...this.items].filter(([other]) => other > index).sort(([a], [b]) => a - b)[0];
    this.list.insertBefore(one, behind ? behind[1] : null);
    this.items.set(index, one);
  }

  /** Make one item again. @param {number} index */
  renew(index) {
    const old = this.items.get(index);
    if (!old) return;
    const focused = old.contains(document.activeElement);
    old.remove();
    this.items.delete(index);
    this.#put(index, this.content.size());
    if (focused) this.focus(index, true);
  }

  /** Make those items again that were waiting for what they show. */
  renewWaiting() {
    for (const [index, one] of [...this.items]) if (one.getAttribute("aria-busy")) this.renew(index);
  }

  /** Give an item the focus, and scroll to it. @param {number} index @param {boolean} [still] without scrolling */
  focus(index, still = false) {
    if (index < 0 || index >= this.content.size()) return;
    if (!still) {
      const top = this.list.getBoundingClientRect().top + scrollY + Math.floor(index / this.columns) * this.step.y;
      if (top < scrollY || top + this.step.y > scrollY + innerHeight) scrollTo({ top: Math.max(0, top - innerHeight / 3), behavior: "instant" });
      this.draw();
    }
    this.items.get(index)?.querySelector("a")?.focus({ preventScroll: true });
  }

  /** The index of the item with the focus, -1 without one. */
  get focused() {
    const item = document.activeElement?.closest("[data-index]");
    return item instanceof HTMLElement && this.list.contains(item) ? Number(item.dataset.index) : -1;
  }

  close() {
    removeEventListener("scroll", this.onScroll);
    this.watcher.disconnect();
  }
}
