// The pages beside queue and picture, and the links between them.
import { showDashboard } from "./dashboard.js";
import { element } from "./elements.js";
import { t } from "./phrases.js";
import { showUpload } from "./upload.js";

/** @type {Record<string, (place: HTMLElement) => Promise<() => void>>} What shows a page, and returns what leaves it. */
const PAGES = { dashboard: showDashboard, upload: showUpload };

let leave = () => {};
let opened = 0;

/** Show one of these pages, or none; return whether one is shown. @param {string} name what the address names */
export function openPlace(name) {
  leave();
  leave = () => {};
  opened += 1;
  links(name);
  for (const page of Object.keys(PAGES)) placeOf(page).hidden = page !== name;
  if (!Object.hasOwn(PAGES, name)) return false;
  const mine = opened;
  PAGES[name](placeOf(name)).then((left) => {
    if (mine !== opened) return left();
    leave = left;
    placeOf(name).querySelector("h1")?.focus();
  });
  return true;
}

/** @param {string} page */
function placeOf(page) {
  return /** @type {HTMLElement} */ (document.getElementById(page));
}

/** @param {string} name */
function links(name) {
  const nav = placeOf("places");
  nav.setAttribute("aria-label", t("places"));
  // A picture takes the whole window.
  nav.hidden = Number(name) > 0;
  nav.replaceChildren(
    ...["", ...Object.keys(PAGES)].map((page) => element("a", { href: `#/${page}`, "aria-current": page === name ? "page" : null }, t(page || "queue"))),
  );
}
