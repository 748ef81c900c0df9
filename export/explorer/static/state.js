// What is shown, kept in the address: the page and its own words, the options of a selection, the clip and its time.

import { PAGES } from "./pages.js";

export class State extends EventTarget {
  constructor() {
    super();
    this.read();
    addEventListener("popstate", () => {
      const before = [this.page, JSON.stringify(this.options), JSON.stringify(this.own)];
      this.read();
      const after = [this.page, JSON.stringify(this.options), JSON.stringify(this.own)];
      if (before[0] !== after[0]) this.tell("page");
      if (before[1] !== after[1]) this.tell("options");
      if (before[2] !== after[2]) this.tell("own");
      this.tell("clip");
    });
  }

  tell(kind) { this.dispatchEvent(new Event(kind)); }

  // unknown: the page that the address names, where there is none of that name.
  read() {
    const query = new URLSearchParams(location.search);
    const page = query.get("page") ?? "clips";
    this.unknown = Object.hasOwn(PAGES, page) ? null : page;
    this.page = this.unknown === null ? page : "clips";
    const ours = new Set(["page", "clip", "t", ...PAGES[this.page].own]);
    this.own = Object.fromEntries(PAGES[this.page].own.filter((name) => query.has(name)).map((name) => [name, query.get(name)]));
    this.options = [...query].filter(([name]) => !ours.has(name));
    this.clip = query.get("clip");
    this.time = Math.max(0, Number(query.get("t")) || 0);
  }

  // The address of a page with the same filters; a clip that is open is there again on the way back.
  addressOf(page, options = this.options, clip = this.clip) {
    const query = new URLSearchParams();
    if (page !== "clips") query.set("page", page);
    if (page === this.page) for (const [name, value] of Object.entries(this.own)) query.set(name, value);
    for (const [name, value] of options) query.append(name, value);
    if (clip) query.set("clip", clip);
    if (clip && this.time) query.set("t", String(Math.round(this.time * 1000) / 1000));
    const text = query.toString();
    return text ? `?${text}` : location.pathname;
  }

  write(push = false) {
    const address = this.addressOf(this.page);
    if (push) history.pushState(null, "", address);
    else history.replaceState(null, "", address);
    this.tell("address");
  }

  // Opens a page; `options` replace the filters.
  go(page, options = this.options) {
    const turned = page !== this.page;
    const changed = JSON.stringify(options) !== JSON.stringify(this.options);
    if (!turned && !changed) return;
    if (turned) this.own = {};
    if (changed) this.clip = null;
    this.page = page;
    this.options = options;
    this.write(true);
    if (turned) this.tell("page");
    if (changed) this.tell("options");
    if (changed) this.tell("clip");
  }

  // Changes one of the page's own words; null takes it away.
  say(name, value) {
    if ((this.own[name] ?? null) === value) return;
    const { [name]: _, ...rest } = this.own;
    this.own = value === null ? rest : { ...rest, [name]: value };
    this.write();
    this.tell("own");
  }

  values(name) { return this.options.filter(([option]) => option === name).map(([, value]) => value); }

  // Replaces the values of an option; none takes it away.
  set(name, values) {
    const before = JSON.stringify(this.options);
    const rest = this.options.filter(([option]) => option !== name);
    this.options = [...rest, ...values.map((value) => [name, value])];
    if (JSON.stringify(this.options) === before) return;
    this.write();
    this.tell("options");
  }

  clear() {
    this.options = [];
    this.write();
    this.tell("options");
  }

  open(id, time = 0) {
    const push = id !== null && this.clip === null;
    this.clip = id;
    this.time = time;
    this.write(push);
    this.tell("clip");
  }

  at(time) {
    this.time = time;
    this.write();
  }
}
