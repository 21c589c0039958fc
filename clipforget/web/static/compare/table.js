// @ts-check
// The result table of a comparison: a line for each method, do nothing first, sorted by any column.

import { clock, h, percent } from "../lib/dom.js";
import { writeAddress } from "../lib/state.js";

// Columns that begin with their smallest value.
const LOW_FIRST = ["label", "forget", "seconds", "memory", "parameters"];
const number = (digits) => (value) => value.toFixed(digits);

/** The columns: key, heading, how to find the statistic, how to word it, and its ratio to before where it has one. */
function columns(comparison) {
    const sets = comparison.columns.map(({ key, label }) => ({
        key,
        label,
        of: (figures) => figures.columns[key]?.after,
        ratio: (figures) => figures.columns[key]?.ratio,
        words: percent,
    }));
    const plain = (key, label, words, title) => ({ key, label, title, of: (figures) => figures[key], words });
    return [
        plain("h", "H", number(1), "Harmonic mean of forgetting and of the smallest share retained; 100 is best"),
        ...sets,
        plain("score", "Score", number(1), "The paper's score: mean of forgetting and of every share retained"),
        plain(
            "alpha",
            "α",
            number(2),
            "Suggested share of the original: the largest at which validation counts as forgotten",
        ),
        plain(
            "seconds",
            "time",
            (value) => (value < 90 ? `${value.toFixed(value < 10 ? 1 : 0)} s` : clock(value)),
            "Time of the method's own stages",
        ),
        { ...plain("memory", "memory", size, "Peak memory while the method ran"), spread: false },
        { ...plain("parameters", "changed", count, "Weight values that changed"), spread: false },
    ];
}

const size = (bytes) =>
    bytes < 2 ** 30 ? `${(bytes / 2 ** 20).toFixed(0)} MiB` : `${(bytes / 2 ** 30).toFixed(1)} GiB`;
const count = (values) =>
    values < 1000
        ? String(Math.round(values))
        : values < 1e6
          ? `${(values / 1e3).toFixed(0)} k`
          : `${(values / 1e6).toFixed(1)} M`;

/** The table with its target filter; both choices stand in the address as of= and sort=. */
export function resultTable(app) {
    const head = h("tr");
    const body = h("tbody");
    const filter = h("div.cf-switch", { role: "group", "aria-label": "Targets" });
    const notes = h("ol.cf-footnotes");
    const caption = h(
        "p.cf-help",
        {},
        "Accuracy in per cent on test images, each run at its own suggested alpha: " +
            "mean ± standard deviation over runs, and beneath it the share of before.",
    );
    const none = h("p.cf-wait", {}, "The figures appear here with the first finished run.");
    const table = h("table.cf-table.cf-results", {}, h("thead", {}, head), body);
    const node = h(
        "section.cf-compare-block",
        { "aria-label": "Results" },
        h("header", {}, h("h3", {}, "Results"), filter),
        h("div.cf-scroll", {}, table),
        none,
        caption,
        notes,
    );
    let comparison = null;

    const figuresOf = (row) => (app.state.of === "" ? row.all : row.targets[app.state.of]);
    const choose = (changes) => {
        Object.assign(app.state, changes);
        writeAddress(app.state, false);
        draw();
        app.bus.emit("of");
    };

    function draw() {
        const known = columns(comparison);
        const all = [{ key: "label", label: "Method" }, ...known];
        if (app.state.of !== "" && !comparison.targets.some((target) => String(target.key) === app.state.of))
            app.state.of = "";
        filter.hidden = comparison.targets.length < 2;
        filter.replaceChildren(
            ...[["", "all targets"], ...comparison.targets.map((target) => [String(target.key), target.label])].map(
                ([key, words]) =>
                    h(
                        "button",
                        {
                            type: "button",
                            "aria-pressed": String(app.state.of === key),
                            onclick: () => choose({ of: key }),
                        },
                        words,
                    ),
            ),
        );
        const { key, down } = order(app.state.sort, all);
        head.replaceChildren(
            ...all.map((column) =>
                h(
                    "th",
                    { scope: "col", "aria-sort": column.key === key ? (down ? "descending" : "ascending") : "none" },
                    h(
                        "button.cf-sort",
                        {
                            type: "button",
                            title: column.title || column.label,
                            onclick: () =>
                                choose({
                                    sort:
                                        column.key === key
                                            ? flipped(app.state.sort, key)
                                            : column.key === "h"
                                              ? ""
                                              : column.key,
                                }),
                        },
                        column.label,
                    ),
                ),
            ),
        );
        const [nothing, ...others] = comparison.rows;
        const by = known.find((column) => column.key === key);
        const value = (row) => (key === "label" ? row.label : (by.of(figuresOf(row) ?? { columns: {} })?.mean ?? null));
        others.sort((a, b) => compare(value(a), value(b), down));
        const best = Math.max(...others.map((row) => figuresOf(row)?.h?.mean ?? -1));
        const footnotes = [];
        body.replaceChildren(
            ...[nothing, ...others].map((row, i) => line(row, figuresOf(row), known, i === 0 ? null : best, footnotes)),
        );
        notes.replaceChildren(...footnotes.map((text) => h("li", {}, text)));
        notes.hidden = !footnotes.length;
        none.hidden = comparison.done > 0;
        table.hidden = caption.hidden = !comparison.done;
        filter.hidden ||= !comparison.done;
    }

    return {
        node,
        update: (document) => {
            comparison = document;
            draw();
        },
    };
}

/** Which column sorts, and whether its largest value comes first. "-" before the key turns its usual order round. */
function order(sort, all) {
    const turned = sort.startsWith("-");
    const wanted = sort.replace(/^-/, "");
    const key = all.some((column) => column.key === wanted) ? wanted : "h";
    return { key, down: LOW_FIRST.includes(key) === turned };
}

const flipped = (sort, key) => (sort.startsWith("-") ? (key === "h" ? "" : key) : `-${key}`);

function compare(a, b, down) {
    if (a === null || b === null) return Number(a === null) - Number(b === null); // what is not known comes last
    const rise = typeof a === "string" ? a.localeCompare(b) : a - b;
    return down ? -rise : rise;
}

function line(row, figures, known, best, footnotes) {
    const marks = row.notes.map((text) => {
        if (!footnotes.includes(text)) footnotes.push(text);
        return footnotes.indexOf(text) + 1;
    });
    const settings = Object.entries(row.settings || {})
        .map(([name, value]) => `${name.replaceAll("_", " ")} ${value}`)
        .join(", ");
    const runs = row.cells.length && figures?.n ? h("small", {}, `${figures.n} run${figures.n > 1 ? "s" : ""}`) : null;
    const head = h(
        "th",
        { scope: "row", title: [row.label, settings, ...row.notes].filter(Boolean).join("\n") },
        h("span.cf-method", {}, row.label, marks.length ? h("sup", {}, marks.join(", ")) : null),
        runs,
    );
    const cells = known.map((column) =>
        cell(column, figures, column.key === "h" && best !== null && (figures?.h?.mean ?? -2) >= best - 1e-9),
    );
    const node = h("tr", {}, head, cells);
    if (best === null) node.classList.add("cf-nothing-row");
    return node;
}

function cell(column, figures, best) {
    const statistic = figures && column.of(figures);
    const ratio = figures && column.ratio?.(figures);
    const node = h("td", { "data-column": column.key });
    if (!statistic) return (node.append("–"), node);
    node.append(h("span.cf-mean", {}, column.words(statistic.mean)));
    if (statistic.spread && column.spread !== false)
        node.append(h("span.cf-spread", {}, ` ± ${column.words(statistic.spread)}`));
    if (ratio) node.append(h("small", {}, `${percent(ratio.mean)}%`));
    if (best) node.classList.add("cf-best-h");
    return node;
}
