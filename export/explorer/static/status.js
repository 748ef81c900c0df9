// The status of a corpus that is being built.

import { make } from "./dom.js";

export function open(place) {
  place.replaceChildren(make("h2", { text: "Status" }), make("p", {
    text: "This page does not show the status of a corpus yet. In a terminal: signverse status CORPUS --watch",
  }));
}
