// The clips: a virtual grid. Elements exist for what is seen only; the height that a browser can give to an element
// ends far below two million clips, so that places are scaled to it.

import { ask } from "./api.js";
import { byId, debounced, lasting, make } from "./dom.js";
import { place, readClip, readMiddles } from "./skeleton.js";

const PAGE = 60;
const KEPT = 40;
const TALLEST = 16_000_000;
const TEXT = 62;
const ALL_PARTS = new Set(["body", "face", "left_hand", "right_hand"]);

export class Grid extends EventTarget {
  constructor(state, about, painter, picks) {
    super();
    Object.assign(this, { state, about, painter, picks });
    this.scroller = byId("scroller");
    this.layer = byId("layer");
    this.spacer = byId("spacer");
    this.pages = new Map();
    this.loading = new Map();
    this.cards = new Map();
    this.total = 0;
    this.offset = 0;
    this.active = null;
    this.turn = 0;
    this.scroller.addEventListener("scroll", () => this.scrolled());
    this.scroller.addEventListener("wheel", (event) => this.wheeled(event), { passive: false });
    new ResizeObserver(() => this.measure()).observe(this.scroller);
    this.wanted = debounced(60, () => this.fetchSeen());
    picks.addEventListener("change", () => this.markPicks());
  }

  // first: the answer of /api/rows for the first clips. held: they are those that are shown, and more.
  show(first, place = null, held = false) {
    this.turn += 1;
    this.pages.clear();
    this.loading = new Map();
    this.dropCards();
    this.total = first.clips;
    this.active = place;
    if (!held) this.offset = 0;
    this.layer.parentElement.setAttribute("aria-rowcount", String(this.total));
    if (first.start === 0) this.addPage(0, first.rows);
    this.measure();
    if (place !== null) this.reveal(place);
  }

  measure() {
    // Hidden behind another page: the place is kept.
    if (!this.scroller.clientWidth) return;
    const held = this.columns ? Math.floor(this.offset / this.rowHeight) * this.columns : 0;
    const [first, last] = this.columns ? this.seen() : [0, 0];
    const activeSeen = this.active !== null && first <= this.active && this.active < last;
    const width = this.layer.clientWidth;
    // A picture is drawn for the size of its card.
    if (width !== this.width) this.dropCards();
    this.width = width;
    this.height = this.scroller.clientHeight;
    this.columns = Math.max(1, Math.floor(width / 190));
    this.cardWidth = width / this.columns;
    this.canvasHeight = Math.round(((this.cardWidth - 10) * 9) / 16);
    this.rowHeight = this.canvasHeight + TEXT + 10;
    this.virtual = Math.max(0, Math.ceil(this.total / this.columns) * this.rowHeight + 8);
    const tall = Math.max(this.height, Math.min(this.virtual, TALLEST));
    this.spacer.style.height = `${tall - this.height}px`;
    this.spacer.style.marginTop = "0";
    this.scale = tall > this.height ? (this.virtual - this.height) / (tall - this.height) : 1;
    this.move(Math.floor(held / this.columns) * this.rowHeight);
    // Of fewer columns the last rows would be below: the clip that the player shows stays in sight.
    if (activeSeen) this.reveal(this.active);
  }

  dropCards() {
    for (const card of this.cards.values()) {
      card.playing = 0;
      card.root.remove();
    }
    this.cards.clear();
  }

  move(offset) {
    this.offset = Math.max(0, Math.min(offset, this.virtual - this.height));
    this.set = this.scale > 0 ? Math.round(this.offset / this.scale) : 0;
    this.scroller.scrollTop = this.set;
    this.render();
  }

  scrolled() {
    // What we set ourselves comes back as an event: rounded, it would lose the place. Hidden, there is none.
    if (!this.scroller.clientWidth) return;
    if (Math.abs(this.scroller.scrollTop - this.set) <= 1) return;
    this.set = this.scroller.scrollTop;
    this.offset = Math.max(0, Math.min(this.set * this.scale, this.virtual - this.height));
    this.render();
  }

  wheeled(event) {
    if (event.ctrlKey || this.scale <= 1) return;
    event.preventDefault();
    const unit = event.deltaMode === 1 ? 33 : event.deltaMode === 2 ? this.height : 1;
    this.move(this.offset + event.deltaY * unit);
  }

  reveal(index) {
    const top = Math.floor(index / this.columns) * this.rowHeight;
    if (top < this.offset) this.move(top);
    else if (top + this.rowHeight > this.offset + this.height) this.move(top + this.rowHeight - this.height);
    else this.render();
  }

  seen() {
    const first = Math.floor(this.offset / this.rowHeight) * this.columns;
    const last = Math.ceil((this.offset + this.height) / this.rowHeight) * this.columns;
    return [Math.max(0, first), Math.min(this.total, last)];
  }

  render() {
    const [first, last] = this.seen();
    for (const [index, card] of this.cards) {
      if (index < first || index >= last) {
        this.stop(card);
        card.root.remove();
        this.cards.delete(index);
      }
    }
    for (let index = first; index < last; index++) {
      let card = this.cards.get(index);
      if (!card) {
        card = this.makeCard(index);
        this.cards.set(index, card);
        this.layer.append(card.root);
      }
      const x = (index % this.columns) * this.cardWidth;
      const y = Math.floor(index / this.columns) * this.rowHeight - this.offset;
      card.root.style.transform = `translate(${x}px, ${y}px)`;
      card.root.style.width = `${this.cardWidth}px`;
      card.root.style.height = `${this.rowHeight}px`;
      card.root.classList.toggle("active", index === this.active);
      this.fill(card, index);
    }
    this.scroller.setAttribute("aria-activedescendant", this.active === null ? "" : `clip-${this.active}`);
    this.wanted();
  }

  makeCard(index) {
    const canvas = make("canvas", { "aria-hidden": "true" });
    canvas.style.height = `${this.canvasHeight}px`;
    const said = make("div", { class: "said", dir: "auto" });
    const about = make("div", { class: "about" });
    const root = make("div", { class: "card", role: "option", id: `clip-${index}` },
      make("div", { class: "face" }, canvas, said, about));
    const card = { root, canvas, said, about, row: null, drawn: false, playing: 0 };
    root.addEventListener("click", () => this.open(index));
    root.addEventListener("pointerenter", (event) => { if (event.pointerType === "mouse") this.play(card); });
    root.addEventListener("pointerleave", () => this.stop(card));
    return card;
  }

  fill(card, index) {
    const page = this.pages.get(Math.floor(index / PAGE));
    const row = page?.rows[index % PAGE];
    if (row && card.row !== row) {
      card.row = row;
      card.said.textContent = row.text ?? "";
      const picked = this.picks.has(row.id);
      card.root.setAttribute("aria-selected", String(picked));
      card.root.setAttribute("aria-posinset", String(index + 1));
      card.root.setAttribute("aria-setsize", String(this.total));
      card.about.replaceChildren(make("span", { text: `${row.language} · ${lasting(row.frames, this.about.fps)}` }));
      card.root.title = row.id;
      const name = this.about.languages[row.language] ?? row.language;
      card.root.setAttribute("aria-label", `${row.text ?? "no caption"}; ${name}`);
    }
    const middle = page?.middles?.[index % PAGE];
    if (middle && !card.drawn) {
      card.drawn = true;
      card.middle = middle;
      this.drawMiddle(card);
      if (middle.state !== "drawn") {
        const damaged = middle.state === "damaged";
        card.about.append(make("span", {
          class: damaged ? "note" : "", text: middle.state,
          title: damaged ? "The lake's file of this clip is damaged: signverse verify" : "Nobody is in the middle frame",
        }));
      }
    }
  }

  prepared(card) {
    const ratio = Math.min(2, devicePixelRatio || 1);
    card.canvas.width = Math.round((this.cardWidth - 10) * ratio);
    card.canvas.height = Math.round(this.canvasHeight * ratio);
    const { width, height } = card.middle;
    const scale = width && height ? Math.min(card.canvas.width / width, card.canvas.height / height) : 0.25;
    const left = (card.canvas.width - width * scale) / 2;
    const top = (card.canvas.height - height * scale) / 2;
    return [card.canvas.getContext("2d"), scale, left, top];
  }

  drawMiddle(card) {
    const [context, scale, left, top] = this.prepared(card);
    this.painter.draw(context, card.middle, scale, left, top, ALL_PARTS);
  }

  async play(card) {
    if (!card.row || card.playing || !card.middle || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    const turn = ++this.turn;
    card.playing = turn;
    let clip;
    try {
      const buffer = await ask("points", [["id", card.row.id], ["count", 240]], { only: "hover", binary: true });
      if (buffer === null) return;
      clip = readClip(buffer);
    } catch { return; }
    if (card.playing !== turn || !clip.frames || !clip.people) return;
    const start = performance.now();
    const step = () => {
      if (card.playing !== turn || !card.root.isConnected) return;
      const frame = Math.floor(((performance.now() - start) / 1000) * this.about.fps) % clip.frames;
      const [context, scale, left, top] = this.prepared(card);
      for (let person = 0; person < clip.people; person++) {
        this.painter.draw(context, place(clip, person, frame), scale, left, top, ALL_PARTS);
      }
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  stop(card) {
    if (!card.playing) return;
    card.playing = 0;
    if (card.middle) this.drawMiddle(card);
  }

  addPage(number, rows) {
    this.pages.delete(number);
    this.pages.set(number, { rows, middles: null });
    for (const key of this.pages.keys()) {
      if (this.pages.size <= KEPT) break;
      this.pages.delete(key);
    }
  }

  async fetchSeen() {
    const [first, last] = this.seen();
    for (let number = Math.floor(first / PAGE); number * PAGE < last; number++) {
      const page = this.pages.get(number);
      if (page?.middles || page?.failed || page?.asked) continue;
      try {
        await this.load(number);
        await this.fetchMiddles(number, this.pages.get(number));
      } catch (error) {
        this.dispatchEvent(new CustomEvent("failed", { detail: error }));
        if (this.pages.has(number)) this.pages.get(number).failed = true;
        return;
      }
    }
  }

  // The rows of a page; who asks while they are on their way waits for the same answer.
  load(number) {
    if (this.pages.has(number)) return Promise.resolve();
    if (!this.loading.has(number)) {
      const { loading } = this;
      const parameters = [...this.state.options, ["start", number * PAGE], ["count", PAGE]];
      const loaded = ask("rows", parameters).then((got) => {
        if (loading !== this.loading) return;
        this.addPage(number, got.rows);
        this.render();
      }).finally(() => loading.delete(number));
      loading.set(number, loaded);
    }
    return this.loading.get(number);
  }

  async fetchMiddles(number, page) {
    if (!page || page.middles || !page.rows.length) return;
    page.asked = true;
    const rows = page.rows.map((row) => row.row).join(",");
    const buffer = await ask("thumbs", [["rows", rows]], { binary: true });
    page.asked = false;
    if (buffer === null || this.pages.get(number) !== page) return;
    page.middles = readMiddles(buffer);
    this.render();
  }

  idAt(index) { return this.pages.get(Math.floor(index / PAGE))?.rows[index % PAGE]?.id ?? null; }

  open(index) {
    this.active = index;
    this.render();
    const id = this.idAt(index);
    if (id !== null) this.state.open(id);
  }

  async step(by) {
    if (!this.total) return;
    const from = this.active ?? (by > 0 && by !== Infinity ? 0 - by : 0);
    const index = Math.max(0, Math.min(this.total - 1, from + by));
    this.active = index;
    this.reveal(index);
    if (this.idAt(index) === null) await this.load(Math.floor(index / PAGE)).catch(() => {});
    // While it was fetched, another may have become the active one.
    if (this.active === index) this.open(index);
  }

  markPicks() {
    for (const card of this.cards.values()) {
      if (card.row) card.root.setAttribute("aria-selected", String(this.picks.has(card.row.id)));
    }
  }
}
