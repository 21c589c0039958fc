// @ts-check
// How text prompts rank the gallery at the present alpha: precision and recall of what is forgotten, overlap elsewhere.

import { h, percent, points, withArticle } from "../lib/dom.js";
import { sparkline } from "./figures.js";

const NONE =
    "This run was scored before there were retrieval scores. Run it again, with the command under Recipe, to see them.";

/** A table in `container`, drawn once a run; alpha only changes its numbers and moves its dots. */
export function retrievalTable(app, container) {
    let drawn = "";
    let update = (/** @type {number} */ _) => {};
    const show = () => {
        const [view, other] = [app.view, app.rival?.view];
        const key = `${view.id} ${other?.id}`;
        if (drawn !== key) update = draw(app, container, view, other);
        drawn = key;
        update(app.index);
    };
    app.bus.on("alpha", (index) => {
        if (!container.hidden && drawn) update(index);
    });
    return { show };
}

function draw(app, container, view, other) {
    const table = view.retrieval;
    if (!table || (other && !other.retrieval)) {
        container.replaceChildren(h("p.cf-wait", {}, other && table ? NONE.replace("This run", "Run B") : NONE));
        return () => {};
    }
    const same = (row) =>
        other?.retrieval.rows.find((entry) => entry.score === row.score && entry.prompts.join() === row.prompts.join());
    const lines = table.rows.filter((row) => !other || same(row)).map((row) => line(app, row, table.k, same(row)));
    const heads = ["before", ...(other ? ["A", "B", "B − A"] : ["after", "change"])].map((name) =>
        h("th.cf-number", { scope: "col" }, name),
    );
    const names = ["prompt", "score"].map((name) => h("th", { scope: "col" }, name));
    container.replaceChildren(
        h(
            "div.cf-scroll",
            {},
            h(
                "table.cf-table",
                {},
                h("thead", {}, h("tr", {}, names, heads, h("th", { scope: "col" }, "over alpha"))),
                h(
                    "tbody",
                    {},
                    lines.map((entry) => entry.node),
                ),
            ),
        ),
        h(
            "p.cf-wait",
            {},
            `Precision: how much of the top ${table.k} is to be forgotten. Recall: how much of what is to be ` +
                `forgotten is in the top ${table.k}, which hold at most ${table.k} of it. ` +
                `Overlap: how much of its top ${table.k} a prompt about something else shares with the original's.`,
        ),
    );
    return (index) => {
        for (const entry of lines) entry.update(index);
    };
}

function line(app, row, k, theirs) {
    const curves = [row.after, ...(theirs ? [theirs.after] : [])];
    const spark = sparkline(row.role, ...curves);
    const numbers = curves.map(() => h("td.cf-number"));
    const change = h("td.cf-number");
    const score = {
        precision: `precision@${k}`,
        recall: `recall@${k} of ${row.n} images`,
        overlap: `overlap of the top ${k}`,
    }[row.score];
    const node = h(
        "tr",
        {},
        row.score === "recall" ? null : prompt(app, row),
        h("td", {}, score),
        h("td.cf-number", {}, `${percent(row.before)}%`),
        numbers,
        change,
        h("td", {}, spark.node),
    );
    node.classList.add(`cf-${row.role}`);
    const update = (index) => {
        const now = curves.map((values) => values[index]);
        numbers.forEach((cell, which) => {
            cell.textContent = `${percent(now[which])}%`;
        });
        change.textContent = points(theirs ? now[1] - now[0] : now[0] - row.before);
        spark.move(index);
    };
    return { node, update };
}

/** The head of a line; that of precision stands for the recall below it too. A single prompt can be searched for. */
function prompt(app, row) {
    const { prompts, level } = row;
    const key = h("i.cf-key", { "aria-hidden": "true" });
    if (level === "unrelated") {
        const words = prompts.length === 1 ? "1 unrelated prompt" : `${prompts.length} unrelated prompts, mean`;
        return h("th", { scope: "row", title: prompts.join("\n") }, key, words);
    }
    const search = h(
        "button.cf-text",
        { type: "button", title: "Search for this", onclick: () => app.search({ q: prompts[0], img: null, up: "" }) },
        withArticle(prompts[0]),
    );
    return h("th", { scope: "row", rowSpan: 2 }, key, search, h("small", {}, level));
}
