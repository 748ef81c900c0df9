// What the page shows, kept in its address: the options of a selection, the clip and its time.

const OWN = new Set(["clip", "t"]);

export class State extends EventTarget {
  constructor() {
    super();
    this.read();
    addEventListener("popstate", () => {
      this.read();
      this.dispatchEvent(new Event("options"));
      this.dispatchEvent(new Event("clip"));
    });
  }

  read() {
    const query = new URLSearchParams(location.search);
    this.options = [...query].filter(([name]) => !OWN.has(name));
    this.clip = query.get("clip");
    this.time = Math.max(0, Number(query.get("t")) || 0);
  }

  write(push = false) {
    const query = new URLSearchParams(this.options);
    if (this.clip) query.set("clip", this.clip);
    if (this.clip && this.time) query.set("t", String(Math.round(this.time * 1000) / 1000));
    const text = query.toString();
    const address = text ? `?${text}` : location.pathname;
    if (push) history.pushState(null, "", address);
    else history.replaceState(null, "", address);
  }

  values(name) { return this.options.filter(([option]) => option === name).map(([, value]) => value); }

  // Replaces the values of an option; none takes it away.
  set(name, values) {
    const before = JSON.stringify(this.options);
    const rest = this.options.filter(([option]) => option !== name);
    this.options = [...rest, ...values.map((value) => [name, value])];
    if (JSON.stringify(this.options) === before) return;
    this.write();
    this.dispatchEvent(new Event("options"));
  }

  clear() {
    this.options = [];
    this.write();
    this.dispatchEvent(new Event("options"));
  }

  open(id, time = 0) {
    const push = id !== null && this.clip === null;
    this.clip = id;
    this.time = time;
    this.write(push);
    this.dispatchEvent(new Event("clip"));
  }

  at(time) {
    this.time = time;
    this.write();
  }
}
