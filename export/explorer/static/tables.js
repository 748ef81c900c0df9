// SQL and reports: rows of the whole lake, whatever the filters say.

import { ask } from "./api.js";
import { inWords, make, number } from "./dom.js";

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
    const got = await ask(name, parameters, { only: name });
    if (got === null) return;
    place.replaceChildren(...(got.answer ?? []).map((text) => make("p", { text })), table(got));
  } catch (error) {
    place.replaceChildren(make("p", { role: "alert", text: inWords(error) }));
  }
}

async function reports(state) {
  const known = await ask("reports");
  const place = make("div");
  const summary = make("p");
  const choice = make("select", { "aria-label": "Report" }, ...known.map(({ name }) => make("option", { value: name, text: name })));
  const show = () => {
    const name = state.own.report ?? "languages";
    choice.value = name;
    summary.textContent = known.find((report) => report.name === name)?.summary ?? "";
    fill(place, "reports", [["name", name]]);
  };
  choice.addEventListener("change", () => state.say("report", choice.value));
  show();
  return { show, parts: [make("div", { class: "row" }, choice), summary, place] };
}

function sql(start) {
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

// What the filters say; where they are refused the reports stand all the same.
async function statement(state) {
  try {
    const { sql: words } = await ask("command", state.options);
    return [`${words}${state.values("limit").length ? "" : "\nlimit 100"}`, null];
  } catch (error) {
    return ["from clips\nlimit 100", inWords(error)];
  }
}

export async function open(place, { state }) {
  const [of, [words, refused]] = await Promise.all([reports(state), statement(state)]);
  place.replaceChildren(
    make("section", { "aria-labelledby": "sql-title" }, make("h2", { id: "sql-title", text: "SQL over the lake" }),
      make("p", { text: refused ?? "Begins with what the filters say; the answer is of the whole lake." }), ...sql(words)),
    make("section", { "aria-labelledby": "reports-title" }, make("h2", { id: "reports-title", text: "Reports" }), ...of.parts));
  return { update: of.show };
}
