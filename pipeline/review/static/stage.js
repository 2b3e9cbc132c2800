// The picture itself: original and restored at the same zoom and place, with a divider between them.
import { Layer } from "./layer.js";
import { tileUrl } from "./prefetch.js";

const VIEW = "review.view";
const STAY = "review.stay";

/** Whether place and zoom stay when one goes to the next picture. */
export const staying = {
  get on() {
    return localStorage.getItem(STAY) === "yes";
  },
  set on(value) {
    localStorage.setItem(STAY, value ? "yes" : "no");
  },
};

export class Stage {
  /** @param {HTMLElement} place @param {any} told @param {{opened: () => void, moved: () => void, failed: () => void}} events */
  constructor(place, told, events) {
    this.told = told;
    this.place = place;
    /** How much of the width shows the restored picture. */
    this.divider = 1;
    this.before = 1;
    const source = (/** @type {string} */ which) => ({
      width: told.width, height: told.height, tileSize: told.tile, minLevel: 0, maxLevel: told.levels - 1,
      getTileUrl: (/** @type {number} */ level, /** @type {number} */ x, /** @type {number} */ y) => tileUrl(told, which, level, x, y),
    });
    this.viewer = OpenSeadragon({
      element: place, tileSources: Object.keys(told.shown).map(source), drawer: "canvas", showNavigationControl: false,
      maxZoomPixelRatio: 16, minZoomImageRatio: 0.5, visibilityRatio: 0.3, animationTime: 0.25, imageSmoothingEnabled: false,
      gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true }, gestureSettingsTouch: { dblClickToZoom: true },
      keyboardNavEnabled: false, collectionMode: false, crossOriginPolicy: false, tileRetryMax: 10, tileRetryDelay: 1500, imageLoaderLimit: 6,
    });
    this.layer = new Layer(this.viewer);
    // A viewer makes itself a stop of the keyboard, without a name: the page has its own keys.
    this.viewer.canvas.tabIndex = -1;
    this.viewer.addHandler("open", () => {
      this.restoreView();
      events.opened();
    });
    this.viewer.addHandler("tile-load-failed", events.failed);
    this.viewer.addHandler("animation-finish", () => {
      this.keepView();
      events.moved();
    });
  }

  get image() {
    return this.viewer.world.getItemAt(0);
  }

  restoreView() {
    if (!staying.on) return;
    const kept = JSON.parse(sessionStorage.getItem(VIEW) ?? "null");
    if (kept && kept.width === this.told.width && kept.height === this.told.height) this.viewer.viewport.fitBounds(new OpenSeadragon.Rect(...kept.bounds), true);
  }

  keepView() {
    if (!this.viewer?.viewport) return;
    const { x, y, width, height } = this.viewer.viewport.getBounds();
    sessionStorage.setItem(VIEW, JSON.stringify({ width: this.told.width, height: this.told.height, bounds: [x, y, width, height] }));
  }

  /** Pixels of the screen for one of the picture, in per cent. */
  get zoom() {
    return this.image ? 100 * this.image.viewportToImageZoom(this.viewer.viewport.getZoom()) : 100;
  }

  fit() {
    this.viewer.viewport.goHome();
  }

  pixelForPixel() {
    this.viewer.viewport.zoomTo(this.image.imageToViewportZoom(1 / (window.devicePixelRatio || 1)));
  }

  /** @param {number} factor */
  zoomBy(factor) {
    this.viewer.viewport.zoomBy(factor).applyConstraints();
  }

  /** Show a mark: zoom in where it would be too small to see, and bring it into sight. @param {number[]} box x, y, width and height in pixels of the picture @param {{x: number, y: number}} pixel of it */
  show([x, y, width, height], pixel) {
    const { viewport } = this.viewer;
    const scale = this.layer.place()?.scale ?? 1;
    const wanted = Math.min(4, 60 / Math.max(width, height));
    if (scale >= wanted) return this.follow(pixel);
    const centre = this.image.imageToViewportCoordinates(x + width / 2, y + height / 2);
    viewport.panTo(centre).zoomTo((viewport.getZoom() * wanted) / scale, centre);
    return undefined;
  }

  /** Bring a pixel into sight. @param {{x: number, y: number}} pixel */
  follow(pixel) {
    const { viewport } = this.viewer;
    const at = this.image.imageToViewportCoordinates(pixel.x, pixel.y);
    if (!viewport.getBounds().containsPoint(at)) viewport.panTo(at, false);
  }

  /** The pixel in the middle of what is seen. */
  middle() {
    return this.image ? this.image.viewportToImageCoordinates(this.viewer.viewport.getCenter()) : { x: 0, y: 0 };
  }

  /** @param {any} position in pixels of the viewer */
  toPixel(position) {
    return this.image ? this.image.viewerElementToImageCoordinates(position) : { x: -1, y: -1 };
  }

  /** @param {MouseEvent} event */
  pixelAt(event) {
    const box = this.viewer.canvas.getBoundingClientRect();
    return this.toPixel(new OpenSeadragon.Point(event.clientX - box.left, event.clientY - box.top));
  }

  /** @param {boolean} can whether dragging moves the picture */
  setPanning(can) {
    this.viewer.panHorizontal = this.viewer.panVertical = can;
    this.viewer.gestureSettingsMouse.dblClickToZoom = this.viewer.gestureSettingsTouch.dblClickToZoom = can;
  }

  /** @param {number} share of the width that shows the restored picture */
  setDivider(share) {
    this.divider = share;
    const restored = this.viewer.world.getItemAt(1);
    if (!restored) return;
    const { width, height } = this.told;
    restored.setOpacity(share > 0 ? 1 : 0);
    restored.setClip(share < 1 ? new OpenSeadragon.Rect(0, 0, Math.max(1, Math.round(width * share)), height) : null);
  }

  /** Show the original as long as it is held. @param {boolean} held */
  holdOriginal(held) {
    if (held && this.divider > 0) this.before = this.divider;
    this.setDivider(held ? 0 : this.before);
  }

  close() {
    this.viewer.destroy();
  }
}
