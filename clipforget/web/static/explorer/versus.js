// @ts-check
// Two runs side by side: the left grid shows run A at alpha, the right one run B. One slider drives both.

import { get } from "../lib/api.js";
import { h, icon, iconButton, toast } from "../lib/dom.js";

/**
 * What the two grids show, each with its hits, a heading and a line beside it.
 * Without a second run they are Before and After. Null while there is nothing to show yet.
 */
export function sides(app) {
    const { pack, rival, view } = app;
    if (!pack || !view || (rival && !rival.pack)) return null;
    const alpha = `alpha ${app.where || (app.index / 100).toFixed(2)}`;
    const own = app.exactNow() || at(pack.after, app.index);
    const peek = app.peeking ? "showing the original (b held)" : "";
    if (!rival) {
        return {
            before: { view, list: pack.before, name: "Before", sub: "original model" },
            after: {
                view,
                list: app.peeking ? pack.before : own,
                name: "After",
                sub: peek || alpha,
                refused: pack.refused,
            },
        };
    }
    const theirs = app.exactNow()?.rival || at(rival.pack.after, app.index);
    const [a, b] = names(view, rival.view);
    return {
        before: { view, list: own, name: "A", sub: `${a} · ${alpha}`, refused: pack.refused },
        after: {
            view: rival.view,
            list: app.peeking ? rival.pack.before : theirs,
            name: "B",
            sub: `${b} · ${peek || alpha}`,
            refused: rival.pack.refused,
        },
    };
}

const at = ({ ids, cosines, ranks }, index) => ({ ids: ids[index], cosines: cosines[index], ranks: ranks?.[index] });

/** How two runs are told apart: method, and whatever else of their configurations differs. */
export function names(a, b) {
    const different = (key) => JSON.stringify(a.config[key]) !== JSON.stringify(b.config[key]);
    /** @type {[string, (config: any) => string][]} */
    const differences = [
        ["forget", (config) => config.forget.join(" + ")],
        ["model", (config) => config.model],
        ["seed", (config) => `seed ${config.seed}`],
    ];
    const texts = differences.filter(([key]) => different(key)).map(([, text]) => text);
    const own = Object.keys({ ...a.settings, ...b.settings })
        .filter(
            (name) =>
                a.config.method === b.config.method &&
                JSON.stringify(a.settings[name]) !== JSON.stringify(b.settings[name]),
        )
        .slice(0, 2);
    const settings = (run) => own.map((name) => `${name.replaceAll("_", " ")} ${run.settings[name]}`);
    return [a, b].map((run) =>
        [run.config.method.replaceAll("_", " "), ...texts.map((text) => text(run.config)), ...settings(run)].join(", "),
    );
}

/** True where two runs were scored on the same images, so that their grids and figures can stand side by side. */
export function comparable(a, b) {
    const [first, second] = [a.gallery, b.gallery];
    return (
        first.data === second.data &&
        first.items.length === second.items.length &&
        first.items.every((item, i) => item[0] === second.items[i][0])
    );
}

/** Load the second run of the address, or drop it with a message where it cannot stand beside the first. */
export async function loadRival(app) {
    const { run, vs } = app.state;
    if (!vs || vs === run) return drop(app);
    if (app.rival?.view.id === vs) return;
    app.rival = null;
    let message = "These two runs were scored on different images, so they cannot stand side by side.";
    try {
        const view = await get(`runs/${encodeURIComponent(vs)}/view`);
        if (app.state.run !== run || app.state.vs !== vs) return;
        if (view.state === "done" && comparable(app.view, view)) {
            app.rival = { view, pack: null };
            return;
        }
        if (view.state !== "done") message = "The second run is not finished, so it has nothing to show yet.";
    } catch (error) {
        message = error.message;
    }
    if (app.state.run !== run || app.state.vs !== vs) return;
    toast(message);
    drop(app);
}

function drop(app) {
    app.rival = null;
    app.state.vs = "";
}

/** The picker of the second run: finished runs on the same images, those with the same target first. */
export function versusPicker(app, id) {
    const select = h("select", {
        "aria-label": "Second run, to compare with",
        id,
        onchange: () => app.setRival(select.value),
    });
    const close = iconButton("close", "Back to Before and After", () => app.setRival(""));
    const swap = iconButton("swap", "Exchange A and B", () => app.swapRuns());
    const node = h("label.cf-versus", {}, h("span", {}, "vs"), select, swap, close);
    const gallery = (config) => config.gallery ?? app.options.gallery?.default;
    const draw = () => {
        const { config } = app.view || {};
        node.hidden = app.mode !== "open" || !config;
        if (node.hidden) return;
        const near = app.runs.filter(
            (run) =>
                run.state === "done" &&
                run.id !== app.view.id &&
                run.config.data === config.data &&
                gallery(run.config) === gallery(config),
        );
        const same = (run) => String([...run.config.forget].sort()) === String([...config.forget].sort());
        const group = (label, runs) =>
            runs.length
                ? [
                      h(
                          "optgroup",
                          { label },
                          runs.map((run) => h("option", { value: run.id }, app.runName(run))),
                      ),
                  ]
                : [];
        node.hidden = !near.length && !app.state.vs;
        const known = near.some((run) => run.id === app.state.vs);
        select.replaceChildren(
            h("option", { value: "" }, "no other run"),
            ...(app.state.vs && !known ? [h("option", { value: app.state.vs }, app.state.vs)] : []),
            ...group("The same target", near.filter(same)),
            ...group(
                "Other targets, the same images",
                near.filter((run) => !same(run)),
            ),
        );
        select.value = app.state.vs;
        close.hidden = swap.hidden = !app.rival;
    };
    for (const event of ["runs", "open", "mode"]) app.bus.on(event, draw);
    draw();
    return node;
}

/** What a chart that cannot show two runs says of itself. */
export const onlyA = () => h("p.cf-onlyA", {}, icon("help"), "This shows run A alone.");
