// Tell a screen reader what a person sees; said only when it changes, and not while it still does.

let timer = 0;

/** @param {string} text @param {number} [after] milliseconds to wait for something newer */
export function announce(text, after = 0) {
  const place = /** @type {HTMLElement} */ (document.getElementById("live"));
  clearTimeout(timer);
  timer = window.setTimeout(() => {
    if (place.textContent !== text) place.textContent = text;
  }, after);
}
