// The page of `signverse explore`. Start here: what follows what.

import { api, ask, send } from "./api.js";
import { byId, inWords, lasting, make, number } from "./dom.js";
import { Filters, showChips } from "./filters.js";
import { Grid } from "./grid.js";
import { Navigation } from "./navigation.js";
import { Picks } from "./picks.js";
import { Player } from "./player.js";
import { Painter } from "./skeleton.js";
import { State } from "./state.js";

const KEYS = [
  ["/", "search captions"], ["j k, arrows", "next and previous clip"], ["Enter", "open the clip"], ["space", "play, pause"],
  [", .", "frame by frame"], ["p", "pick"], ["Esc", "close; cancel a statement"],
  ["1 to 5", "the pages, as they stand at the top"], ["?", "this help"],
];

const state = new State();
const picks = new Picks();
let about = null;
let grid = null;
let player = null;
let filters = null;
let navigation = null;
let listed = null;
// Of the clips on the screen: "first" while the server reads the lake, then "all".
let known = null;

const told = new Map();

// By what it is about: "clips", "page" or "lake", each of which takes back what it said by saying nothing.
function notice(about, text, reloads = false) {
  told.set(about, { text, reloads });
  const said = [...told.values()].filter((one) => one.text);
  const box = byId("notice");
  box.hidden = !said.length;
  box.querySelector("span").textContent = [...new Set(said.map((one) => one.text))].join(" ");
  box.querySelector("button").hidden = !said.some((one) => one.reloads);
}

function failed(error, of = "clips") {
  if (error.changed) notice("lake", "The lake has changed since this page was made.", true);
  else notice(of, inWords(error));
}

function showReading({ read, of }) {
  if (known !== "all") byId("count").textContent = `Reading the lake: ${number(read)} of ${number(of)} clips …`;
}

// Until the server has read the lake.
async function follow(reading) {
  while (reading) {
    showReading(reading);
    await new Promise((done) => { setTimeout(done, 300); });
    ({ reading } = await ask("state"));
  }
}

// No number of clips stands beside filters that are refused.
function refused(error) {
  byId("count").textContent = "";
  failed(error);
}

async function refresh() {
  showChips(state);
  filters.update();
  const options = JSON.stringify(state.options);
  const parameters = [...state.options, ["count", 60]];
  let got;
  try {
    got = await ask("rows", state.clip ? [...parameters, ["id", state.clip]] : parameters, { only: "rows" });
  } catch (error) {
    if (state.clip && !error.changed) {
      // A link may name a clip that this lake lacks: the player says so, and the grid stands.
      try { got = await ask("rows", parameters, { only: "rows" }); } catch (other) { refused(other); return; }
    } else { refused(error); return; }
  }
  if (got === null) return;
  notice("clips", state.unknown === null ? "" : `There is no page ${JSON.stringify(state.unknown)}: these are the clips.`);
  const held = known === "first";
  known = got.reading ? "first" : "all";
  if (got.reading) {
    showReading(got.reading);
    if (state.page === "clips") grid.show({ ...got, clips: got.rows.length });
    return;
  }
  byId("count").textContent = `${number(got.clips)} ${got.clips === 1 ? "clip" : "clips"} of ${number(got.videos)} ` +
    `${got.videos === 1 ? "video" : "videos"}, ${lasting(got.frames, about.fps)}`;
  byId("nothing").hidden = got.clips > 0;
  byId("nothing").textContent = about.is_empty ? "The lake is empty." : "No clip matches. Take a filter away.";
  // Where they are not seen there is nothing to measure: they are asked for again when they are.
  if (state.page === "clips") {
    grid.show(got, got.place, held);
    listed = options;
  }
  try {
    const facets = await ask("facets", state.options, { only: "facets" });
    if (facets) filters.counts(facets);
  } catch (error) { failed(error); }
}

function showDialog(title, ...children) {
  byId("dialog-title").textContent = title;
  byId("dialog-body").replaceChildren(...children);
  byId("dialog").showModal();
}

async function showCommand() {
  try {
    const { command, sql } = await ask("command", state.options);
    const copy = (text) => make("button", {
      type: "button", text: "Copy", onclick: () => navigator.clipboard?.writeText(text),
    });
    showDialog("What is on the screen", make("h3", { text: "Command" }), make("pre", { text: command }), copy(command),
      make("h3", { text: "SQL, for signverse sql" }), make("pre", { text: sql }), copy(sql));
  } catch (error) { failed(error); }
}

function showPicks() {
  const list = make("ul", {}, ...[...picks.ids].map((id) => make("li", {},
    make("button", { type: "button", text: id, onclick: () => { byId("dialog").close(); state.go("clips"); state.open(id); } }), " ",
    make("button", { type: "button", text: "Take out", onclick: () => { picks.toggle(id); showPicksAgain(); } }))));
  const where = picks.refused ? picks.refused.message : `Saved in ${picks.file}, which signverse export takes as a selection.`;
  const none = picks.refused || picks.ids.size ? null : make("p", { text: "No clip is picked yet: open one and press p, or Pick." });
  showDialog("Picks", none ?? make("p", { text: where }), list);
}

function showPicksAgain() {
  byId("dialog").close();
  showPicks();
}

function showHelp() {
  showDialog("Keys", make("dl", {}, ...KEYS.flatMap(([key, what]) =>
    [make("dt", {}, make("kbd", { text: key })), make("dd", { text: what })])),
  make("p", { text: "The address of this page holds the filters: a link shows the same." }));
}

function clipKeys(target) {
  const inList = target === byId("scroller") || target === document.body;
  const arrows = inList ? {
    ArrowRight: () => grid.step(1), ArrowLeft: () => grid.step(-1), ArrowDown: () => grid.step(grid.columns),
    ArrowUp: () => grid.step(-grid.columns), Home: () => grid.step(-Infinity), End: () => grid.step(Infinity),
    Enter: () => grid.step(0),
  } : {};
  const onButton = target.matches("button, a, summary, input");
  return {
    ...arrows,
    j: () => grid.step(1),
    k: () => grid.step(-1),
    ",": () => player.nudge(-1),
    ".": () => player.nudge(1),
    p: () => state.clip && picks.toggle(state.clip),
    ...(onButton ? {} : { " ": () => player.toggle() }),
  };
}

function openFilters(open) {
  byId("filters").classList.toggle("open", open);
  byId("toggle-filters").setAttribute("aria-expanded", String(open));
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || byId("dialog").open) return;
  const typing = event.target.matches("input:not([type=checkbox]):not([type=range]), textarea, select");
  if (event.key === "Escape") {
    if (typing) event.target.blur();
    else if (state.clip && state.page === "clips") state.open(null);
    return;
  }
  if (typing) return;
  const acts = { ...(state.page === "clips" ? clipKeys(event.target) : {}), "?": showHelp };
  if (navigation.filters) acts["/"] = () => { openFilters(true); byId("search").focus(); };
  for (let place = 1; place <= 5; place++) acts[place] = () => navigation.goTo(place);
  const act = Object.hasOwn(acts, event.key) ? acts[event.key] : null;
  if (!act) return;
  event.preventDefault();
  act();
}

async function watch() {
  // While a corpus is built its lake changes each minute, and this page is read again by itself.
  if (state.page === "status") return;
  try {
    const response = await fetch("/api/state");
    const { version, newest } = await response.json();
    const changed = version !== api.version || newest !== api.version;
    notice("lake", changed ? "The lake has changed." : "", changed);
  } catch {
    notice("lake", "The server has ended: start signverse explore again.");
  }
}

async function start() {
  try {
    about = await ask("about");
  } catch (error) {
    byId("count").textContent = "";
    notice("lake", inWords(error));
    return;
  }
  api.version = about.version;
  byId("lake-name").textContent = about.lake;
  const painter = new Painter(about);
  grid = new Grid(state, about, painter, picks);
  player = new Player(state, about, painter, picks);
  filters = new Filters(state, about);
  for (const part of [grid, picks]) part.addEventListener("failed", (event) => failed(event.detail));
  picks.addEventListener("change", () => { byId("pick-count").textContent = number(picks.ids.size); });
  picks.addEventListener("saved", () => { document.documentElement.dataset.saved = String(picks.ids.size); });
  state.addEventListener("options", refresh);
  state.addEventListener("clip", () => {
    if (state.clip && state.page === "clips") player.open(state.clip, state.time);
    else player.close();
  });
  navigation = new Navigation({ state, about, told: (error) => (error ? failed(error, "page") : notice("page", "")) }, {
    leave: () => player.close(),
    enter: () => {
      // Before the browser tells of its own that it scrolled: what was hidden may begin at its top again.
      grid.measure();
      if (state.clip) player.open(state.clip, state.time);
      if (listed !== JSON.stringify(state.options)) refresh();
    },
  });
  document.addEventListener("keydown", onKey);
  byId("show-command").addEventListener("click", showCommand);
  byId("show-picks").addEventListener("click", showPicks);
  byId("show-help").addEventListener("click", showHelp);
  byId("toggle-filters").addEventListener("click", () => openFilters(!byId("filters").classList.contains("open")));
  byId("notice").querySelector("button").addEventListener("click", async () => {
    try { await send("reload", {}); location.reload(); } catch (error) { failed(error); }
  });
  // Another page leaves the whole of a phone's screen to what it shows.
  state.addEventListener("page", () => openFilters(false));
  picks.load();
  if (state.clip && state.page === "clips") player.open(state.clip, state.time);
  const followed = follow(about.reading);
  // What fails is said below; a promise that nobody waits for yet would say it too.
  followed.catch(() => {});
  await Promise.all([navigation.show(), refresh()]);
  try {
    await followed;
    if (known === "first") await refresh();
  } catch (error) { failed(error); }
  document.documentElement.dataset.ready = "true";
  setInterval(watch, 15_000);
  addEventListener("focus", watch);
}

start();
