// @ts-check
// Every figure of the run at the present alpha: before, after, change, interval, number of images; or of two runs.

import { h, percent, points } from "../lib/dom.js";

/** A table in `container` that follows alpha while it is seen. */
export function figuresTable(app, container) {
    const head = h("tr");
    const body = h("tbody");
    container.replaceChildren(h("div.cf-scroll", { tabIndex: 0 }, h("table.cf-table", {}, h("thead", {}, head), body)));
    const update = () => {
        if (container.hidden || !app.view) return;
        const names = app.rival
            ? ["before", "A", "B", "B\u00a0−\u00a0A", "95% of B"]
            : ["before", "after", "change", "95% interval"];
        head.replaceChildren(...["set", "images", ...names].map((name) => h("th", { scope: "col" }, name)));
        const theirs = (row) => app.rival?.view.rows.find((other) => other.key === row.key);
        body.replaceChildren(
            ...app.view.rows.filter((row) => !app.rival || theirs(row)).map((row) => line(row, app.index, theirs(row))),
        );
    };
    app.bus.on("alpha", update);
    return { show: update };
}

function line(row, index, theirs) {
    const last = theirs || row;
    const now = last.after[index];
    const from = theirs ? row.after[index] : row.before.value;
    const cells = [
        row.n,
        `${percent(row.before.value)}%`,
        ...(theirs ? [`${percent(from)}%`] : []),
        `${percent(now)}%`,
        points(now - from),
        `${percent(last.low[index])}–${percent(last.high[index])}`,
    ];
    const head = h("th", { scope: "row" }, h("i.cf-key", { "aria-hidden": "true" }), row.label);
    head.classList.add(`cf-${row.role}`);
    return h("tr", {}, head, ...cells.map((cell) => h("td", {}, String(cell))));
}
