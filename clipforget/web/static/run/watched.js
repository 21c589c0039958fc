// @ts-check
// What a few watched queries find while a run is at work: before and now, in a part of the gallery.

import { url } from "../lib/api.js";
import { h, withArticle } from "../lib/dom.js";

const SIDES = ["before", "now"];
const SHOWN = 12;

/** The grids of the watched queries; update(steps) follows the run. Hidden for a run that watches none. */
export function watchedGrids() {
    const heading = h("h3");
    const about = h("small");
    const list = h("div.cf-watched-queries");
    const node = h(
        "section.cf-watched",
        { "aria-label": "Watched queries", hidden: true },
        h("header", {}, heading, about),
        list,
    );
    let first = null;
    let parts = [];
    let drawn = -1;

    function update(steps) {
        const told = steps.filter((step) => step.data?.watched);
        const opening = told.findLast((event) => event.data.watched.before)?.data.watched;
        if (!opening || told.at(-1).n === drawn) return;
        drawn = told.at(-1).n;
        if (opening !== first) {
            first = opening;
            node.hidden = false;
            parts = opening.queries.map(queryPart);
            list.replaceChildren(...parts.map((part) => part.node));
            for (const [i, part] of parts.entries()) part.show("before", opening, opening.before, i);
        }
        const event = told.at(-1);
        const now = event.data.watched.now;
        heading.textContent = now ? "What it finds, before and now" : "What it finds before";
        const when = now ? ` Now: after step ${event.step} of ${event.stage}.` : "";
        about.textContent = `In ${first.images.length} of ${first.gallery.toLocaleString()} test images.${when}`;
        for (const [i, part] of parts.entries()) part.show("now", first, now ?? first.before, i);
    }
    return { node, update };
}

function queryPart(query) {
    const counts = {};
    const totals = {};
    const cells = {};
    const nothing = h("p.cf-note", { hidden: true }, "Nothing: it is refused, or the model has broken down.");
    const side = (name) => {
        cells[name] = Array.from({ length: SHOWN }, () => {
            const image = h("img", { width: 96, height: 96, decoding: "async", draggable: false, alt: "" });
            return { image, node: h("li.cf-cell", {}, h("span.cf-thumb", {}, image)) };
        });
        counts[name] = h("b");
        totals[name] = h("span");
        return h(
            "div",
            {},
            h("p", {}, name === "now" ? "Now " : "Before ", counts[name], totals[name]),
            h("ul", { "aria-label": `${query.text} ${name}` }, cells[name].map((cell) => cell.node)),
            name === "now" ? nothing : null,
        );
    };
    const node = h("article", {}, h("h4", {}, `“${withArticle(query.text)}”`), SIDES.map(side));
    node.classList.add(`cf-${query.role}`);
    function show(name, { data, images }, { hits, found }, index) {
        counts[name].textContent = String(found[index]);
        totals[name].textContent = hits[index].length ? ` of ${hits[index].length} show ${query.name}` : "";
        if (name === "now") nothing.hidden = hits[index].length > 0;
        cells[name].forEach((cell, rank) => {
            cell.node.hidden = rank >= hits[index].length;
            if (cell.node.hidden) return;
            const [id, label, role] = images[hits[index][rank]];
            const address = url(`images/${data}/${id}?size=96`);
            if (cell.image.src === address) return;
            cell.image.src = address;
            cell.image.alt = cell.image.title = label;
            cell.node.dataset.role = role;
        });
    }
    return { node, show };
}
