// How confidence, coverage and captions are spread among the clips of each language.

import { api, ask } from "./api.js";
import * as charts from "./charts.js";
import { make, number } from "./dom.js";

const { percent, svg } = charts;
const CONFIDENCE = [
  ["body_confidence", "Body"], ["face_confidence", "Face"], ["left_hand_confidence", "Left hand"],
  ["right_hand_confidence", "Right hand"],
];
const SHARES = [["coverage", "Signer seen"], ["hands_seen", "Both hands seen"], ["captions", "Captions"]];
const MEASURES = [...CONFIDENCE, ...SHARES];
const ORDERS = [["clips", "most clips"], ["low", "lowest first"], ["high", "highest first"], ["name", "name"]];
const QUANTILES = [["p05", "5 %"], ["p25", "25 %"], ["p50", "median"], ["p75", "75 %"], ["p95", "95 %"]];
const KINDS = ["manual", "automatic", "translated", "none"];
const HEIGHT = 40;

export function open(place, context) {
  const page = new Quality(place, context);
  return page.update().then(() => page);
}

const kindClass = (kind) => `kind-${KINDS.includes(kind) ? kind : "other"}`;
const two = (value) => (value === null ? "–" : value.toFixed(2));

class Quality {
  constructor(place, { state }) {
    Object.assign(this, { state, place, asked: null, got: null, active: [0, 0] });
    const choose = (measure) => state.say("measure", measure === "right_hand_confidence" ? null : measure);
    this.choices = [charts.choice("Confidence of a part", CONFIDENCE, null, choose), charts.choice("Share of a clip's frames, or captions", SHARES, null, choose)];
    this.order = make("select", { "aria-label": "Order of the languages" }, ...ORDERS.map(([value, text]) => make("option", { value, text })));
    this.order.addEventListener("change", () => state.say("order", this.order.value === "clips" ? null : this.order.value));
    this.about = make("p", { class: "note" });
    this.chart = make("div", { class: "chart spread" });
    this.below = make("div");
    place.replaceChildren(make("h2", { text: "Quality" }),
      make("div", { class: "row" }, ...this.choices, make("label", {}, "Order: ", this.order)), this.about, this.chart, this.below);
  }

  get measure() {
    const { measure } = this.state.own;
    return MEASURES.some(([name]) => name === measure) ? measure : "right_hand_confidence";
  }

  async update() {
    const asked = JSON.stringify([this.measure, this.state.options]);
    if (asked !== this.asked) {
      const got = await ask("quality", [...this.state.options, ["measure", this.measure]], { only: "figures" });
      if (got === null) return;
      this.asked = asked;
      this.got = got;
    }
    this.show();
  }

  // What a row is ordered by where the order is by value.
  value(language) {
    if (this.got.measure !== "captions") return language.p50;
    return language.clips ? 1 - (language.kinds.none?.clips ?? 0) / language.clips : null;
  }

  ordered() {
    const order = this.state.own.order ?? "clips";
    const languages = [...this.got.languages];
    if (order === "name") return languages.sort((a, b) => a.short.localeCompare(b.short, "en"));
    if (order === "clips") return languages;
    const sign = order === "low" ? 1 : -1;
    // What has no value comes last.
    return languages.sort((a, b) => {
      const [x, y] = [this.value(a), this.value(b)];
      if (x === null || y === null) return (x === null) - (y === null);
      return sign * (x - y);
    });
  }

  show() {
    const { got } = this;
    for (const group of this.choices) charts.mark(group, this.measure);
    this.order.value = ORDERS.some(([name]) => name === this.state.own.order) ? this.state.own.order : "clips";
    const title = MEASURES.find(([name]) => name === this.measure)[1];
    const captions = got.measure === "captions";
    const what = CONFIDENCE.some(([name]) => name === got.measure) ? `${title}, mean confidence of a clip` : `${title}, share of a clip's frames`;
    this.about.textContent = captions
      ? "Share of the clips by the kind of their caption. A part of a bar leads to its clips."
      : `${what}. Bars: clips by value. Line: 5 to 95 %, its thick part 25 to 75 %, dot: median. A bar leads to its clips; arrows go from bar to bar.`;
    const languages = this.ordered();
    const rows = [{ code: null, short: "All languages", name: "All languages", ...got.all }, ...languages];
    const axis = charts.shareAxis();
    const focused = this.chart.contains(document.activeElement);
    this.cells = [];
    const made = rows.map((row, i) => (captions ? this.kinds(row, i, axis) : this.spread(row, i, axis)));
    const grid = make("div", { role: "grid", "aria-label": `${title} by language` }, ...made);
    grid.addEventListener("keydown", (event) => this.moved(event));
    this.chart.replaceChildren(...(captions ? [this.legend()] : []), charts.head("Language", axis, captions ? "captioned" : "median"), grid);
    this.activate(Math.min(this.active[0], rows.length - 1), this.active[1], focused);
    if (!languages.length) this.chart.replaceChildren(make("p", { text: "No clip matches." }));
    this.below.replaceChildren(...[charts.sampleNote(this.state), make("h2", { text: `${title}, figures` }),
      charts.saveLink("quality", [...this.state.options, ["measure", got.measure], ["v", api.version]]),
      captions ? this.kindTable(rows) : this.spreadTable(rows)].filter(Boolean));
  }

  row(row, drawing, value) {
    return make("div", { role: "row", class: "chart-row" },
      make("span", { role: "rowheader", class: "name", dir: "auto", title: row.name, text: row.short }), drawing,
      make("span", { role: "gridcell", class: "value", text: value }));
  }

  // A place that can be gone to and followed. options: null where no option says which clips these are.
  cell(i, words, options, ...children) {
    const cell = svg("g", { role: "gridcell", tabindex: -1, "aria-label": words, class: options ? "cell" : "cell fixed" },
      svg("title", {}, words), ...children);
    this.cells[i] ??= [];
    const place = [i, this.cells[i].length];
    const follow = () => options && this.state.go("clips", options);
    cell.addEventListener("click", () => { this.activate(...place, false); follow(); });
    cell.addEventListener("follow", follow);
    this.cells[i].push(cell);
    return cell;
  }

  spread(row, i, axis) {
    const most = Math.max(1, ...row.counts);
    const from = this.got.from;
    const bins = row.counts.map((clips, k) => {
      const [low, high] = [from[k], from[k + 1] ?? 1];
      const last = k + 1 === from.length;
      const height = clips ? Math.max(1, (clips / most) * (HEIGHT - 14)) : 0;
      const words = `${row.name}, ${two(low)} ${last ? "and more" : `to ${two(high)}`}: ${number(clips)} ${clips === 1 ? "clip" : "clips"}`;
      const place = { x: percent(axis.at(low)), width: percent(axis.at(high) - axis.at(low)) };
      return this.cell(i, words, clips ? this.binOptions(row, low, last ? null : high) : null,
        svg("rect", { class: "area", ...place, y: 0, height: HEIGHT }),
        svg("rect", { class: "whole", ...place, y: HEIGHT - 12 - height, height }));
    });
    const drawing = svg("svg", { role: "presentation", height: HEIGHT }, ...charts.grid(axis), ...bins, ...this.box(row, axis));
    return this.row(row, drawing, two(row.p50));
  }

  box(row, axis) {
    if (row.p50 === null) return [];
    const line = (name, a, b) => svg("line", { class: name, x1: percent(axis.at(a)), x2: percent(axis.at(b)), y1: HEIGHT - 6, y2: HEIGHT - 6 });
    return [line("range", row.p05, row.p95), line("quartiles", row.p25, row.p75),
      svg("circle", { class: "median", cx: percent(axis.at(row.p50)), cy: HEIGHT - 6, r: 4 })];
  }

  language(row) {
    return row.code === null ? this.state.options : charts.ofLanguage(this.state.options, row);
  }

  // Exactly the clips of a bar; what bounds from below is an option, what bounds from above takes a condition in SQL.
  binOptions(row, low, high) {
    let options = this.language(row);
    const part = this.measure.endsWith("_confidence") ? this.measure.slice(0, -"_confidence".length) : null;
    const option = part ? "min-confidence" : `min-${this.measure.replace("_", "-")}`;
    const own = ([name, value]) => name === option && (!part || value.startsWith(`${part}=`));
    const set = options.filter(own).map(([, value]) => Number(part ? value.slice(part.length + 1) : value)).at(-1) ?? 0;
    const least = Math.max(low, set);
    options = options.filter((one) => !own(one));
    if (least > 0) options = [...options, [option, part ? `${part}=${least}` : String(least)]];
    if (high === null) return options;
    return charts.andWhere(options, `${this.measure} < ${high}::float`);
  }

  kinds(row, i, axis) {
    let left = 0;
    const parts = this.got.kinds.map((kind) => {
      const { clips, hours } = row.kinds[kind];
      const share = row.clips ? clips / row.clips : 0;
      const x = left;
      left += share;
      const words = `${row.name}, ${kind}: ${Math.round(1000 * share) / 10} %, ${number(clips)} ${clips === 1 ? "clip" : "clips"}, ${charts.asTime(hours)}`;
      const others = this.language(row).filter(([name]) => name !== "caption-kind");
      const options = clips && KINDS.includes(kind) ? [...others, ["caption-kind", kind]] : null;
      return this.cell(i, words, options,
        svg("rect", { class: kindClass(kind), x: percent(axis.at(x)), width: percent(axis.at(share)), y: 3, height: 20 }));
    });
    const drawing = svg("svg", { role: "presentation", height: 26 }, ...charts.grid(axis), ...parts);
    const value = this.value(row);
    return this.row(row, drawing, value === null ? "–" : `${Math.round(100 * value)} %`);
  }

  legend() {
    return make("p", { class: "legend" }, ...this.got.kinds.map((kind) => make("span", {}, make("i", { class: kindClass(kind) }), kind)));
  }

  activate(i, k, focus) {
    const [was] = this.cells[this.active[0]]?.slice(this.active[1]) ?? [];
    was?.setAttribute("tabindex", -1);
    const row = this.cells[Math.max(0, i)] ?? [];
    this.active = [Math.max(0, i), Math.max(0, Math.min(k, row.length - 1))];
    const cell = row[this.active[1]];
    cell?.setAttribute("tabindex", 0);
    if (focus) cell?.focus();
  }

  moved(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const [i, k] = this.active;
    const width = this.cells[i]?.length ?? 0;
    const to = {
      ArrowRight: [i, Math.min(k + 1, width - 1)], ArrowLeft: [i, Math.max(k - 1, 0)],
      ArrowDown: [Math.min(i + 1, this.cells.length - 1), k], ArrowUp: [Math.max(i - 1, 0), k],
      Home: [i, 0], End: [i, width - 1],
    }[event.key];
    if (to) this.activate(...to, true);
    else if (event.key === "Enter" || event.key === " ") this.cells[i]?.[k]?.dispatchEvent(new Event("follow"));
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  spreadTable(rows) {
    const columns = [["language", false], ["code", false], ["clips", true], ["unknown", true], ...QUANTILES.map(([, text]) => [text, true])];
    return charts.table("Figures by language", columns, rows.map((row) => [row.name, row.code ?? "", number(row.clips),
      number(row.unknown), ...QUANTILES.map(([name]) => (row[name] === null ? "" : row[name].toFixed(3)))]));
  }

  kindTable(rows) {
    const { kinds } = this.got;
    const columns = [["language", false], ["code", false], ["clips", true],
      ...kinds.flatMap((kind) => [[kind, true], [`${kind}, hours`, true]])];
    const hours = (value) => value.toLocaleString("en", { maximumFractionDigits: 3 });
    return charts.table("Figures by language", columns, rows.map((row) => [row.name, row.code ?? "", number(row.clips),
      ...kinds.flatMap((kind) => [number(row.kinds[kind].clips), hours(row.kinds[kind].hours)])]));
  }
}
