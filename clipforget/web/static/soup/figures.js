// @ts-check
// The figures of a soup: a card for each target, siblings, others and H; each class beside the runs alone.

import { h, percent, points } from "../lib/dom.js";
import { sparkline } from "../explorer/figures.js";

/** Cards that follow the active slider. */
export function cards(soup) {
    const node = h("div.cf-soup-cards");
    let update = (/** @type {number} */ _) => {};
    soup.bus.on("line", () => {
        const { rows, h: harmonic, score } = soup.line;
        const made = [...rows.map((row) => accuracy(soup, row)), summary(harmonic, score)];
        node.replaceChildren(...made.map((card) => card.node));
        update = (index) => made.forEach((card) => card.update(index));
    });
    soup.bus.on("alpha", (index) => update(index));
    return node;
}

function card(title, role, curve) {
    const number = h("span");
    const value = h("div.cf-value", {}, number);
    const delta = h("div.cf-delta");
    const spark = sparkline(role || "accent", curve);
    const name = h("div.cf-name", {}, role ? h("i.cf-key", { "aria-hidden": "true" }) : null, h("span", {}, title));
    const node = h("section.cf-card", { "aria-label": title }, name, value, delta, spark.node);
    if (role) node.classList.add(`cf-${role}`);
    return { node, number, value, delta, spark };
}

function accuracy(soup, row) {
    const made = card(row.role === "forget" ? `forget: ${row.label}` : row.label, row.role, row.after);
    made.value.append(h("small", {}, "%"));
    const moved = h("span");
    made.delta.classList.add("cf-fit");
    made.delta.append(moved, h("span.cf-from", {}, `from ${percent(row.before.value)}%`));
    made.node.title = `${row.n} test images; chance ${percent(soup.view.chance)}%`;
    const update = (index) => {
        made.number.textContent = percent(row.after[index]);
        const change = points(row.after[index] - row.before.value);
        moved.textContent = `${change} pts`;
        made.spark.move(index);
    };
    return { node: made.node, update };
}

function summary(harmonic, score) {
    const made = card("H", "", harmonic.map((value) => value / 100));
    made.node.title = "H: harmonic mean of forgetting and of what is retained. Score: their mean. 100 is best.";
    const update = (index) => {
        made.number.textContent = harmonic[index].toFixed(1);
        made.delta.textContent = `Score ${score[index].toFixed(1)}`;
        made.spark.move(index);
    };
    return { node: made.node, update };
}

/** Accuracy of each class: before, by each run alone at its alpha, and by the soup, as table 6 of the paper has it. */
export function classTable(soup) {
    const { runs, classes } = soup.view;
    const heads = ["Class", "Original", "Soup", ...runs.map((run) => `${run.target} alone`)];
    const lines = classes.map((entry) => {
        const alone = runs.map(() => h("td.cf-number"));
        const own = h("td.cf-number.cf-soup-own");
        const name = h("th", { scope: "row" }, h("i.cf-key", { "aria-hidden": "true" }), entry.label);
        const before = h("td.cf-number", {}, percent(entry.before));
        const row = h("tr", { title: `${entry.n} test images` }, name, before, own, alone);
        row.classList.add(`cf-${entry.role}`);
        return { row, alone, own, entry };
    });
    const draw = () => {
        lines.forEach(({ alone, own, entry }, number) => {
            alone.forEach((cell, i) => {
                cell.textContent = percent(entry.alone[i][soup.point[i]]);
            });
            own.textContent = percent(soup.line.classes[number][soup.index]);
        });
    };
    soup.bus.on("line", draw);
    soup.bus.on("alpha", draw);
    return h(
        "section.cf-soup-classes",
        { "aria-label": "Accuracy of each class" },
        h("h3", {}, "Accuracy of each class, in per cent"),
        h(
            "div.cf-scroll",
            { tabIndex: 0, role: "group", "aria-label": "Table of classes" },
            h(
                "table.cf-table",
                {},
                h(
                    "thead",
                    {},
                    h(
                        "tr",
                        {},
                        heads.map((text, i) => h(i ? "th.cf-number" : "th", { scope: "col" }, text)),
                    ),
                ),
                h(
                    "tbody",
                    {},
                    lines.map((line) => line.row),
                ),
            ),
        ),
    );
}
