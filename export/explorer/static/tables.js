// SQL and reports: rows of the whole lake, whatever the filters say.

import { ask, stop } from "./api.js";
import { inWords, make, number } from "./dom.js";

const isNumber = (text) => text !== null && /^-?[\d.,e+-]+%?$/i.test(text);

// How many rows are not shown: they are counted for a second, no longer.
function leftOut({ rows, left_out: more, counted, cut }) {
  const said = [];
  if (more) said.push(`The first ${number(rows.length)} rows; ${counted ? "" : "more than "}${number(more)} more ${more === 1 && counted ? "row is" : "rows are"} left out.`);
  if (cut) said.push(`${number(cut)} long ${cut === 1 ? "cell is" : "cells are"} cut.`);
  return said.length ? `${said.join(" ")} signverse sql has all of it.` : "";
}

// As `signverse sql -o rows.csv` quotes it.
function asCsv({ columns, rows }) {
  const cell = (text) => (text === null ? "" : /[",\r\n]/.test(text) || text === "" ? `"${text.replaceAll('"', '""')}"` : text);
  return [columns, ...rows].map((row) => `${row.map(cell).join(",")}\n`).join("");
}

function download(got, name) {
  const address = URL.createObjectURL(new Blob([asCsv(got)], { type: "text/csv" }));
  return make("a", { href: address, download: `${name}.csv`, text: "Download CSV of what is shown" });
}

function table({ columns, rows }) {
  if (!rows.length) return make("p", { text: "No row." });
  const body = rows.map((row) => make("tr", {}, ...row.map((cell) => make("td", {
    class: isNumber(cell) ? "number" : "", dir: "auto", text: cell ?? "",
  }))));
  const head = make("tr", {}, ...columns.map((name) => make("th", { scope: "col", text: name })));
  return make("div", { class: "table", tabindex: 0, role: "region", "aria-label": "Rows" },
    make("table", {}, make("thead", {}, head), make("tbody", {}, ...body)));
}

// One question at a time: it can be cancelled, and the next one ends it, on the server as well.
class Answer {
  constructor(place, name) {
    Object.assign(this, { place, name, running: null, address: null });
  }

  async ask(parameters, file) {
    const cancel = make("button", { type: "button", text: "Cancel", title: "Escape", onclick: () => this.cancel() });
    const running = { cancelled: false };
    this.running = running;
    this.show(make("p", { class: "row", "aria-live": "polite" }, "Asking the lake \u2026 ", cancel));
    try {
      const got = await ask(this.name, parameters, { only: this.name });
      if (got === null || this.running !== running) return;
      const rest = leftOut(got);
      const link = got.rows.length ? download(got, file) : null;
      this.show(...got.answer.map((text) => make("p", { text })), ...(rest ? [make("p", { class: "note", text: rest })] : []),
        table(got), ...(link ? [make("p", {}, link)] : []));
      this.address = link?.href ?? null;
    } catch (error) {
      if (this.running !== running) return;
      const text = error instanceof TypeError ? "The server has ended: start signverse explore again." : inWords(error);
      this.show(make("p", { role: "alert", text }));
    } finally {
      if (this.running === running) this.running = null;
    }
  }

  cancel() {
    if (this.running === null) return false;
    this.running = null;
    // Closes the connection, by which the server knows.
    stop(this.name);
    this.show(make("p", { "aria-live": "polite", text: "Cancelled." }));
    return true;
  }

  show(...children) {
    if (this.address) URL.revokeObjectURL(this.address);
    this.address = null;
    this.place.replaceChildren(...children);
  }
}

async function reports(state) {
  const known = await ask("reports");
  const place = make("div");
  const answer = new Answer(place, "reports");
  const summary = make("p");
  const choice = make("select", { "aria-label": "Report" }, ...known.map(({ name }) => make("option", { value: name, text: name })));
  const show = () => {
    const name = state.own.report ?? "languages";
    choice.value = name;
    summary.textContent = known.find((report) => report.name === name)?.summary ?? "";
    answer.ask([["name", name]], name);
  };
  choice.addEventListener("change", () => state.say("report", choice.value));
  show();
  return { show, answer, parts: [make("div", { class: "row" }, choice), summary, place] };
}

function sql(start) {
  const place = make("div");
  const answer = new Answer(place, "sql");
  const input = make("textarea", { rows: 6, "aria-label": "Statement that reads", spellcheck: "false" });
  input.value = start;
  const run = () => answer.ask([["query", input.value]], "rows");
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) run();
  });
  return { answer, parts: [input, make("div", { class: "row" },
    make("button", { type: "button", class: "main", text: "Run", title: "Ctrl+Enter", onclick: run })), place] };
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
  const asked = sql(words);
  place.replaceChildren(
    make("section", { "aria-labelledby": "sql-title" }, make("h2", { id: "sql-title", text: "SQL over the lake" }),
      make("p", { text: refused ?? "It begins with what the filters say, and may ask anything of the whole lake." }), ...asked.parts),
    make("section", { "aria-labelledby": "reports-title" }, make("h2", { id: "reports-title", text: "Reports" }), ...of.parts));
  const answers = [asked.answer, of.answer];
  const onKey = (event) => {
    if (event.key !== "Escape" || !answers.map((answer) => answer.cancel()).some(Boolean)) return;
    event.preventDefault();
  };
  document.addEventListener("keydown", onKey);
  return {
    update: of.show,
    close: () => {
      answers.forEach((answer) => answer.cancel());
      document.removeEventListener("keydown", onKey);
    },
  };
}
