// The left side: every option of a selection, those with counts first.

import { byId, debounced, make, number } from "./dom.js";

const NAMES = {
  language: "Language", split: "Split", "caption-kind": "Caption kind", english: "English captions", channel: "Channel",
};
const SCORES = [
  ["right_hand_confidence", "right_hand", "Right hand, confidence"],
  ["left_hand_confidence", "left_hand", "Left hand, confidence"],
  ["face_confidence", "face", "Face, confidence"],
  ["body_confidence", "body", "Body, confidence"],
];
const MORE = [
  "text-regex", "video", "where", "ingested-after", "ingested-before", "per-language", "hours", "temperature", "limit",
  "seed",
];

// What a field shows is what the address says, but for the one that a person is typing into.
function follows(input, said) {
  const show = () => { if (document.activeElement !== input) input.value = said(); };
  input.addEventListener("blur", show);
  return show;
}

export class Filters {
  constructor(state, about) {
    this.state = state;
    this.about = about;
    this.root = byId("filters");
    this.lists = new Map();
    this.bars = new Map();
    this.inputs = [];
    this.build();
  }

  build() {
    this.root.append(this.search());
    for (const name of ["language", "split", "caption-kind", "english", "channel"]) this.root.append(this.list(name));
    this.root.append(this.captioned());
    this.root.append(this.range("seconds", "Seconds", "min-duration", "max-duration", 0.5));
    for (const [measure, part, label] of SCORES) this.root.append(this.slider(measure, label, "min-confidence", part));
    this.root.append(this.slider("hands_seen", "Both hands seen", "min-hands-seen"));
    this.root.append(this.slider("coverage", "Signer seen", "min-coverage"));
    this.root.append(this.range("people", "People", "min-people", "max-people", 1));
    this.root.append(make("details", {}, make("summary", { text: "More" }), ...MORE.map((name) => this.text(name))));
    this.update();
  }

  search() {
    const input = make("input", {
      type: "search", id: "search", placeholder: "Search captions", "aria-label": "Search captions", dir: "auto",
      title: this.about.options.text,
    });
    const apply = debounced(150, () => this.state.set("text", input.value ? [input.value] : []));
    input.addEventListener("input", apply);
    this.inputs.push(follows(input, () => this.state.values("text").at(-1) ?? ""));
    return make("fieldset", {}, input);
  }

  list(name) {
    const box = make("div", { class: "values" });
    const field = make("fieldset", { title: this.about.options[name], hidden: true }, make("legend", { text: NAMES[name] }), box);
    this.lists.set(name, { box, field });
    return field;
  }

  captioned() {
    const select = make("select", { "aria-label": "Captions" },
      make("option", { value: "", text: "with or without a caption" }),
      make("option", { value: "captioned", text: "with a caption" }),
      make("option", { value: "uncaptioned", text: "without a caption" }));
    select.addEventListener("change", () => {
      this.state.set(select.value === "captioned" ? "uncaptioned" : "captioned", []);
      if (select.value) this.state.set(select.value, [""]);
      else this.state.set("uncaptioned", []);
    });
    this.inputs.push(() => {
      const set = ["captioned", "uncaptioned"].filter((name) => this.state.values(name).length);
      select.value = set.at(-1) ?? "";
    });
    return make("fieldset", {}, make("legend", { text: "Captions" }), select);
  }

  bounds(measure) {
    const bars = make("div", { class: "bars", "aria-hidden": "true" });
    this.bars.set(measure, bars);
    return make("div", {}, bars, make("small", { hidden: true }));
  }

  slider(measure, label, option, part = null) {
    const input = make("input", { type: "range", min: 0, max: 1, step: 0.05, "aria-label": `${label}, at least` });
    const output = make("span", { class: "value", text: "any" });
    const apply = debounced(80, () => {
      const own = part ? `${part}=${input.value}` : input.value;
      const others = this.state.values(option).filter((value) => part && !value.startsWith(`${part}=`));
      this.state.set(option, Number(input.value) > 0 ? [...others, own] : others);
    });
    input.addEventListener("input", () => {
      output.textContent = Number(input.value) > 0 ? input.value : "any";
      apply();
    });
    this.inputs.push(() => {
      const set = this.state.values(option).filter((value) => !part || value.startsWith(`${part}=`)).at(-1);
      input.value = set === undefined ? 0 : Number(part ? set.slice(part.length + 1) : set);
      output.textContent = set === undefined ? "any" : String(part ? set.slice(part.length + 1) : set);
      this.shade(measure, Number(input.value), Infinity);
    });
    return make("fieldset", { title: this.about.options[option] }, make("legend", { text: label }),
      this.bounds(measure), make("div", { class: "bound" }, input, output));
  }

  range(measure, label, least, most, step) {
    const field = (option, text) => {
      const input = make("input", { type: "number", min: 0, step, placeholder: text, "aria-label": `${label}, ${text}` });
      input.addEventListener("change", () => this.state.set(option, input.value === "" ? [] : [input.value]));
      return input;
    };
    const low = field(least, "at least");
    const high = field(most, "at most");
    const leastSaid = () => this.state.values(least).at(-1) ?? "";
    const mostSaid = () => this.state.values(most).at(-1) ?? "";
    this.inputs.push(follows(low, leastSaid), follows(high, mostSaid), () => {
      this.shade(measure, Number(leastSaid()), mostSaid() === "" ? Infinity : Number(mostSaid()));
    });
    return make("fieldset", {}, make("legend", { text: label }), this.bounds(measure),
      make("div", { class: "bound" }, low, high));
  }

  text(name) {
    const input = make("input", { type: "text", id: `option-${name}`, autocomplete: "off", spellcheck: "false" });
    // An option that is repeatable takes its values with commas; ids of videos hold none.
    const several = name === "video";
    input.addEventListener("change", () => {
      const values = several ? input.value.split(",").map((text) => text.trim()) : [input.value.trim()];
      this.state.set(name, values.filter(Boolean));
    });
    this.inputs.push(follows(input, () => this.state.values(name).join(", ")));
    return make("label", {}, name, input, make("small", { text: this.about.options[name] }));
  }

  shade(measure, least, most) {
    const bars = this.bars.get(measure);
    for (const bar of bars?.children ?? []) {
      const from = Number(bar.dataset.from);
      bar.classList.toggle("out", from + 1e-9 < least || from > most);
    }
  }

  update() {
    for (const show of this.inputs) show();
    for (const [name, { box }] of this.lists) {
      const set = new Set(this.state.values(name));
      for (const input of box.querySelectorAll("input")) input.checked = set.has(input.value);
    }
  }

  counts(facets) {
    for (const [name, { box, field }] of this.lists) {
      const set = this.state.values(name);
      const known = new Map(facets[name]);
      for (const value of set) if (!known.has(value)) known.set(value, null);
      field.hidden = known.size === 0;
      const single = name === "split";
      const held = box.contains(document.activeElement) ? document.activeElement.value : null;
      const top = box.scrollTop;
      box.replaceChildren(...[...known].map(([value, clips]) => {
        const input = make("input", { type: "checkbox", value });
        input.checked = set.includes(value);
        input.addEventListener("change", () => {
          const others = single ? [] : this.state.values(name).filter((other) => other !== value);
          this.state.set(name, input.checked ? [...others, value] : others);
        });
        const shown = name === "language" ? this.about.languages[value] ?? value : value;
        return make("label", { class: clips ? "" : "none", title: value }, input,
          make("span", { class: "name", dir: "auto", text: shown }),
          make("span", { class: "clips", text: clips === null ? "" : number(clips) }));
      }));
      box.scrollTop = top;
      if (held !== null) [...box.querySelectorAll("input")].find((input) => input.value === held)?.focus();
    }
    for (const [measure, bars] of this.bars) {
      const { from, clips, unknown } = facets.measures[measure];
      const note = bars.nextElementSibling;
      note.hidden = !unknown;
      note.textContent = `unknown in ${number(unknown)}, which no bound lets through`;
      const most = Math.max(1, ...clips);
      bars.replaceChildren(...from.map((edge, i) => {
        const bar = make("i", { "data-from": edge, title: `from ${Math.round(edge * 100) / 100}: ${number(clips[i])}` });
        bar.style.height = `${(100 * clips[i]) / most}%`;
        return bar;
      }));
    }
    for (const show of this.inputs) show();
  }
}

export function showChips(state) {
  const chips = state.options.map(([name, value]) => make("button", {
    type: "button", text: `${name}${value ? `: ${value}` : ""} ✕`, dir: "auto",
    "aria-label": `Take away the filter ${name} ${value}`,
    onclick: () => {
      const others = state.options.filter(([option, other]) => option === name && other !== value);
      state.set(name, others.map(([, other]) => other));
    },
  }));
  if (chips.length > 1) chips.push(make("button", { type: "button", text: "Clear all", onclick: () => state.clear() }));
  byId("chips").replaceChildren(...chips);
}
