// Charts: rows of a name, a drawing and a number. Drawings are SVG whose places are per cent, so that they take any width.

import { make, number } from "./dom.js";

export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

export const percent = (value) => `${Math.round(value * 1000) / 1000}%`;

// A length of time in the unit that a person would say it in.
export function asTime(hours) {
  const [value, unit] = hours >= 1 ? [hours, "h"] : hours >= 1 / 60 ? [hours * 60, "min"] : [hours * 3600, "s"];
  const digits = value >= 100 || (unit !== "h" && value >= 10) ? 0 : value < 1 ? 2 : 1;
  return hours === 0 ? "none" : `${value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits })} ${unit}`;
}

const powers = (digits, from, to) => Array.from({ length: to - from }, (_, i) => digits.map((one) => one * 10 ** (from + i))).flat();
const seconds = (...values) => values.map((value) => value / 3600);

// Numbers that an axis may be marked with, first few of them, then more for a short axis.
const COUNTS = [powers([1], 0, 16), powers([1, 2, 5], 0, 16)];
const TIMES = [
  [...seconds(0.01, 0.1, 1, 10, 60, 600), ...powers([1], 0, 9)],
  [...seconds(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800), ...powers([1, 2, 5], 0, 9)],
];

// A log axis over positive values. `time`: in hours. Gives { at(value), ticks: [[value, text]] }; places in per cent.
export function logAxis(values, time) {
  const known = values.filter((value) => value > 0);
  const least = (known.length ? Math.min(...known) : 1) / 1.6;
  const most = Math.max(known.length ? Math.max(...known) * 1.05 : 1, least * 10);
  const at = (value) => (100 * Math.log(Math.max(value, least) / least)) / Math.log(most / least);
  const [few, many] = (time ? TIMES : COUNTS).map((marks) => marks.filter((value) => value >= least && value <= most));
  const ticks = (few.length > 2 ? few : many).map((value) => [value, time ? asTime(value).replace(/\.0+ /, " ") : number(value)]);
  return { at, ticks };
}

export function shareAxis() {
  return { at: (value) => 100 * Math.max(0, Math.min(1, value)), ticks: [0, 0.25, 0.5, 0.75, 1].map((value) => [value, String(value)]) };
}

// Lines at the ticks, behind what a row draws.
export const grid = (axis) => axis.ticks.map(([value]) =>
  svg("line", { class: "tick", x1: percent(axis.at(value)), x2: percent(axis.at(value)), y1: 0, y2: "100%" }));

// The head of a chart: what names and numbers are, and the axis with its numbers.
export function head(name, axis, value) {
  const texts = axis.ticks.map(([at, text]) => svg("text", {
    x: percent(axis.at(at)), y: 13, "text-anchor": axis.at(at) < 6 ? "start" : axis.at(at) > 94 ? "end" : "middle",
  }, text));
  const drawing = svg("svg", { class: "axis", height: 18 }, ...texts);
  new ResizeObserver(() => thin(texts)).observe(drawing);
  return make("div", { class: "chart-row chart-head", "aria-hidden": "true" }, make("span", { text: name }), drawing,
    make("span", { class: "value", text: value }));
}

// Of numbers that would touch, the one with the greater value stays.
function thin(texts) {
  let free = Infinity;
  for (const text of [...texts].reverse()) {
    const { left, right } = text.getBoundingClientRect();
    const shown = right + 8 <= free;
    text.setAttribute("visibility", shown ? "visible" : "hidden");
    if (shown) free = left;
  }
}

// Buttons of which one is on. options: [value, text]
export function choice(label, options, value, change) {
  const buttons = options.map(([other, text]) => make("button", {
    type: "button", text, "aria-pressed": String(other === value), "data-value": other, onclick: () => change(other),
  }));
  return make("div", { class: "row choice", role: "group", "aria-label": label }, ...buttons);
}

export function mark(group, value) {
  for (const button of group.querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button.dataset.value === value));
  }
}

// columns: [heading, isNumber]; rows: of texts. The first cell of a row names it.
export function table(caption, columns, rows) {
  const head = make("tr", {}, ...columns.map(([text, isNumber]) => make("th", { scope: "col", class: isNumber ? "number" : "", text })));
  const body = rows.map((row) => make("tr", {}, ...row.map((text, i) => make(i ? "td" : "th", {
    scope: i ? null : "row", dir: "auto", class: columns[i][1] ? "number" : "", text,
  }))));
  return make("div", { class: "table", tabindex: 0, role: "region", "aria-label": caption },
    make("table", { "aria-label": caption }, make("thead", {}, head), make("tbody", {}, ...body)));
}

export function saveLink(name, parameters) {
  return make("a", { href: `/api/${name}.csv?${new URLSearchParams(parameters)}`, download: `${name}.csv`, text: "Save as CSV" });
}

// A link to clips: an address for a new tab, and no reload where it is followed.
export function clipsLink(state, options, attributes, ...children) {
  return make("a", {
    href: state.addressOf("clips", options, null), ...attributes,
    onclick: (event) => {
      if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
      event.preventDefault();
      state.go("clips", options);
    },
  }, ...children);
}

// Options that hold one more condition in SQL; on lines of their own, as a comment ends with its line.
export function andWhere(options, condition) {
  const where = options.filter(([name]) => name === "where").at(-1)?.[1];
  const others = options.filter(([name]) => name !== "where");
  return [...others, ["where", where ? `(${where}\n) and ${condition}` : condition]];
}

// Options for the clips of a language. One that a foreign writer made up is named by no option, but in SQL.
export function ofLanguage(options, { code, known }) {
  const others = options.filter(([name]) => name !== "language");
  if (known) return [...others, ["language", code]];
  return andWhere(others, code ? `sign_language = '${code.replaceAll("'", "''")}'` : "sign_language is null");
}

// Which clips are drawn at random depends on those that there are to draw from.
export function sampleNote(state) {
  const set = ["per-language", "hours", "temperature", "limit"].filter((name) => state.values(name).length);
  return set.length ? make("p", { class: "note", text: `${set.join(", ")}: where you go on to clips, they are drawn anew from fewer.` }) : null;
}
