// The picked clips: kept by the server in a selection file, written with each pick.

import { api, ask, send } from "./api.js";

export class Picks extends EventTarget {
  constructor() {
    super();
    this.ids = new Set();
    this.file = "";
    this.refused = null;
    this.saving = Promise.resolve();
    this.waiting = 0;
  }

  async load() {
    try {
      const got = await ask("picks");
      this.ids = new Set(got.picked);
      this.file = got.file;
      this.refused = null;
    } catch (error) {
      this.refused = error;
    }
    this.dispatchEvent(new Event("change"));
  }

  has(id) { return this.ids.has(id); }

  toggle(id) {
    if (this.refused) {
      this.dispatchEvent(new CustomEvent("failed", { detail: this.refused }));
      return;
    }
    const change = this.ids.has(id) ? { remove: [id] } : { add: [id] };
    if (this.ids.has(id)) this.ids.delete(id);
    else this.ids.add(id);
    this.dispatchEvent(new Event("change"));
    // One after the other; what the file then holds counts, as another page may pick into it.
    this.waiting += 1;
    this.saving = this.saving.then(() => send("picks", { ...change, v: api.version })).then(
      (got) => {
        this.waiting -= 1;
        if (!this.waiting) this.ids = new Set(got.picked);
        this.dispatchEvent(new Event("change"));
        this.dispatchEvent(new Event("saved"));
      },
      (error) => {
        this.waiting -= 1;
        this.dispatchEvent(new CustomEvent("failed", { detail: error }));
        // What was not saved is not shown as picked.
        return this.load();
      },
    );
  }
}
