// Goes from page to page: links with an address each, so that back, forward and a new tab work.

import { byId, make } from "./dom.js";
import { PAGES } from "./pages.js";

export class Navigation {
  // leave, enter: what the clips do when they are left and come back.
  constructor(context, { leave, enter }) {
    Object.assign(this, { context, leave, enter });
    this.state = context.state;
    this.root = byId("pages");
    this.place = byId("page");
    this.opened = null;
    this.turns = 0;
    this.shown = "clips";
    this.links = new Map(Object.entries(PAGES).map(([name, { title }]) => [name, make("a", { text: title })]));
    this.root.replaceChildren(...this.links.values());
    this.root.addEventListener("click", (event) => this.clicked(event));
    for (const kind of ["options", "own", "clip", "address"]) this.state.addEventListener(kind, () => this.addresses());
    for (const kind of ["options", "own"]) this.state.addEventListener(kind, () => this.update());
    this.state.addEventListener("page", () => this.show());
  }

  get filters() { return PAGES[this.state.page].filters; }

  addresses() {
    for (const [name, link] of this.links) link.href = this.state.addressOf(name);
  }

  clicked(event) {
    const link = event.target.closest("a");
    if (!link || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    this.go([...this.links].find(([, other]) => other === link)[0]);
  }

  go(name) {
    this.state.go(name);
    this.links.get(name).focus();
  }

  // By its place, counted from 1, as the keys say it.
  goTo(number) {
    const name = Object.keys(PAGES)[number - 1];
    if (name) this.go(name);
  }

  async show() {
    const name = this.state.page;
    const { title, filters, load } = PAGES[name];
    this.addresses();
    for (const [other, link] of this.links) {
      if (other === name) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    document.title = `${name === "clips" ? "" : `${title} – `}${this.context.about.lake} – signverse explore`;
    document.body.dataset.page = name;
    byId("filters").hidden = !filters;
    for (const id of ["toggle-filters", "chips", "count", "show-command"]) byId(id).hidden = !filters;
    byId("clips").hidden = name !== "clips";
    this.place.hidden = name === "clips";
    if (name === this.shown) return;
    this.opened?.close?.();
    this.opened = null;
    this.context.told(null);
    if (this.shown === "clips") this.leave();
    this.shown = name;
    this.place.replaceChildren();
    this.place.scrollTop = 0;
    this.place.setAttribute("aria-label", title);
    if (name === "clips") this.enter();
    else await this.open(name);
  }

  // What is shown is what the address says when the last of these has ended: it may change while a page is opened.
  async open(name) {
    const address = this.state.addressOf(name);
    await this.working(async () => {
      const module = await PAGES[name].load();
      if (this.shown !== name) return;
      const opened = (await module.open(this.place, this.context)) ?? {};
      if (this.shown !== name) {
        opened.close?.();
        return;
      }
      this.opened = opened;
      if (address !== this.state.addressOf(name)) await opened.update?.();
    });
    // Refused, while the address came to say something else.
    if (this.shown === name && !this.opened && address !== this.state.addressOf(name)) await this.open(name);
  }

  // A page that could not be opened is opened again: other filters may be ones that it can show.
  async update() {
    if (this.opened) await this.working(() => this.opened.update?.());
    else if (this.shown !== "clips" && !this.turns) await this.open(this.shown);
  }

  // Says that the page is being made, and what went wrong.
  async working(work) {
    const { shown } = this;
    this.turns += 1;
    this.place.setAttribute("aria-busy", "true");
    try {
      await work();
      if (this.shown === shown) this.context.told(null);
    } catch (error) {
      if (this.shown === shown) this.context.told(error);
    } finally {
      this.turns -= 1;
      if (!this.turns) this.place.removeAttribute("aria-busy");
    }
  }
}
