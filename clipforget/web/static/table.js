// Every figure of the run at the present alpha: before, after, change, interval, number of images.

import { h, percent, points } from "./dom.js";

/** A table in `place` that follows alpha while it is seen. */
export function figuresTable(app, place) {
  const body = h("tbody");
  place.replaceChildren(h("div.cf-scroll", {}, h("table.cf-table", {},
    h("thead", {}, h("tr", {}, ...["set", "images", "before", "after", "change", "95% interval"].map((name) => h("th", { scope: "col" }, name)))), body)));
  const update = () => {
    if (place.hidden || !app.view) return;
    body.replaceChildren(...app.view.rows.map((row) => line(row, app.index)));
  };
  app.bus.on("alpha", update);
  return { show: update };
}

function line(row, index) {
  const now = row.after[index];
  const cells = [row.n, `${percent(row.before.value)}%`, `${percent(now)}%`, points(now - row.before.value), `${percent(row.low[index])}–${percent(row.high[index])}`];
  const head = h("th", { scope: "row" }, h("i.cf-key", { "aria-hidden": "true" }), row.label);
  head.classList.add(`cf-${row.role}`);
  return h("tr", {}, head, ...cells.map((cell) => h("td", {}, String(cell))));
}
