// The pages: their names, and the modules that are loaded when one is opened for the first time.
//
// A module has `open(place, context)`: it fills the place, and gives an object whose `update()` is called when the
// address says something else (filters, or the page's own words), and `close()` when the page is left; either may lack.
// What they throw is told above the page. context: { state, about }; state.own holds the page's own words,
// state.say(name, value) changes one.
//
// filters: whether the filters on the left change what the page shows.
// own: the words that its address may hold beside the options of a selection.

export const PAGES = {
  clips: { title: "Clips", filters: true, own: [] },
  languages: { title: "Languages", filters: true, own: ["by"], load: () => import("./languages.js") },
  quality: { title: "Quality", filters: true, own: ["measure", "order"], load: () => import("./quality.js") },
  status: { title: "Status", filters: false, own: [], load: () => import("./status.js") },
  reports: { title: "SQL and reports", filters: false, own: ["report"], load: () => import("./tables.js") },
};
