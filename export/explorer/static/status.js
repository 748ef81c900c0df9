// The status of a corpus that is being built: what `signverse status --watch` tells, read again while it is looked at.

import { ask } from "./api.js";
import { inWords, make, number } from "./dom.js";

const EVERY_MS = 5000;
// Screen readers hear a sentence at most this often: figures change with each reading.
const SAID_EVERY_MS = 60_000;
const MOST = 12;

const counted = (count, noun) => `${number(count)} ${noun}${count === 1 ? "" : "s"}`;

function lasting(seconds) {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} minutes`;
  if (seconds < 172_800) return `${Math.round(seconds / 360) / 10} hours`;
  return `${Math.round(seconds / 8640) / 10} days`;
}

function size(bytes) {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let place = 0;
  let value = bytes;
  while (value >= 1000 && place < units.length - 1) { value /= 1000; place += 1; }
  return `${place ? value.toFixed(value < 10 ? 1 : 0) : value} ${units[place]}`;
}

const clock = (date) => date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = (date) => date.toLocaleString([], { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const ago = (now, text) => `${lasting(Math.max(0, (now - new Date(text)) / 1000))} ago`;

function share(part, whole) {
  const percent = (100 * part) / whole;
  if (part === whole) return "100 %";
  return percent > 0 && percent < 0.1 ? "< 0.1 %" : `${Math.min(99.9, percent).toFixed(1)} %`;
}

function bar(states, whole, label) {
  const parts = states.filter(({ videos }) => videos).map(({ name, videos }) => {
    const part = make("i", { "data-state": name, title: `${name}: ${number(videos)}` });
    part.style.flexGrow = videos / whole;
    return part;
  });
  return make("div", { class: "states", role: "img", "aria-label": label }, ...parts);
}

function table(caption, heads, rows) {
  const cell = (value, place) => make(place ? "td" : "th", {
    scope: place ? null : "row", class: typeof value === "number" ? "number" : null, dir: "auto",
  }, value instanceof Node ? value : typeof value === "number" ? number(value) : value ?? "");
  return make("div", { class: "table", tabindex: 0, role: "region", "aria-label": caption },
    make("table", {}, make("caption", { text: caption }),
      make("thead", {}, make("tr", {}, ...heads.map(([text, isNumber]) => make("th", { scope: "col", class: isNumber ? "number" : null, text })))),
      make("tbody", {}, ...rows.map((row) => make("tr", {}, ...row.map(cell))))));
}

const fact = (name, ...value) => [make("dt", { text: name }), make("dd", {}, ...value)];

class Status {
  constructor(place) {
    this.figures = make("div", { class: "figures" });
    this.when = make("p", { class: "time" });
    this.said = make("p", { class: "unseen", "aria-live": "polite" });
    this.saidAt = -Infinity;
    this.timer = 0;
    this.closed = false;
    this.at = null;
    place.replaceChildren(make("h2", { text: "Status" }), this.when, this.said, this.figures);
    this.onVisible = () => { if (!document.hidden) this.read(); else this.showWhen(); };
    document.addEventListener("visibilitychange", this.onVisible);
    this.figures.append(make("p", { text: "Asking the lake \u2026" }));
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
    document.removeEventListener("visibilitychange", this.onVisible);
  }

  async read() {
    clearTimeout(this.timer);
    try {
      const got = await ask("status", [], { only: "status" });
      if (got === null || this.closed) return;
      this.failed = null;
      this.at = new Date(got.at);
      this.show(got);
      this.say(got);
    } catch (error) {
      if (this.closed) return;
      // The figures that were read stay, and it is tried again.
      this.failed = error instanceof TypeError ? "The server has ended: start signverse explore again." : inWords(error);
      if (this.at === null) this.figures.replaceChildren();
    }
    this.showWhen();
    if (!document.hidden) this.timer = setTimeout(() => this.read(), EVERY_MS);
  }

  showWhen() {
    const from = this.at === null ? "" : `Figures from ${clock(this.at)}. `;
    const next = document.hidden ? "Paused while the page is not seen." : "Read again every 5 seconds while the page is seen.";
    this.when.replaceChildren(this.failed ? make("span", { class: "wrong", role: "alert", text: `${from}${this.failed}` }) : `${from}${next}`);
  }

  say(got) {
    if (performance.now() - this.saidAt < SAID_EVERY_MS) return;
    this.saidAt = performance.now();
    this.said.textContent = `${number(got.states[0].videos)} of ${counted(got.listed, "video")} in the lake${left(got)}.`;
  }

  show(got) {
    const now = new Date(got.at);
    // What a person looks at stays where it is while it is written anew.
    const held = this.figures.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
    const scrolled = new Map([...this.figures.querySelectorAll(".table")].map((one) => [one.getAttribute("aria-label"), [one.scrollLeft, one.scrollTop]]));
    this.figures.replaceChildren(...(got.job || got.listed ? [
      ...this.progress(got), make("dl", {}, ...this.facts(got, now)), ...this.runs(got), ...this.causes(got), ...this.newest(got, now),
      ...this.languages(got),
    ] : []), ...this.command(got));
    for (const one of this.figures.querySelectorAll(".table")) {
      const [x, y] = scrolled.get(one.getAttribute("aria-label")) ?? [0, 0];
      one.scrollTo(x, y);
      if (held !== null && one.getAttribute("aria-label") === held) one.focus();
    }
  }

  progress({ states, listed, ...got }) {
    if (!listed) return [];
    const label = states.map(({ name, videos }) => `${number(videos)} ${name}`).join(", ");
    const ended = new Set(["in the lake", "unavailable"]);
    const done = states.filter(({ name }) => ended.has(name)).reduce((sum, { videos }) => sum + videos, 0);
    return [
      make("p", { class: "big" }, make("strong", { text: number(states[0].videos) }), ` of ${counted(listed, "video")} in the lake`,
        make("span", { class: "soft", text: ` \u2013 ${share(done, listed)} settled${left(got)}` })),
      bar(states, listed, label),
      make("ul", { class: "legend states-legend" }, ...states.map(({ name, videos }) => make("li", {},
        make("i", { "data-state": name, "aria-hidden": "true" }), `${number(videos)} ${name}`))),
    ];
  }

  facts(got, now) {
    const kinds = Object.entries(got.captions).map(([kind, videos]) => `${number(videos)} ${kind === "none" ? "without" : kind}`);
    const rate = got.downloaded_an_hour || got.extracted_an_hour
      ? `${number(Math.round(got.downloaded_an_hour))} videos an hour downloaded, ${number(Math.round(got.extracted_an_hour))} extracted`
      : "nothing was downloaded or extracted";
    const facts = [
      ...fact("Last hour", rate),
      ...fact("Done", got.hours_left === null ? "not known: nothing was extracted in the last hour"
        : got.hours_left === 0 ? "nothing is left to do"
          : `in about ${lasting(got.hours_left * 3600)}, ${day(new Date(now.getTime() + got.hours_left * 3_600_000))}`),
      ...fact("Newest attempt", got.last_attempt === null ? "none is recorded" : ago(now, got.last_attempt)),
      ...fact("In the lake", `${lasting(got.hours * 3600)} of video${kinds.length ? `; captions: ${kinds.join(", ")}` : ""}`),
    ];
    if (got.media_videos !== null) {
      facts.push(...fact("Media folder", `${counted(got.media_videos, "video")}, ${size(got.media_bytes)}; ` +
        `${number(got.unfinished_videos)} unfinished, ${size(got.unfinished_bytes)}; ${size(got.free_bytes)} free`));
    }
    if (got.invalid) facts.push(...fact("Invalid ids", number(got.invalid)));
    if (got.came_back) facts.push(...fact("Came back", `${counted(got.came_back, "video")} that had been unavailable`));
    return facts;
  }

  runs({ runs, media_videos: media }) {
    if (media === null) return [make("p", { class: "soft", text: "Which runs are at work is written in the media folder: signverse explore --media DIR shows them." })];
    if (!runs.length) return [make("p", { text: "No run is at work in the media folder." })];
    const rows = runs.slice(0, MOST).map(({ host, pid, state, silent_s: silent }) => [host, pid === null ? "" : String(pid), state, `${lasting(silent)} ago`]);
    const rest = runs.length > MOST ? [make("p", { text: `${number(runs.length - MOST)} more runs.` })] : [];
    return [table("Runs that share the media folder", [["machine"], ["process"], ["state"], ["last sign of life"]], rows), ...rest];
  }

  causes({ causes }) {
    if (!causes.length) return [];
    const rows = causes.slice(0, MOST).map((cause) => [cause.state, cause.videos, cause.reason ?? "unknown", cause.stage, cause.next_step]);
    const rest = causes.length > MOST ? [make("p", { text: `${number(causes.length - MOST)} more causes: signverse status --format json` })] : [];
    return [table("Why videos are missing", [["state"], ["videos", true], ["reason"], ["stage"], ["what to do"]], rows), ...rest];
  }

  newest({ newest }, now) {
    if (!newest.length) return [];
    const rows = newest.map((one) => [one.video_id, ago(now, one.at), `${one.state}: ${one.reason ?? "unknown"}`, one.message ?? "", one.next_step]);
    return [table("Newest failures", [["video"], ["when"], ["what"], ["message"], ["what to do"]], rows)];
  }

  languages({ languages, states }) {
    if (!languages.length) return [];
    const row = (name, one) => [name, one.videos, bar(states.map((state) => ({ name: state.name, videos: one[state.name] })), one.videos,
      states.filter((state) => one[state.name]).map((state) => `${number(one[state.name])} ${state.name}`).join(", ")),
      ...states.map((state) => one[state.name])];
    return [table("By language", [["language"], ["videos", true], ["progress"], ...states.map(({ name }) => [name, true])],
      languages.map((one) => row(one.name || one.sign_language || "unknown", one)))];
  }

  command(got) {
    const text = got.listed === 0 && !got.job ? "No job has written into this lake: nothing is listed, and nothing was tried. This command starts one:"
      : !got.job ? "No job has recorded an attempt: what is here came ready-made. This command downloads and extracts more:"
        : got.hours_left === 0 ? "Nothing is left to do. This command goes on with another list:" : "The same on a terminal:";
    const command = got.job && got.hours_left !== 0 ? got.watch : got.start;
    return [make("p", { text }), make("pre", { text: command })];
  }
}

function left({ hours_left: hours }) {
  return hours ? `, about ${lasting(hours * 3600)} left` : "";
}

export async function open(place) {
  const page = new Status(place);
  await page.read();
  return page;
}
