// @ts-check
// The runs as a table to work in: sorted, filtered, named, several chosen to compare or to delete. On a phone cards.

import { post } from "../lib/api.js";
import { duration, h, icon, iconButton, percent } from "../lib/dom.js";
import { redrawer } from "../lib/redraw.js";
import { annotateDialog } from "./annotate.js";
import { act, deleteRuns, refreshRuns, stateChip, when } from "./runs.js";

const AT_WORK = ["running", "queued"];
const STATES = [...AT_WORK, "done", "stopped", "failed", "lost", "damaged"];
const EVERY = 2000; // milliseconds between two questions while a run is at work
const last = (path) => path.split("/").filter(Boolean).at(-1) ?? "";
const share = (key) => ({
    key,
    head: key[0].toUpperCase() + key.slice(1),
    value: (run) => run.headline?.[key]?.after ?? null,
    cell: (run) => figure(run.headline?.[key]),
});

/** The columns: what is sorted by, and what is shown. Those of one list share a cell, one above the other. */
const COLUMNS = [
    [{ key: "title", head: "Run", value: (run) => run.title.toLowerCase(), cell: name }],
    [{ key: "target", head: "Target", value: (run) => run.config.forget.join(" + ") }],
    [
        { key: "method", head: "Method", value: (run) => run.config.method.replaceAll("_", " ") },
        { key: "seed", head: "Seed", value: (run) => run.config.seed ?? null, cell: (run) => run.config.seed },
    ],
    [
        { key: "model", head: "Model", value: (run) => last(run.config.model) },
        { key: "data", head: "Images", value: (run) => last(run.config.data) },
    ],
    [{ key: "alpha", head: "Alpha", value: (run) => run.best, cell: (run) => run.best?.toFixed(2) ?? "" }],
    [share("forget")],
    [share("siblings")],
    [share("others")],
    [{ key: "state", head: "State", value: (run) => STATES.indexOf(run.state), cell: state }],
    [
        { key: "created", head: "Started", value: (run) => run.created, cell: (run) => when(run.created) },
        { key: "seconds", head: "Took", value: (run) => run.seconds, cell: took },
    ],
];
const FLAT = COLUMNS.flat();

/** The page of all runs: its node, and end() which leaves off asking for them. */
export function runsPage(app) {
    const chosen = new Set();
    let order = { key: "created", up: false };
    let timer = 0;
    let ended = false;
    const filter = h("input", {
        type: "search",
        placeholder: "Filter",
        title: "By name, target, method, tag or state",
        "aria-label": "Filter the runs",
        oninput: () => draw(),
    });
    const compared = h("input", { type: "checkbox", onchange: () => draw() });
    const comparedLabel = h("label.cf-compared", {}, compared, h("span"));
    const count = h("p.cf-count-runs", { role: "status" });
    const bar = h("div.cf-chosen-bar", { role: "group", "aria-label": "The chosen runs" });
    const head = h("tr");
    const body = h("tbody");
    const table = h("table.cf-table.cf-runlist", {}, h("thead", {}, head), body);
    const node = h(
        "section.cf-runs-page",
        { "aria-label": "Runs" },
        h(
            "header.cf-runs-head",
            {},
            h("h2", {}, "Runs"),
            h("div.cf-search", {}, icon("search"), filter),
            comparedLabel,
            count,
        ),
        bar,
        h("div.cf-scroll", {}, table),
    );
    const redraw = redrawer(node);

    const shown = () => {
        const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
        const column = FLAT.find(({ key }) => key === order.key);
        const listed = app.runs.filter((run) => compared.checked || run.starred || !run.comparison);
        const found = listed.filter((run) => words.every((word) => textOf(run).includes(word)));
        const waits = (run) => (AT_WORK.includes(run.state) ? (run.position ?? 0) : Infinity);
        return found.sort((a, b) => {
            if (waits(a) !== waits(b)) return waits(a) - waits(b); // what is at work first, then the line
            const [one, two] = [column.value(a), column.value(b)];
            if (one === null || two === null) return Number(one === null) - Number(two === null);
            const byName = () => String(one).localeCompare(String(two), [], { numeric: true });
            const by = typeof one === "number" ? one - two : byName();
            return (order.up ? by : -by) || b.created.localeCompare(a.created);
        });
    };

    function draw() {
        for (const id of chosen) if (!app.runs.some((run) => run.id === id)) chosen.delete(id);
        const runs = shown();
        const many = app.runs.filter((run) => run.comparison).length;
        comparedLabel.hidden = !many;
        comparedLabel.lastChild.textContent = `runs of comparisons (${many})`;
        count.textContent = runs.length === 1 ? "1 run" : `${runs.length} runs`;
        redraw(JSON.stringify([runs, order, [...chosen]]), () => {
            head.replaceChildren(
                h("th.cf-pick", { scope: "col" }, everyBox(runs)),
                ...COLUMNS.map(heading),
                h("th", { scope: "col" }, "Actions"),
            );
            body.replaceChildren(
                ...(runs.length ? runs.map(row) : [h("tr", {}, h("td", { colSpan: 12 }, noneText()))]),
            );
            drawBar(runs);
        });
    }

    const noneText = () =>
        app.runs.length ? "No run has all of these words." : "No runs yet: choose what to forget and press Run.";

    function everyBox(runs) {
        const box = h("input", {
            type: "checkbox",
            "aria-label": "Choose all runs shown",
            "data-focus": "every",
            checked: runs.length > 0 && runs.every((run) => chosen.has(run.id)),
            onchange: () => {
                for (const run of runs) chosen[box.checked ? "add" : "delete"](run.id);
                draw();
            },
        });
        return box;
    }

    function heading(columns) {
        const own = columns.find(({ key }) => key === order.key);
        const buttons = columns.map(({ key, head: words }) =>
            h(
                `button.cf-sort${own?.key === key ? "" : ".cf-plain"}`,
                {
                    type: "button",
                    title: `Sort by ${words.toLowerCase()}`,
                    "data-focus": `sort ${key}`,
                    onclick: () => {
                        order = { key, up: order.key === key ? !order.up : key !== "created" };
                        draw();
                    },
                },
                words,
            ),
        );
        return h("th", { scope: "col", "aria-sort": own ? (order.up ? "ascending" : "descending") : "none" }, buttons);
    }

    function row(run) {
        const pick = h("input", {
            type: "checkbox",
            "aria-label": `Choose ${run.title}`,
            "data-focus": `choose ${run.id}`,
            checked: chosen.has(run.id),
            onchange: () => {
                chosen[pick.checked ? "add" : "delete"](run.id);
                draw();
            },
        });
        const cells = COLUMNS.map((columns) => {
            const parts = columns.map((column) => {
                const cell = column.cell ? column.cell(run, app) : column.value(run);
                return h("div", { "data-head": column.head }, cell ?? "");
            });
            return h(`td.cf-col-${columns[0].key}`, {}, parts);
        });
        const line = h("tr", {}, h("td.cf-pick", {}, pick), cells, h("td.cf-col-actions", {}, actions(app, run)));
        if (chosen.has(run.id)) line.dataset.chosen = "true";
        return line;
    }

    function drawBar(runs) {
        const own = runs.filter((run) => chosen.has(run.id));
        const done = own.filter((run) => run.state === "done");
        const free = own.filter((run) => mayChange(run) && !AT_WORK.includes(run.state));
        const button = (words, id, title, enabled, onclick) =>
            h("button.cf-button", { type: "button", id, title, disabled: !enabled, onclick, "data-focus": id }, words);
        const two = own.length === 2 && done.length === 2;
        const several = done.length > 1 && done.length === own.length;
        bar.hidden = !own.length;
        bar.replaceChildren(
            h("strong", {}, `${own.length} chosen`),
            button("Compare", "cf-runs-compare", "Two finished runs side by side", two, () =>
                app.open(done[0].id, done[1].id),
            ),
            button("Soup", "cf-runs-soup", "Mix finished runs", several, () => app.openSoup(done.map((run) => run.id))),
            button(`Delete ${free.length}`, "cf-runs-delete", "Delete; you can undo it", free.length, () =>
                deleteRuns(app, free.map((run) => run.id)),
            ),
            button("Choose none", "cf-runs-none", "", true, () => {
                chosen.clear();
                draw();
            }),
        );
    }

    async function watch() {
        await refreshRuns(app).catch(() => {});
        if (!ended) timer = setTimeout(watch, app.runs.some((run) => AT_WORK.includes(run.state)) ? EVERY : 5 * EVERY);
    }
    const off = app.bus.on("runs", draw);
    draw();
    watch();
    const end = () => {
        ended = true;
        clearTimeout(timer);
        off();
    };
    return { node, end };
}

const mayChange = (run) => !run.sample && run.own !== false;

/** All that the filter looks at. */
const textOf = (run) =>
    [run.title, run.id, run.state, run.notes, run.config.model, run.config.data, run.config.method, run.error]
        .concat(run.tags ?? [], run.config.forget, run.sample ? "sample" : "", run.starred ? "starred" : "")
        .concat(run.config.method.replaceAll("_", " "), `seed ${run.config.seed}`)
        .join(" ")
        .toLowerCase();

function name(run, app) {
    const open = h("button.cf-text.cf-open", { type: "button", onclick: () => app.open(run.id) }, run.title);
    const marks = [run.sample ? "sample" : "", run.own ? "yours" : ""].filter(Boolean);
    return h(
        "span.cf-run-name",
        {},
        open,
        [...marks, ...(run.tags ?? [])].map((tag) => h("small.cf-tag", {}, tag)),
        run.notes ? h("small.cf-run-notes", {}, run.notes) : null,
    );
}

function state(run) {
    return h("span", {}, stateChip(run.state, run.position), run.error ? h("small.cf-reason", {}, run.error) : null);
}

function figure(change) {
    if (!change) return "";
    return h("span.cf-share", { title: `before ${percent(change.before)}%` }, `${percent(change.after)}%`);
}

function took(run) {
    return run.seconds === null || run.seconds === undefined ? "" : duration(run.seconds);
}

function actions(app, run) {
    const path = `runs/${encodeURIComponent(run.id)}`;
    const quiet = "button.cf-button.cf-quiet";
    const busy = AT_WORK.includes(run.state);
    const own = mayChange(run);
    const damaged = run.state === "damaged";
    const star = iconButton("star", run.starred ? "Remove the star" : "Star this run", () =>
        act(app, () => post(`${path}/annotate`, { starred: !run.starred })),
    );
    star.setAttribute("aria-pressed", String(Boolean(run.starred)));
    return h(
        "span.cf-actions",
        {},
        own && !damaged ? star : null,
        own && !damaged ? iconButton("edit", "Name, tags and notes", () => annotateDialog(app, run), quiet) : null,
        damaged ? null : iconButton("copy", "Use these settings", () => app.useSettings(run.config), quiet),
        own && busy ? iconButton("stop", "Stop this run", () => act(app, () => post(`${path}/stop`)), quiet) : null,
        own && !busy ? iconButton("trash", "Delete this run", () => deleteRuns(app, [run.id]), quiet) : null,
    );
}

/** The newest runs by name, for the start page. */
export function recentRuns(app, container, most = 6) {
    const list = h("ul.cf-recent");
    const all = h("button.cf-text", { type: "button", id: "cf-all-runs", onclick: () => app.openRuns() });
    container.replaceChildren(list, all);
    const redraw = redrawer(list);
    app.bus.on("runs", () => {
        const runs = app.runs.filter((run) => !run.comparison);
        const item = (run) =>
            h(
                "li",
                {},
                h("button.cf-text.cf-open", { type: "button", onclick: () => app.open(run.id) }, run.title),
                stateChip(run.state, run.position),
                h("small", {}, when(run.created)),
            );
        const newest = runs.slice(0, most);
        redraw(JSON.stringify(newest), () => list.replaceChildren(...newest.map(item)));
        all.textContent = app.runs.length === 1 ? "This run as a table" : `All ${app.runs.length} runs as a table`;
    });
}
