// The right side: one clip, playing.

import { ask, mediaAddress } from "./api.js";
import { byId, inWords, make, number } from "./dom.js";
import { ABSENT, place, readClip } from "./skeleton.js";
import { Strip, STRIPS } from "./strip.js";

const CHUNK = 960;
// Parts of so many frames whose points are kept on either side of the one that is seen.
const KEPT = 2;
const LABELS = { body: "Body", face: "Face", left_hand: "Left hand", right_hand: "Right hand" };
const seconds = (value) => `${value.toFixed(2)} s`;

export class Player extends EventTarget {
  constructor(state, about, painter, picks) {
    super();
    Object.assign(this, { state, about, painter, picks });
    this.root = byId("player");
    this.parts = new Set(["body", "face", "left_hand", "right_hand"]);
    this.hidden = new Set();
    this.speed = 1;
    this.background = true;
    this.turn = 0;
    this.clip = null;
    this.chunks = new Map();
    picks.addEventListener("change", () => this.markPick());
    addEventListener("resize", () => this.clip && this.draw());
  }

  close() {
    this.turn += 1;
    this.pause();
    this.clip = null;
    // What is still on its way belongs to nothing then.
    this.chunks = new Map();
    this.root.hidden = true;
    this.root.replaceChildren();
  }

  async open(id, time) {
    const turn = ++this.turn;
    this.pause();
    this.root.hidden = false;
    let clip;
    try {
      clip = await ask("clip", [["id", id]], { only: "clip" });
    } catch (error) {
      this.fail(id, error);
      return;
    }
    if (clip === null || turn !== this.turn) return;
    this.clip = clip;
    this.chunks = new Map();
    this.hidden = new Set();
    this.cues = [];
    this.build(clip);
    this.seek(Math.min(Math.floor(time * this.about.fps), clip.clip.num_frames - 1), false);
    ask("captions", [["id", id]], { only: "captions" }).then((cues) => {
      if (cues && turn === this.turn) this.showCues(cues);
    }, () => {});
    await this.chunk(this.frame);
    if (turn !== this.turn) return;
    this.draw();
    if (!time && !matchMedia("(prefers-reduced-motion: reduce)").matches) this.play();
    this.readOn();
  }

  fail(id, error) {
    this.clip = null;
    this.chunks = new Map();
    this.root.replaceChildren(
      make("div", { class: "row" }, make("h2", { text: id }), this.button("Close", () => this.state.open(null))),
      make("p", { role: "alert", text: inWords(error) }));
  }

  button(text, act, more = {}) { return make("button", { type: "button", text, onclick: act, ...more }); }

  build(clip) {
    this.pickButton = this.button("Pick", () => this.picks.toggle(clip.id), { title: "p" });
    this.canvas = make("canvas", { role: "img", "aria-label": "Skeletons of the people in this clip" });
    this.message = make("div", { class: "message", hidden: true });
    this.caption = make("div", { class: "caption", dir: "auto", lang: clip.clip.text_language, text: clip.text ?? "" });
    this.video = clip.media ? make("video", { src: mediaAddress(clip.id), muted: true, playsinline: true, preload: "auto" }) : null;
    if (this.video) {
      this.video.muted = true;
      this.video.hidden = !this.background;
      this.video.addEventListener("error", () => this.withoutVideo());
    }
    this.nobody = make("p", { class: "nobody", hidden: true });
    this.stage = make("div", { class: "stage" }, this.video, this.canvas, this.nobody, this.message, this.caption);
    this.playButton = this.button("Play", () => this.toggle(), { title: "space" });
    this.scrub = make("input", {
      class: "scrub", type: "range", min: 0, max: clip.clip.num_frames - 1, step: 1, value: 0, "aria-label": "Frame",
    });
    this.scrub.addEventListener("input", () => { this.pause(); this.seek(Number(this.scrub.value)); });
    this.time = make("span", { class: "time clock" });
    this.strip = new Strip(this.about.parts, clip.clip.num_frames, CHUNK);
    this.strip.canvas.addEventListener("click", (event) => {
      const { left, width } = this.strip.canvas.getBoundingClientRect();
      this.pause();
      this.seek(Math.floor(((event.clientX - left) / width) * clip.clip.num_frames));
    });
    const speed = make("select", { "aria-label": "Speed" },
      ...[0.25, 0.5, 1, 1.5, 2].map((value) => make("option", { value, text: `${value}×` })));
    speed.value = String(this.speed);
    speed.addEventListener("change", () => { this.speed = Number(speed.value); this.restart(); });
    const toggles = this.about.parts.map(({ name }) => this.button(LABELS[name], (event) => {
      if (this.parts.has(name)) this.parts.delete(name);
      else this.parts.add(name);
      event.currentTarget.setAttribute("aria-pressed", String(this.parts.has(name)));
      this.draw();
    }, { "aria-pressed": String(this.parts.has(name)) }));
    this.people = make("div", { class: "row" });
    this.tracks = make("div");
    this.root.replaceChildren(
      make("div", { class: "row" }, make("h2", { text: clip.video.title ?? clip.id, dir: "auto" }), this.pickButton,
        this.button("Close", () => this.state.open(null), { title: "Esc" })),
      this.stage, this.scrub,
      make("div", { class: "row" }, this.playButton,
        this.button("◂", () => this.nudge(-1), { "aria-label": "One frame back", title: "," }),
        this.button("▸", () => this.nudge(1), { "aria-label": "One frame on", title: "." }), speed, this.time),
      make("div", { class: "row" }, ...toggles, clip.media ? this.button("Video", (event) => {
        this.background = !this.background;
        event.currentTarget.setAttribute("aria-pressed", String(this.background));
        this.video.hidden = !this.background;
      }, { "aria-pressed": String(this.background) }) : null),
      this.people, this.strip.canvas,
      make("div", { class: "legend" }, "Confidence:", ...STRIPS.map(([name, colour]) => {
        const dot = make("i");
        dot.style.background = colour;
        return make("span", {}, dot, LABELS[name]);
      })),
      ...(clip.text ? [make("h3", { text: "Caption" }), make("p", { dir: "auto", lang: clip.clip.text_language, text: clip.text })] : []),
      this.tracks,
      make("h3", { text: "Neighbours" }), this.neighbours(clip),
      make("h3", { text: "Clip" }), this.table({ id: clip.id, language: `${clip.language_name} (${clip.language})`, ...clip.clip }),
      make("h3", { text: "Video" }), this.table({ video_id: clip.video_id, ...clip.video }),
      ...this.sentences("Repairs", clip.repairs), ...this.sentences("Events", clip.events));
    this.markPick();
  }

  sentences(title, lines) {
    return lines.length ? [make("h3", { text: title }), make("ul", {}, ...lines.map((text) => make("li", { text })))] : [];
  }

  table(rows) {
    const shown = Object.entries(rows).filter(([, value]) => value !== null && value !== undefined);
    return make("dl", {}, ...shown.flatMap(([name, value]) => {
      const isNumber = typeof value === "number" && !Number.isInteger(value);
      const text = isNumber ? String(Math.round(value * 1000) / 1000) : String(value);
      return [make("dt", { text: name.replaceAll("_", " ") }), make("dd", { text, dir: "auto" })];
    }));
  }

  neighbours(clip) {
    return make("div", { class: "neighbours" }, ...clip.neighbours.map((other) => this.button(
      other.text ?? other.id, () => this.state.open(other.id),
      { dir: "auto", "aria-current": other.id === clip.id ? "true" : null, disabled: other.id === clip.id })));
  }

  showCues(cues) {
    const byTrack = Map.groupBy ? Map.groupBy(cues, (cue) => cue.track) : group(cues);
    this.cues = [];
    this.tracks.replaceChildren(...[...byTrack].map(([track, own]) => make("details", {},
      make("summary", { text: `Track ${track}: ${own[0].kind}, ${own[0].language ?? "?"}` }),
      ...own.map((cue) => {
        const line = make("div", { class: "cue" }, make("span", { class: "time", text: seconds(cue.start_s) }),
          make("span", { dir: "auto", lang: cue.language, text: cue.text }));
        this.cues.push({ ...cue, line });
        return line;
      }))));
  }

  showPeople(clip) {
    if (clip.people < 2 || this.people.childElementCount) return;
    this.people.replaceChildren("People", ...Array.from(clip.numbers, (one) => this.button(String(one), (event) => {
      if (this.hidden.has(one)) this.hidden.delete(one);
      else this.hidden.add(one);
      event.currentTarget.setAttribute("aria-pressed", String(!this.hidden.has(one)));
      this.draw();
    }, { "aria-pressed": "true", "aria-label": one === 0 ? "Person 0, the primary signer" : `Person ${one}` })));
  }

  markPick() {
    if (!this.clip || !this.pickButton) return;
    const picked = this.picks.has(this.clip.id);
    this.pickButton.setAttribute("aria-pressed", String(picked));
    this.pickButton.textContent = picked ? "Picked" : "Pick";
  }

  withoutVideo() {
    if (!this.video) return;
    this.video.remove();
    this.video = null;
    this.say("The browser cannot play this video; the skeleton goes on without it");
    setTimeout(() => this.say(""), 4000);
  }

  say(text) {
    this.message.textContent = text;
    this.message.hidden = !text;
  }

  // The points around a frame; fetched where they are not here.
  async chunk(frame) {
    const index = Math.floor(frame / CHUNK);
    if (!this.chunks.has(index)) {
      const { chunks } = this;
      chunks.set(index, null);
      try {
        const parameters = [["id", this.clip.id], ["start", index * CHUNK], ["count", CHUNK]];
        chunks.set(index, readClip(await ask("points", parameters, { binary: true })));
      } catch (error) {
        chunks.set(index, false);
        if (chunks === this.chunks) this.say(inWords(error));
        return null;
      }
      if (chunks !== this.chunks) return null;
      this.showPeople(chunks.get(index));
      this.strip.add(index, chunks.get(index));
      this.forget();
      this.draw();
    }
    return this.chunks.get(index) || null;
  }

  seek(frame, keep = true) {
    if (!this.clip) return;
    this.frame = Math.max(0, Math.min(frame, this.clip.clip.num_frames - 1));
    if (this.video) this.video.currentTime = (this.clip.clip.start_frame + this.frame + 0.5) / this.about.fps;
    if (keep) this.state.at(this.frame / this.about.fps);
    this.draw();
  }

  nudge(by) {
    this.pause();
    this.seek(this.frame + by);
  }

  toggle() {
    if (this.playing) this.pause(true);
    else this.play();
  }

  pause(keep = false) {
    this.playing = false;
    this.video?.pause();
    if (this.playButton) this.playButton.textContent = "Play";
    if (keep && this.clip) this.state.at(this.frame / this.about.fps);
  }

  restart() { if (this.playing) { this.playing = false; this.play(); } }

  play() {
    if (!this.clip) return;
    if (this.frame >= this.clip.clip.num_frames - 1) this.seek(0);
    this.playing = true;
    this.playButton.textContent = "Pause";
    const run = {};
    this.run = run;
    const first = this.frame;
    const start = performance.now();
    const { fps } = this.about;
    if (this.video) {
      this.video.playbackRate = this.speed;
      this.video.play().catch(() => {});
    }
    // The time of the picture that is on the screen, where the browser tells it; else the clock of the video, which
    // may be a frame ahead of what is seen.
    let shown = null;
    if (this.video?.requestVideoFrameCallback) {
      const { video } = this;
      const onPicture = (_, { mediaTime }) => {
        if (this.run !== run || this.video !== video) return;
        shown = mediaTime;
        if (this.playing) video.requestVideoFrameCallback(onPicture);
      };
      video.requestVideoFrameCallback(onPicture);
    }
    const step = () => {
      if (!this.playing || this.run !== run || !this.clip) return;
      // Beside a video its own clock counts: what is seen belongs together.
      const frame = this.video && !this.video.paused && this.video.readyState > 1
        ? Math.floor((shown ?? this.video.currentTime) * fps + 1e-3) - this.clip.clip.start_frame
        : first + Math.floor(((performance.now() - start) / 1000) * fps * this.speed);
      if (frame >= this.clip.clip.num_frames) {
        this.frame = 0;
        if (this.video) this.video.currentTime = (this.clip.clip.start_frame + 0.5) / fps;
        this.restart();
        return;
      }
      if (frame !== this.frame) {
        this.frame = Math.max(0, frame);
        this.draw();
      }
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  draw() {
    if (!this.clip || !this.canvas?.isConnected) return;
    const { width, height } = this.clip.video;
    const wide = width || 16;
    const high = height || 9;
    const ratio = Math.min(2, devicePixelRatio || 1);
    const shown = Math.max(1, Math.round(this.stage.clientWidth * ratio));
    this.canvas.width = shown;
    this.canvas.height = Math.round((shown * high) / wide);
    const context = this.canvas.getContext("2d");
    const points = this.chunks.get(Math.floor(this.frame / CHUNK));
    if (points === undefined) this.chunk(this.frame);
    if (points) {
      const frame = this.frame % CHUNK;
      for (let person = 0; person < points.people && frame < points.frames; person++) {
        if (this.hidden.has(points.numbers[person])) continue;
        this.painter.draw(context, place(points, person, frame), shown / wide, 0, 0, this.parts);
      }
    }
    this.sayWhoIsAbsent(points);
    this.scrub.value = this.frame;
    const at = this.frame / this.about.fps;
    this.time.textContent = `${seconds(at)}, frame ${number(this.frame)} of ${number(this.clip.clip.num_frames)}`;
    for (const cue of this.cues) cue.line.classList.toggle("now", cue.start_s <= at && at < cue.end_s);
    this.strip.cursor(this.frame);
  }

  // In words, where there is nothing to draw: an empty picture may as well be one that has not come.
  sayWhoIsAbsent(points) {
    const frame = this.frame % CHUNK;
    let text = "";
    if (points === null || points === undefined) text = "Reading …";
    else if (points && !isSomebodyIn(points, frame)) {
      const { first, last } = absence(points, frame);
      const start = this.frame - frame;
      const whole = first === 0 && last === points.frames && points.frames >= this.clip.clip.num_frames;
      text = whole ? "Nobody is in this clip"
        : `Nobody here, ${seconds((start + first) / this.about.fps)} to ${seconds((start + last) / this.about.fps)}`;
    }
    if (text === this.nobody.textContent) return;
    this.nobody.textContent = text;
    this.nobody.hidden = !text;
  }

  // The rest of a long clip, a part after the other, so that the strip covers all of it.
  async readOn() {
    const { strip, turn } = this;
    for (let index = 0; index < strip.count; index++) {
      if (!strip.has(index)) await this.chunk(index * CHUNK);
      if (turn !== this.turn || this.chunks.get(index) === false) return;
    }
  }

  // Of a clip of hours the points around the frame that is seen are kept.
  forget() {
    const here = Math.floor(this.frame / CHUNK);
    for (const [index, points] of this.chunks) if (points && Math.abs(index - here) > KEPT) this.chunks.delete(index);
  }
}

// Whether anybody has a point in a frame.
function isSomebodyIn(points, frame) {
  for (let person = 0; person < points.people; person++) {
    const { xy } = place(points, person, frame);
    for (let i = 0; i < xy.length; i += 2) if (xy[i] !== ABSENT) return true;
  }
  return false;
}

// The frames around one, of those that are here, in which nobody is: [first, last).
function absence(points, frame) {
  points.absent ??= Array.from({ length: points.frames }, (_, at) => !isSomebodyIn(points, at));
  let first = frame;
  let last = frame + 1;
  while (first > 0 && points.absent[first - 1]) first--;
  while (last < points.frames && points.absent[last]) last++;
  return { first, last };
}

function group(cues) {
  const found = new Map();
  for (const cue of cues) found.set(cue.track, [...(found.get(cue.track) ?? []), cue]);
  return found;
}
