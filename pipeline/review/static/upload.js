// Upload: files are dropped, checked, sent one by one with their progress, and end as one delivery.
import { get, post } from "./api.js";
import { element, notice } from "./elements.js";
import { count, number, t } from "./phrases.js";
import { Sending, namesRole } from "./sending.js";
import { size } from "./units.js";

/** Show the upload page; return what leaves it. @param {HTMLElement} place */
export async function showUpload(place) {
  document.title = t("upload");
  const [me, { inboxes, limit }] = await Promise.all([get("me"), get("inboxes")]);
  const head = element("header", {}, element("h1", { tabIndex: -1 }, t("upload")));
  const why = !me.rights.includes("operate") ? t("upload.no_right", { name: me.name }) : inboxes.length ? "" : t("upload.no_inbox");
  if (why) {
    place.replaceChildren(head, element("p", { class: "explained" }, why));
    return () => {};
  }
  const page = new UploadPage(place, head, inboxes, limit, me.name);
  return () => page.leave();
}

class UploadPage {
  /** @param {HTMLElement} place @param {HTMLElement} head @param {any[]} inboxes @param {number} limit @param {string} person */
  constructor(place, head, inboxes, limit, person) {
    /** @type {Sending[]} */
    this.files = [];
    this.busy = false;
    /** Whether the delivery takes no files. */
    this.closed = false;
    this.inbox = element("select", { name: "inbox", change: () => this.check() }, ...inboxes.map((one) => element("option", { value: one.name }, one.title)));
    const today = new Date().toLocaleDateString("sv");
    this.folder = element("input", { type: "text", name: "delivery", value: `${today} ${person}`, maxLength: 150, required: true, change: () => this.check() });
    this.picker = element("input", { type: "file", multiple: true, class: "picker", id: "files", change: () => this.add([...this.picker.files]) });
    this.list = element("ul", { class: "files", role: "list" });
    this.said = element("p", { class: "said", role: "status", "aria-live": "polite" });
    this.all = element("progress", { max: 1, value: 0, "aria-label": t("upload.progress"), hidden: true });
    this.send = element("button", { type: "submit", class: "strong" }, "");
    this.drop = element("div", { class: "drop" }, element("p", {}, t("upload.drop")), element("label", { for: "files", class: "choose" }, t("upload.choose")), this.picker, element("p", { class: "hint" }, t("upload.hint", { limit: size(limit) })));
    const form = element(
      "form", { class: "sending", submit: (/** @type {Event} */ event) => { event.preventDefault(); this.sendAll(); } },
      element("div", { class: "filters" }, element("label", {}, t("collection"), " ", this.inbox), element("label", {}, t("upload.delivery"), " ", this.folder)),
      this.drop, this.list, this.all, this.said, this.send,
    );
    for (const kind of ["dragover", "dragleave", "drop"]) place.addEventListener(kind, this.onDrag);
    addEventListener("beforeunload", this.onUnload);
    this.place = place;
    place.replaceChildren(head, form);
    this.render();
  }

  leave() {
    for (const kind of ["dragover", "dragleave", "drop"]) this.place.removeEventListener(kind, this.onDrag);
    removeEventListener("beforeunload", this.onUnload);
    for (const one of this.files) one.stop();
  }

  onUnload = (/** @type {BeforeUnloadEvent} */ event) => {
    if (this.busy) event.preventDefault();
  };

  onDrag = (/** @type {any} */ event) => {
    event.preventDefault();
    this.drop.classList.toggle("over", event.type === "dragover");
    if (event.type !== "drop") return;
    const folders = [...event.dataTransfer.items].filter((one) => one.webkitGetAsEntry?.()?.isDirectory).length;
    if (folders) notice(t("upload.folder"), true);
    this.add([...event.dataTransfer.files].filter((one) => one.size || one.type));
  };

  /** @param {File[]} found */
  async add(found) {
    this.picker.value = "";
    if (this.busy) return;
    if (this.files.length && this.files.every((one) => one.state === "done")) this.files = [];
    for (const file of found) {
      if (this.files.some((one) => one.name === file.name && one.state !== "refused")) notice(t("upload.twice", { name: file.name }), true);
      else this.files.push(new Sending(file, file.name));
    }
    await this.check();
  }

  /** Ask what would become of the files that have not been sent. */
  async check() {
    const waiting = this.files.filter((one) => one.state !== "done");
    this.said.textContent = "";
    this.closed = false;
    if (waiting.length && this.folder.value.trim()) {
      try {
        const told = await post(`inboxes/${this.inbox.value}/check`, { folder: this.folder.value, files: waiting.map((one) => ({ name: one.name, size: one.file.size })) });
        told.files.forEach((/** @type {any} */ one, /** @type {number} */ at) => waiting[at].checked(one));
      } catch (error) {
        this.said.textContent = t("failed", { detail: /** @type {Error} */ (error).message });
        this.closed = true;
      }
    }
    this.render();
  }

  async sendAll() {
    if (this.busy || this.closed) return;
    const waiting = this.files.filter((one) => one.state === "ready" || one.state === "cut");
    // A scan that a run takes before its mask has come would be filled without it.
    waiting.sort((one, other) => Number(namesRole(other.name)) - Number(namesRole(one.name)));
    this.busy = true;
    this.render();
    const address = `api/inboxes/${encodeURIComponent(this.inbox.value)}/files`;
    const next = async () => {
      for (let one = waiting.shift(); one; one = waiting.shift()) await one.send(address, this.folder.value, () => this.render());
    };
    await Promise.all([next(), next()]);
    this.busy = false;
    if (this.files.every((one) => one.state === "done" || one.state === "refused")) await this.finish();
    this.render();
  }

  async finish() {
    const sent = this.files.filter((one) => one.state === "done").length;
    if (!sent) return;
    try {
      const { marker } = await post(`inboxes/${this.inbox.value}/finish`, { folder: this.folder.value });
      this.said.textContent = `${count("upload.arrived", sent)} ${t(marker ? "upload.marked" : "upload.next_run")}`;
    } catch (error) {
      this.said.textContent = t("failed", { detail: /** @type {Error} */ (error).message });
    }
  }

  render() {
    const left = this.files.filter((one) => one.state === "ready" || one.state === "cut");
    const bytes = this.files.reduce((sum, one) => sum + (one.state === "refused" ? 0 : one.file.size), 0);
    const sent = this.files.reduce((sum, one) => sum + (one.state === "refused" ? 0 : one.sent), 0);
    const again = left.some((one) => one.state === "cut");
    this.all.hidden = !this.busy;
    this.all.value = bytes ? sent / bytes : 0;
    this.send.disabled = this.busy || this.closed || !left.length;
    this.send.textContent = left.length ? t(again ? "upload.again" : "upload.send", { files: count("upload.files", left.length), size: size(left.reduce((sum, one) => sum + one.file.size, 0)) }) : t("upload.nothing");
    this.inbox.disabled = this.folder.disabled = this.picker.disabled = this.busy;
    for (const one of this.files) this.row(one);
    const rows = this.files.map((one) => one.row);
    if (rows.length !== this.list.children.length || rows.some((row, at) => row !== this.list.children[at])) this.list.replaceChildren(...rows);
  }

  /** Bring a file's row up to date. @param {Sending} one */
  row(one) {
    const mask = this.files.some((other) => other.name.startsWith(`${stem(one.name)}.mask.`));
    const key = `${one.state} ${one.told} ${one.kept} ${this.busy} ${mask}`;
    if (one.shown !== key) {
      one.shown = key;
      const choosing = element("input", { type: "file", class: "picker", "aria-label": t("upload.mask_of", { name: one.name }), change: (/** @type {any} */ event) => this.addMask(one, event.target.files[0]) });
      one.row.className = one.state;
      const actions = !this.busy && one.state !== "done";
      one.row.replaceChildren(
        element("span", { class: "name" }, element("bdi", {}, one.name)),
        element("span", { class: "facts" }, [size(one.file.size), one.kept !== one.name && one.kept && t("upload.kept_as", { name: one.kept }), one.told || t(`upload.${one.state}`)].filter(Boolean).join(" · ")),
        one.bar,
        ...(!actions ? [] : [element(
          "span", { class: "row" },
          one.state === "ready" && !namesRole(one.name) && !mask && element("label", { class: "choose small" }, t("upload.mask"), choosing),
          element("button", { type: "button", class: "small", "aria-label": t("upload.remove_name", { name: one.name }), click: () => this.remove(one) }, t("upload.remove")),
        )]),
      );
    }
    one.bar.hidden = one.state !== "sending";
    one.bar.value = one.file.size ? one.sent / one.file.size : 0;
    one.bar.setAttribute("aria-label", `${one.name}: ${number(Math.round(one.bar.value * 100))} %`);
  }

  /** @param {Sending} scan @param {File | undefined} file */
  async addMask(scan, file) {
    if (!file) return;
    const mask = new Sending(file, `${stem(scan.name)}.mask${file.name.slice(stem(file.name).length)}`);
    this.files.splice(this.files.indexOf(scan) + 1, 0, mask);
    await this.check();
  }

  /** @param {Sending} one */
  remove(one) {
    this.files = this.files.filter((other) => other !== one);
    this.render();
    this.picker.focus();
  }
}

/** Return a name without its ending. @param {string} name */
function stem(name) {
  const dot = name.lastIndexOf(".");
  return dot > 0 ? name.slice(0, dot) : name;
}
