// Hours by language and how balanced they are.

import { make } from "./dom.js";

export function open(place) {
  place.replaceChildren(make("p", { text: "Hours by language and how balanced they are: this page shows nothing yet." }));
}
