// @ts-check
// The result table of a comparison: a line for each method, do nothing first, sorted by any column.

import { duration, h, percent } from "../lib/dom.js";
import { explain } from "../lib/glossary.js";
import { redrawer } from "../lib/redraw.js";
import { writeAddress } from "../lib/state.js";

const LEAD = "least_10"; // what sorts the rows where nobody asks for another order
// Columns that begin with their smallest value.
const LOW_FIRST = ["label", "tier", "rank", "verdict", "gap", "forget", "seconds", "memory", "parameters"];
const number = (digits) => (value) => value.toFixed(digits);
const TITLES = {
    [LEAD]: "Smallest share that any other set keeps where 10 % of the target's images are still recognised",
    least_named: "The same where the class's name alone is asked for, as arXiv 2506.03117 does, not the target's own",
    area: "Area under the least kept share against the forgotten share; 100 is best, doing nothing has 0",
};

/**
 * The columns: key, heading, how to find the statistic in the figures of a row, how to word it, and its ratio to before
 * where it has one. `plain` gives a text or a number in place of a statistic.
 */
function columns(comparison) {
    const sets = comparison.columns.map(({ key, label }) => ({
        key,
        label,
        of: (figures) => figures.columns[key]?.after,
        ratio: (figures) => figures.columns[key]?.ratio,
        words: percent,
    }));
    const level = (key) => key.split("_").at(-1);
    const matched = comparison.matched.map(({ key, label }) => ({
        key,
        label: label.replace(" %", "\u00a0%"),
        title: TITLES[key] ?? `${label}, in per cent of before`,
        of: (figures) => (figures.forgot[level(key)] === 0 ? null : figures.matched[key]),
        words: percent,
        interval: true,
    }));
    const plain = (key, label, words, title) => ({ key, label, title, of: (figures) => figures[key], words });
    return [
        {
            key: "tier",
            label: "tier",
            title: "0 uses names alone, 1 the target's images, 2 its siblings' too, 3 all labelled ones",
            plain: (_, row) => row.tier,
        },
        {
            key: "rank",
            label: "rank",
            title: "Place by the first figure, and within the tier",
            plain: (figures) => figures.rank,
            below: (figures) => (figures.tier_rank === null ? "" : `${figures.tier_rank} in tier`),
        },
        ...matched,
        {
            key: "difference",
            label: "to best rival",
            title: "The first figure less that of the best other row on the same targets",
            of: (figures) => figures.difference,
            words: (share) => `${share > 0 ? "+" : ""}${percent(share)}`,
            interval: true,
        },
        { key: "verdict", label: "verdict", plain: (figures) => figures.verdict || null },
        ...audited(comparison),
        plain("h", "H", number(1), "Harmonic mean of forgetting and of the smallest share retained; 100 is best"),
        ...sets,
        plain("score", "Score", number(1), "The paper's score: mean of forgetting and of every share retained"),
        plain("alpha", "α", number(2), "Suggested share of the original, chosen on images that no figure is read from"),
        plain(
            "seconds",
            "time",
            (value) => (value < 10 ? `${value.toFixed(1)} s` : duration(value)),
            "Time of the method's own stages",
        ),
        { ...plain("memory", "memory", size, "Peak memory while the method ran"), spread: false },
        { ...plain("parameters", "changed", count, "Weight values that changed"), spread: false },
    ];
}

/** What the runs' audits found: the average gap to models that never saw the target, then each audit and its gap. */
function audited(comparison) {
    if (!comparison.audits.length) return [];
    const columns = comparison.audits.flatMap(({ key, label, share, follows }) => {
        const words = share ? percent : number(1);
        const chosen = {
            key: `audit-${key}`,
            label,
            title: `${label}: its primary figure; beneath, its distance to that of a model that never saw the target`,
            of: (figures) => figures.audits[key]?.value,
            words,
            below: ({ audits }) => (audits[key]?.gap ? `gap ${percent(audits[key].gap.mean)}` : ""),
        };
        const matched = {
            key: `audit-${key}-10`,
            label: `${label} at 10\u00a0%`,
            title: `${label}: its primary figure where the forget accuracy has come down to 10 %`,
            of: (figures) => figures.audits[key]?.matched,
            words,
        };
        return follows ? [chosen, matched] : [chosen];
    });
    const title = "Mean distance of the audits' figures to those of a model that never saw the target; 0 is best";
    return [{ key: "gap", label: "gap to reference", title, of: (figures) => figures.gap, words: percent }, ...columns];
}

/** The row of models that never saw their targets: blank but for what audits find of them. */
function reference(comparison, figures) {
    const found = Object.entries(figures.audits).filter(([, audit]) => audit.reference);
    if (!found.length) return null;
    const audits = Object.fromEntries(found.map(([key, audit]) => [key, { value: audit.reference }]));
    const blank = { columns: {}, matched: {}, forgot: {}, rank: null, tier_rank: null, audits };
    return { row: { label: "a model that never saw it", tier: null, notes: [], cells: [] }, figures: blank };
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
        "What each method keeps, in per cent of before, where it has forgotten as much as all others: down to 10 % " +
            "and to chance, on test images, with the 95 % interval over targets and images. A run that never comes " +
            "down keeps 0. From H on each run is read at its own suggested alpha: mean ± standard deviation, and " +
            "beneath an accuracy the share of before.",
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
    const redraw = redrawer(node);
    let comparison = null;

    const figuresOf = (row) => (app.state.of === "" ? row.all : row.targets[app.state.of]);
    const choose = (changes) => {
        Object.assign(app.state, changes);
        writeAddress(app.state, false);
        draw();
        app.bus.emit("of");
    };

    function draw() {
        const all = [{ key: "label", label: "Method" }, ...columns(comparison)];
        if (app.state.of !== "" && !comparison.targets.some((target) => String(target.key) === app.state.of))
            app.state.of = "";
        const { rows, targets, reasons, done } = comparison;
        redraw(JSON.stringify([rows, targets, reasons, done, app.state.of, app.state.sort]), () => drawAll(all));
    }

    function drawAll(all) {
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
                                            : column.key === LEAD
                                              ? ""
                                              : column.key,
                                }),
                        },
                        column.label,
                    ),
                    ["tier", "H", "Score"].includes(column.label) ? explain(column.label) : null,
                ),
            ),
        );
        const [, ...known] = all;
        const [nothing, ...others] = comparison.rows;
        const by = known.find((column) => column.key === key);
        const value = (row) => (key === "label" ? row.label : valueOf(by, figuresOf(row), row));
        const rank = (row) => figuresOf(row).rank;
        others.sort((a, b) => compare(rank(a), rank(b), false)); // of equals the better one first
        others.sort((a, b) => compare(value(a), value(b), down));
        const best = Math.max(...others.map((row) => figuresOf(row)?.matched[LEAD]?.mean ?? -1));
        const footnotes = [...comparison.reasons];
        body.replaceChildren(
            ...[nothing, ...others].map((row, i) => line(row, figuresOf(row), known, i === 0 ? null : best, footnotes)),
        );
        const last = reference(comparison, figuresOf(nothing));
        if (last) body.append(line(last.row, last.figures, known, null, footnotes));
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
    const key = all.some((column) => column.key === wanted) ? wanted : LEAD;
    return { key, down: LOW_FIRST.includes(key) === turned };
}

const flipped = (sort, key) => (sort.startsWith("-") ? (key === LEAD ? "" : key) : `-${key}`);

/** What a column sorts by: a number, a text, or null where nothing is known. */
const valueOf = (column, figures, row) =>
    (column.plain ? column.plain(figures, row) : column.of(figures)?.mean) ?? null;

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
        cell(column, figures, row, column.key === LEAD && best !== null && figures.matched[LEAD]?.mean >= best),
    );
    const node = h("tr", {}, head, cells);
    if (best === null) node.classList.add("cf-nothing-row");
    return node;
}

function cell(column, figures, row, best) {
    const node = h("td", { "data-column": column.key });
    const value = valueOf(column, figures, row);
    if (value === null) return (column.key === "verdict" || node.append("–"), node);
    const statistic = column.of?.(figures);
    const ratio = column.ratio?.(figures);
    node.append(h("span.cf-mean", {}, statistic ? column.words(value) : String(value)));
    if (statistic?.spread && column.spread !== false)
        node.append(h("span.cf-spread", {}, ` ± ${column.words(statistic.spread)}`));
    if (column.interval)
        node.append(h("small", {}, `${column.words(statistic.low)} to ${column.words(statistic.high)}`));
    if (ratio) node.append(h("small", {}, `${percent(ratio.mean)}%`));
    if (column.below) node.append(h("small", {}, column.below(figures)));
    if (statistic?.worst !== undefined) node.title = `worst target: ${percent(statistic.worst)}`;
    if (statistic?.rival) node.title = `to ${statistic.rival}`;
    if (best) node.classList.add("cf-best");
    return node;
}
