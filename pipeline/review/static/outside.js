// Links out of the frame that Airflow shows this page in.
import { element } from "./elements.js";

/** Return a link to a page of the program around this one. @param {string} address @param {string} text */
export function outside(address, text) {
  const follow = (/** @type {MouseEvent} */ event) => {
    if (parent === window || event.ctrlKey || event.metaKey) return;
    // In its frame this page may neither open windows nor leave the frame, but it may tell the page around it to go on.
    event.preventDefault();
    parent.history.pushState(null, "", new URL(address, location.href.replace(/[?#].*/, "")).pathname);
    parent.dispatchEvent(new PopStateEvent("popstate"));
  };
  return element("a", { href: address, click: follow }, text);
}
