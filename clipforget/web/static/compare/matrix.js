// @ts-check
// The runs of a comparison as a small matrix: a line for each method, a square for each target and seed.

import { h, percent, toast } from "../lib/dom.js";
import { redrawer } from "../lib/redraw.js";
import { oneStop } from "../lib/stops.js";

const STATES = ["waiting", "running", "done", "failed", "stopped"];

/** Squares to look at and to choose from: one opens as a run, two side by side. */
export function matrix(app) {
    const table = h("table.cf-matrix");
    const bar = h("div.cf-chosen", { role: "status" });
    const legend = h(
        "p.cf-matrix-legend",
        {},
        STATES.map((state) => h("span", {}, h("i.cf-square", { "data-state": state, "aria-hidden": "true" }), state)),
        h("span", {}, "deeper green: more kept at 10 % forget accuracy"),
    );
    const node = h(
        "section.cf-compare-block",
        { "aria-label": "Runs" },
        h("header", {}, h("h3", {}, "Runs"), legend),
        h("div.cf-scroll", {}, table),
        bar,
    );
    const redrawBar = redrawer(bar);
    const refreshStop = oneStop(table, "button.cf-square");
    let chosen = [];
    let comparison = null;
    let squares = new Map();

    function build() {
        const { targets, seeds, rows } = comparison;
        squares = new Map();
        const lines = rows
            .filter((row) => row.cells.length)
            .map((row) =>
                h(
                    "tr",
                    {},
                    h("th", { scope: "row", title: row.label }, row.label),
                    targets.flatMap((target, t) =>
                        seeds.map((seed, s) =>
                            h(s === 0 && t > 0 ? "td.cf-first" : "td", {}, square(row, target, seed)),
                        ),
                    ),
                ),
            );
        table.style.setProperty("--seeds", String(seeds.length));
        table.replaceChildren(
            h(
                "thead",
                {},
                h(
                    "tr",
                    {},
                    h("td"),
                    targets.map((target, t) =>
                        h(
                            t ? "th.cf-first" : "th",
                            { scope: "colgroup", colSpan: seeds.length, title: target.label },
                            h("span", {}, target.label),
                        ),
                    ),
                ),
                seeds.length > 1
                    ? h(
                          "tr.cf-seeds",
                          {},
                          h("td"),
                          targets.flatMap((_, t) =>
                              seeds.map((seed, s) =>
                                  h(s === 0 && t > 0 ? "td.cf-first" : "td", { title: `seed ${seed}` }, String(seed)),
                              ),
                          ),
                      )
                    : null,
            ),
            h("tbody", {}, lines),
        );
        refreshStop();
    }

    function square(row, target, seed) {
        const index = row.cells.find(
            (cell) => comparison.cells[cell].target === target.key && comparison.cells[cell].seed === seed,
        );
        if (index === undefined) return null;
        const button = h("button.cf-square", {
            type: "button",
            tabIndex: -1,
            onclick: () => choose(index),
        });
        squares.set(index, { button, name: `${row.label}, ${target.label}, seed ${seed}`, shown: "" });
        return button;
    }

    function choose(index) {
        const cell = comparison.cells[index];
        if (cell.state === "failed") toast(cell.error || "This run failed.");
        if (!cell.run) return;
        chosen = chosen.includes(index) ? chosen.filter((other) => other !== index) : [...chosen.slice(-1), index];
        for (const [index, { button }] of squares) button.setAttribute("aria-pressed", String(chosen.includes(index)));
        drawBar();
    }

    function drawBar() {
        const done = chosen.every((index) => comparison.cells[index].state === "done");
        redrawBar(`${chosen} ${done}`, () => bar.replaceChildren(...barParts(done)));
    }

    function barParts(done) {
        const run = (index) => comparison.cells[index].run;
        const help = (words) => h("span.cf-help", {}, words);
        const button = (words, work) => h("button.cf-button.cf-primary", { type: "button", onclick: work }, words);
        if (!chosen.length) return [help("Choose a square to open its run, or two to see them side by side.")];
        const picked = chosen.map((index, i) => h("span.cf-picked", {}, h("b", {}, "AB"[i]), squares.get(index).name));
        if (chosen.length === 1) {
            const open = button("Open this run", () => app.open(run(chosen[0])));
            return [...picked, open, help("or choose a second one")];
        }
        if (!done) return [...picked, help("Only finished runs can stand side by side.")];
        return [...picked, button("Side by side", () => app.open(...chosen.map(run)))];
    }

    const update = (document) => {
        const first = !comparison;
        comparison = document;
        if (first) build();
        comparison.cells.forEach((cell, index) => {
            const square = squares.get(index);
            if (!square) return;
            const kept = cell.kept === null ? "" : `, keeps ${percent(cell.kept)} %, H ${cell.h.toFixed(1)}`;
            const problem = cell.error || cell.verdict;
            const text = `${square.name}: ${cell.state}${kept}${problem ? `, ${problem}` : ""}`;
            if (text === square.shown) return;
            square.shown = text;
            square.button.dataset.state = cell.state;
            square.button.title = text;
            square.button.setAttribute("aria-label", text);
            square.button.style.setProperty("--kept", String(100 * (cell.kept ?? 0)));
        });
        drawBar();
    };
    return { node, update };
}
