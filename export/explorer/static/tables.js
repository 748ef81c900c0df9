// Reports and SQL: rows of the whole lake, whatever the filters say.

import { ask } from "./api.js";
import { make, number } from "./dom.js";

const isNumber = (text) => text !== null && /^-?[\d.,e+-]+%?$/i.test(text);

function table({ columns, rows, more }) {
  const body = rows.map((row) => make("tr", {}, ...row.map((cell) => make("td", {
    class: isNumber(cell) ? "number" : "", dir: "auto", text: cell ?? "",
  }))));
  const head = make("tr", {}, ...columns.map((name) => make("th", { scope: "col", text: name })));
  const rest = more ? make("p", { text: `The first ${number(rows.length)} rows; there are more.` }) : null;
  return make("div", { class: "table", tabindex: 0, role: "region", "aria-label": "Rows" },
    make("table", {}, make("thead", {}, head), make("tbody", {}, ...body)), rest);
}

async function fill(place, name, parameters) {
  place.replaceChildren(make("p", { text: "Asking the lake \u2026" }));
  try {
    const got = await ask(name, parameters, { only: "table" });
    if (got === null) return;
    place.replaceChildren(...(got.answer ?? []).map((text) => make("p", { text })), table(got));
  } catch (error) {
    place.replaceChildren(make("p", { role: "alert", text: error.hint ? `${error.message}. ${error.hint}` : error.message }));
  }
}

export async function reports() {
  const known = await ask("reports");
  const place = make("div");
  const summary = make("p");
  const choice = make("select", { "aria-label": "Report" }, ...known.map(({ name }) => make("option", { value: name, text: name })));
  const show = () => {
    summary.textContent = known.find(({ name }) => name === choice.value).summary;
    fill(place, "reports", [["name", choice.value]]);
  };
  choice.addEventListener("change", show);
  choice.value = "languages";
  show();
  return [make("div", { class: "row" }, choice), summary, place];
}

export function sql(start) {
  const place = make("div");
  const input = make("textarea", { rows: 6, "aria-label": "Statement that reads", spellcheck: "false" });
  input.value = start;
  const run = () => fill(place, "sql", [["query", input.value]]);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) run();
  });
  return [input, make("div", { class: "row" },
    make("button", { type: "button", class: "main", text: "Run", title: "Ctrl+Enter", onclick: run })), place];
}
