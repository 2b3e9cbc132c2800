// Decide about a picture, and have marks filled; the second of two people is told.
import { post } from "./api.js";
import { attempt } from "./attempt.js";
import { notice } from "./elements.js";
import { t } from "./phrases.js";
import { forgetPicture } from "./prefetch.js";
import { replace } from "./queue.js";
import { waitFor } from "./waiting.js";

export class Verdict {
  /** @param {any} told @param {() => import("./painting.js").Painting} painting */
  constructor(told, painting) {
    this.told = told;
    this.painting = painting;
    this.busy = false;
    this.warned = false;
  }

  /** Decide; return what the result is then, nothing when it was not decided. @param {string} verdict */
  async decide(verdict) {
    if (this.warnOfUnsaved()) return undefined;
    return this.#post("decision", { verdict });
  }

  /** Have what is accepted and painted filled. */
  async save() {
    const painting = this.painting();
    if (painting.isEmpty) return undefined;
    const told = await this.#post("painting", { painting: painting.document() });
    if (told) waitFor(told);
    return told;
  }

  /** Start the run once more. */
  async again() {
    const told = await this.#post("again", {});
    if (told) waitFor(told);
    return told;
  }

  /** @param {string} what @param {object} body */
  async #post(what, body) {
    if (this.busy) return undefined;
    this.busy = true;
    const told = await attempt(() => post(`results/${this.told.id}/${what}`, { version: this.told.version, ...body }).catch((error) => this.#refused(error)));
    this.busy = false;
    forgetPicture(this.told.id);
    if (!told) return undefined;
    this.told = { ...this.told, ...told };
    replace(told);
    notice(t("saved"));
    return told;
  }

  /** Take over the version of a result whose run could not be started, so that one can try again. @param {any} error @returns {never} */
  #refused(error) {
    if (error.version) this.told = { ...this.told, version: error.version };
    throw error;
  }

  /** Say once that something was not filled yet; return whether it was said now. */
  warnOfUnsaved() {
    if (this.painting().isEmpty || this.warned) return false;
    this.warned = true;
    notice(t("unsaved"), true);
    return true;
  }
}
