// One file on its way: its state, how much has been sent, and what the server said.
import { element } from "./elements.js";
import { t } from "./phrases.js";

/** Milliseconds before a file that was cut off is sent again by itself. */
const PAUSES = [1000, 4000, 15000];

/** Return whether a name says that the file belongs to a scan. @param {string} name */
export function namesRole(name) {
  return /.\.(mask|maske|protect|ir)\.[^.]+$|\.xmp$/i.test(name);
}

export class Sending {
  /** @param {File} file @param {string} name under which it is sent */
  constructor(file, name) {
    this.file = file;
    this.name = name;
    /** @type {"ready" | "refused" | "sending" | "cut" | "done"} */
    this.state = "ready";
    this.told = "";
    this.kept = "";
    this.sent = 0;
    this.shown = "";
    this.row = element("li");
    this.bar = element("progress", { max: 1, value: 0, hidden: true });
    /** @type {XMLHttpRequest | null} */
    this.request = null;
    this.stopped = false;
  }

  /** Take over what the server says before anything is sent. @param {any} told */
  checked(told) {
    this.kept = told.kept_as;
    this.state = told.refused ? "refused" : this.state === "cut" ? "cut" : "ready";
    this.told = told.refused || (told.there ? t("upload.compared") : "");
  }

  /** Send the file; again by itself when the connection breaks. @param {string} address @param {string} folder @param {() => void} changed */
  async send(address, folder, changed) {
    for (let tries = 0; !this.stopped; tries += 1) {
      this.state = "sending";
      this.told = "";
      changed();
      const again = await this.once(address, folder, changed);
      changed();
      if (!again || tries >= PAUSES.length) return;
      this.told = t("upload.tried_again");
      changed();
      await new Promise((resolve) => setTimeout(resolve, PAUSES[tries]));
    }
  }

  stop() {
    this.stopped = true;
    this.request?.abort();
  }

  /** Send the file once; resolve to whether it may be worth another try. @param {string} address @param {string} folder @param {() => void} changed @returns {Promise<boolean>} */
  once(address, folder, changed) {
    const words = new URLSearchParams({ folder, name: this.name });
    const request = (this.request = new XMLHttpRequest());
    request.open("PUT", `${address}?${words}`);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.onprogress = (event) => {
      this.sent = event.loaded;
      changed();
    };
    return new Promise((resolve) => {
      request.onloadend = () => {
        const told = answer(request.responseText);
        if (request.status === 200) {
          this.state = "done";
          this.sent = this.file.size;
          this.told = told.new ? "" : t("upload.there");
          this.kept = told.kept_as;
        } else {
          // Nobody answered, or the file did not arrive whole: then it is worth another try.
          const cut = request.status === 0 || request.status === 400 || request.status >= 500;
          this.state = cut ? "cut" : "refused";
          this.told = typeof told.detail === "string" ? told.detail : "";
          this.sent = 0;
        }
        resolve(this.state === "cut");
      };
      request.send(this.file);
    });
  }
}

/** @param {string} text @returns {any} */
function answer(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
