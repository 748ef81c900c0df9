// Confidence and coverage by language.

import { make } from "./dom.js";

export function open(place) {
  place.replaceChildren(make("p", { text: "Confidence and coverage by language: this page shows nothing yet." }));
}
