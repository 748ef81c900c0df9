// Hours, clips or videos by language on a log axis, of the whole lake and of what the filters leave; how balanced they are.

import { api, ask } from "./api.js";
import * as charts from "./charts.js";
import { make, number } from "./dom.js";

const { asTime, percent, svg } = charts;
const BY = [["hours", "Hours"], ["clips", "Clips"], ["videos", "Videos"]];
const BALANCE = [
  ["languages", "Languages, without und"], ["exp_shannon_entropy", "Effective number (entropy)"],
  ["inverse_simpson", "Effective number (Simpson)"], ["gini", "Gini"], ["top", "Largest"],
];
const MEANING = "Effective numbers: so many languages of equal size would be as diverse; the first gives rare ones more " +
  "weight. Gini is 0 where all have the same size, and nears 1 where one has nearly all. und is left out.";
const FIGURES = [
  ["clips", "clips"], ["hours", "hours"], ["videos", "videos"], ["channels", "channels"], ["video_hours", "hours of the videos"],
];

export function open(place, context) {
  const page = new Languages(place, context);
  return page.update().then(() => page);
}

class Languages {
  constructor(place, { state }) {
    Object.assign(this, { state, place, asked: null, got: null });
    this.choice = charts.choice("Measured in", BY, this.by, (by) => this.state.say("by", by === "hours" ? null : by));
    this.chart = make("div", { class: "chart" });
    this.below = make("div");
    place.replaceChildren(make("h2", { text: "Languages" }), this.choice, this.chart, this.below);
  }

  get by() {
    const by = this.state.own.by ?? "hours";
    return BY.some(([name]) => name === by) ? by : "hours";
  }

  async update() {
    const options = JSON.stringify(this.state.options);
    if (options !== this.asked) {
      const got = await ask("languages", this.state.options, { only: "figures" });
      if (got === null) return;
      this.asked = options;
      this.got = got;
    }
    this.show();
  }

  text(value) { return this.by === "hours" ? asTime(value) : value ? number(value) : "none"; }

  show() {
    const { by, got } = this;
    charts.mark(this.choice, by);
    const axis = charts.logAxis(got.languages.flatMap((language) => [language.whole[by], language.chosen[by]]), by === "hours");
    const held = this.chart.contains(document.activeElement) ? document.activeElement.dataset.code : null;
    const rows = [...got.languages].sort((a, b) => b.chosen[by] - a.chosen[by] || b.whole[by] - a.whole[by]);
    const links = rows.map((language) => make("li", {}, this.bar(language, axis)));
    this.chart.replaceChildren(this.legend(), charts.head("Language", axis, got.filtered ? "Filtered" : BY.find(([name]) => name === by)[1]),
      make("ol", { "aria-label": `${BY.find(([name]) => name === by)[1]} by language, on a log axis` }, ...links));
    if (held !== null) [...this.chart.querySelectorAll("a")].find((link) => link.dataset.code === held)?.focus();
    if (!rows.length) this.chart.replaceChildren(make("p", { text: "The lake is empty." }));
    this.below.replaceChildren(...[charts.sampleNote(this.state), ...this.balance(), ...this.table()].filter(Boolean));
  }

  legend() {
    if (!this.got.filtered) return "";
    return make("p", { class: "legend" }, make("span", {}, make("i", { class: "chosen" }), "what the filters leave"),
      make("span", {}, make("i", { class: "whole" }), "the whole lake"));
  }

  bar(language, axis) {
    const { by, got } = this;
    const [whole, chosen] = [language.whole[by], language.chosen[by]];
    const drawing = svg("svg", { class: "bar", height: 22, "aria-hidden": "true" }, ...charts.grid(axis),
      svg("rect", { class: got.filtered ? "whole" : "chosen", x: 0, y: 3, height: 16, rx: 2, width: percent(whole ? axis.at(whole) : 0) }),
      got.filtered ? svg("rect", { class: "chosen", x: 0, y: 6, height: 10, rx: 2, width: percent(chosen ? axis.at(chosen) : 0) }) : null);
    const words = got.filtered ? `${this.text(chosen)} of ${this.text(whole)}` : this.text(whole);
    const unit = by === "hours" ? "" : ` ${by}`;
    const options = charts.ofLanguage(this.state.options, language);
    const parts = [make("span", { class: "name", dir: "auto", text: language.short }), drawing,
      make("span", { class: chosen ? "value" : "value none", text: this.text(chosen) })];
    const named = { class: "chart-row", title: `${language.name}: ${words}${unit}`, "aria-label": `${language.name}: ${words}${unit}`, "data-code": language.code };
    return charts.clipsLink(this.state, options, named, ...parts);
  }

  balance() {
    const { by, got } = this;
    const of = (balance) => BALANCE.map(([name]) => {
      const figures = balance[by];
      if (!figures) return "–";
      if (name !== "top") return number(figures[name]);
      return `${this.got.languages.find(({ code }) => code === figures.top_language)?.name ?? figures.top_language}, ${number(figures.top_percent)} %`;
    });
    const [whole, chosen] = [of(got.balance.whole), of(got.balance.chosen)];
    const rows = BALANCE.map(([, text], i) => [text, whole[i], ...(got.filtered ? [chosen[i]] : [])]);
    const title = `Balance, by ${by}`;
    const columns = [["", false], ["whole lake", true], ...(got.filtered ? [["filtered", true]] : [])];
    const hours = by === "hours" ? " Hours are those of the clips; signverse stats balance has those of the videos." : "";
    return [make("h2", { text: title }), charts.table(title, columns, rows), make("p", { class: "note", text: MEANING + hours })];
  }

  table() {
    const { got } = this;
    const sides = got.filtered ? [["chosen", ""], ["whole", "lake: "]] : [["whole", ""]];
    const text = (name, value) => (name.endsWith("hours") ? value.toLocaleString("en", { maximumFractionDigits: 3 }) : number(value));
    const cells = (sizes) => sides.flatMap(([side]) => FIGURES.map(([name]) => text(name, sizes[side][name])));
    const columns = [["language", false], ["code", false], ...sides.flatMap(([, before]) => FIGURES.map(([, name]) => [`${before}${name}`, true]))];
    const rows = got.languages.map((language) => [language.name, language.code, ...cells(language)]);
    rows.push(["All", "", ...cells(got.total)]);
    const title = "Figures by language";
    return [make("h2", { text: title }), charts.saveLink("languages", [...this.state.options, ["v", api.version]]),
      charts.table(title, columns, rows)];
  }
}
