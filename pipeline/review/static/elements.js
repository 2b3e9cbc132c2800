// Make elements; text is set as text, so that a file's name can never become markup.

/**
 * @param {string} name
 * @param {Record<string, any>} [properties] `class`, `aria-…` and `data-…` become attributes, functions listeners
 * @param {...(Node | string | null | undefined | false)} children
 * @returns {any}
 */
export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (typeof value === "function") made.addEventListener(key, value);
    else if (key === "class") made.className = value;
    else if (key.includes("-") || key === "role" || key === "for") made.setAttribute(key, String(value));
    else /** @type {any} */ (made)[key] = value;
  }
  for (const child of children) if (child) made.append(child);
  return made;
}

let timer = 0;

/** Tell the reader something for some seconds. @param {string} text @param {boolean} [bad] */
export function notice(text, bad = false) {
  const place = /** @type {HTMLElement} */ (document.getElementById("notice"));
  place.textContent = text;
  place.className = bad ? "bad shown" : "shown";
  clearTimeout(timer);
  timer = window.setTimeout(() => (place.className = ""), bad ? 8000 : 2500);
}
