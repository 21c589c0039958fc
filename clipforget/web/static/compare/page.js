// @ts-check
// Comparisons: methods x targets x seeds. Without an id the list of them and the form for a new one.

import { get, post, url } from "../lib/api.js";
import { compareChart } from "./chart.js";
import { compareForm } from "./form.js";
import { matrix } from "./matrix.js";
import { resultTable } from "./table.js";
import { clock, copy, h, icon, iconButton, toast } from "../lib/dom.js";
import { redrawer } from "../lib/redraw.js";
import { confirmDialog, stateChip, when } from "../run/runs.js";

const EVERY = 1500;
const HIDDEN = 8000; // milliseconds between two questions
const EXPORTS = [
    ["table.csv", "Table (CSV)"],
    ["table.json", "All figures (JSON)"],
    ["table.tex", "Table (LaTeX)"],
    ["table.md", "Table (Markdown)"],
    ["report.html", "Report (HTML)"],
];
const DELETE = ["Delete this comparison?", "Its runs stay; only the comparison itself is removed.", "Delete"];
const AT_WORK = ["queued", "running"];

/** The page of the address's comparison: its node, and end() which leaves off asking for it. */
export function comparePage(app) {
    return app.state.compare === "list" ? listPage(app) : onePage(app, app.state.compare);
}

function listPage(app) {
    const list = h("div", {}, h("p.cf-wait", {}, "Loading…"));
    const redraw = redrawer(list);
    let timer = 0;
    async function draw() {
        try {
            const { comparisons } = await get("comparisons");
            redraw(JSON.stringify(comparisons), () =>
                list.replaceChildren(
                    comparisons.length
                        ? table(app, comparisons, remove)
                        : h(
                              "div.cf-nothing",
                              {},
                              h("strong", {}, "No comparison yet."),
                              " Choose methods and targets: every method then runs on the same images, " +
                                  "by the same rules, with the same seeds.",
                          ),
                ),
            );
            if (comparisons.some((entry) => AT_WORK.includes(entry.state))) timer = setTimeout(draw, EVERY * 2);
        } catch (error) {
            redraw(error.message, () => list.replaceChildren(h("p.cf-wait", {}, error.message)));
            if (error.status === 0) timer = setTimeout(draw, 2000);
        }
    }
    const remove = (id) =>
        confirmDialog(...DELETE, () =>
            post(`comparisons/${encodeURIComponent(id)}/delete`)
                .then(draw)
                .catch((error) => toast(error.message)),
        );
    draw();
    const node = h(
        "section.cf-compare.cf-compare-home",
        { "aria-label": "Comparisons" },
        h("header.cf-compare-head", {}, h("h2", {}, "Compare methods on equal terms")),
        h("div.cf-compare-list", {}, h("h3", {}, "So far"), list),
        compareForm(app),
    );
    return { node, end: () => clearTimeout(timer) };
}

function table(app, comparisons, remove) {
    const damaged = (entry) =>
        h(
            "tr",
            {},
            h("td", {}, entry.id),
            h("td", {}, stateChip(entry.state)),
            h("td", { colSpan: 2 }, entry.error, iconButton("trash", "Delete this comparison", () => remove(entry.id))),
        );
    const line = (entry) =>
        h(
            "tr",
            {},
            h(
                "td",
                {},
                h(
                    "button.cf-text.cf-compare-open",
                    { type: "button", onclick: () => app.openCompare(entry.id) },
                    entry.title || entry.id,
                ),
            ),
            h("td", {}, stateChip(entry.state, entry.position)),
            h("td", {}, `${entry.done} of ${entry.total}`),
            h("td", {}, when(entry.created)),
        );
    return h(
        "div.cf-scroll",
        {},
        h(
            "table.cf-table",
            {},
            h(
                "thead",
                {},
                h(
                    "tr",
                    {},
                    ["Comparison", "State", "Runs done", "When"].map((name) => h("th", { scope: "col" }, name)),
                ),
            ),
            h("tbody", {}, comparisons.map((entry) => (entry.error ? damaged(entry) : line(entry)))),
        ),
    );
}

function onePage(app, id) {
    const path = `comparisons/${encodeURIComponent(id)}`;
    const node = h("section.cf-compare", { "aria-label": "Comparison" }, h("p.cf-wait", {}, "Opening…"));
    let timer = 0;
    let ended = false;
    let parts = null;

    async function draw() {
        clearTimeout(timer);
        try {
            const comparison = await get(path);
            if (ended) return;
            parts ??= build(app, id, node, act);
            parts.forEach((part) => part.update(comparison));
            if (AT_WORK.includes(comparison.state)) timer = setTimeout(draw, document.hidden ? HIDDEN : EVERY);
        } catch (error) {
            if (ended) return;
            if (error.status === 0) timer = setTimeout(draw, 2000);
            else if (!parts) node.replaceChildren(missing(app, error));
            else toast(error.message);
        }
    }

    async function act(what) {
        try {
            await post(`${path}/${what}`);
            if (what === "delete") return app.openCompare("list");
            await draw();
        } catch (error) {
            toast(error.message);
        }
    }

    draw();
    const end = () => {
        ended = true;
        clearTimeout(timer);
        parts?.forEach((part) => part.end?.());
    };
    return { node, end };
}

const missing = (app, error) =>
    h(
        "div.cf-end",
        { role: "alert" },
        h("h2", {}, "There is nothing to compare here"),
        h("p.cf-message", {}, error.message),
        h(
            "div.cf-buttons",
            {},
            h(
                "button.cf-button.cf-primary",
                { type: "button", onclick: () => app.openCompare("list") },
                "All comparisons",
            ),
        ),
    );

function build(app, id, node, act) {
    const charts = app.charts.filter(({ of }) => of === "comparison").map((about) => compareChart(app, id, about));
    const parts = [head(app, id, act), matrix(app), resultTable(app), ...charts];
    node.replaceChildren(...parts.map((part) => part.node));
    return parts;
}

/** Title, state, progress, and what can be done with the whole comparison. */
function head(app, id, act) {
    const title = h("h2");
    const chip = h("span");
    const status = h("p.cf-compare-said");
    const bar = h("div.cf-bar", { role: "progressbar", "aria-label": "Runs done" }, h("i"));
    const button = (name, words, work) =>
        h(
            "button.cf-button",
            { type: "button", onclick: work, "data-act": words.toLowerCase() },
            icon(name),
            h("span", {}, words),
        );
    const stop = button("stop", "Stop", () => act("stop"));
    const resume = button("play", "Resume", () => act("resume"));
    const remove = button("trash", "Delete", () => confirmDialog(...DELETE, () => act("delete")));
    let command = "";
    const repeat = button("copy", "Copy command", () => copy(command, "Command copied"));
    const menu = h(
        "details.cf-menu",
        {},
        h("summary.cf-button", {}, icon("download"), h("span", {}, "Export")),
        h(
            "div.cf-menu-items",
            {},
            EXPORTS.map(([file, words]) =>
                h("a", { href: url(`comparisons/${encodeURIComponent(id)}/export/${file}`), download: "" }, words),
            ),
        ),
    );
    const error = h("p.cf-message", { hidden: true });
    const node = h(
        "div.cf-compare-top",
        {},
        h(
            "button.cf-text.cf-back",
            { type: "button", onclick: () => app.openCompare("list") },
            icon("left"),
            "All comparisons",
        ),
        h("header.cf-compare-head", {}, title, chip, h("div.cf-compare-tools", {}, stop, resume, menu, repeat, remove)),
        status,
        bar,
        error,
    );
    const update = (comparison) => {
        const busy = AT_WORK.includes(comparison.state);
        title.textContent = comparison.title || comparison.id;
        chip.replaceChildren(stateChip(comparison.state, comparison.position));
        command = comparison.command || "";
        const others = comparison.own === false; // another visitor's
        stop.hidden = !busy || others;
        resume.hidden = busy || comparison.done === comparison.total || others;
        remove.hidden = busy || others;
        menu.hidden = !comparison.done;
        bar.hidden = comparison.state === "done";
        bar.firstChild.style.transform = `scaleX(${comparison.done / Math.max(comparison.total, 1)})`;
        set(bar, comparison.done, comparison.total);
        status.textContent = [
            `${comparison.model} on ${comparison.data}`,
            `${comparison.done} of ${comparison.total} runs`,
            busy && comparison.eta !== null ? `${clock(comparison.eta)} left` : "",
            now(comparison),
        ]
            .filter(Boolean)
            .join(" · ");
        error.hidden = !comparison.error;
        error.textContent = comparison.error || "";
    };
    return { node, update };
}

function set(bar, done, total) {
    for (const [name, value] of [
        ["min", 0],
        ["max", total],
        ["now", done],
    ])
        bar.setAttribute(`aria-value${name}`, String(value));
}

/** What is being done at this moment, in words. */
function now(comparison) {
    const { now: current } = comparison;
    if (!current) return "";
    const target = comparison.targets.find((entry) => entry.key === current.target);
    const row = comparison.rows.find((entry) => entry.cells.includes(current.cell));
    const stage = current.stage ? `${current.stage} ${current.step}/${current.total}` : "";
    return [row?.label, target?.label, `seed ${current.seed}`, stage].filter(Boolean).join(", ");
}
