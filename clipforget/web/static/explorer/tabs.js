// The tabs under the grids: charts, the table of figures, the recipe, and the runs.

import { chart } from "./charts.js";
import { h } from "../lib/dom.js";
import { figuresTable } from "./table.js";
import { recipe } from "./recipe.js";
import { retrievalTable } from "./retrieval.js";
import { runsTable } from "../run/runs.js";

const CHARTS = [
    ["alpha", "Accuracy over alpha"],
    ["tradeoff", "Trade-off"],
    ["classes", "Per class"],
    ["layers", "Layers"],
    ["losses", "Losses"],
];

/** Fill `place` with tabs; the chosen one stands in the address as view=. */
export function tabs(app, place) {
    const panes = CHARTS.map(([name, title]) => [name, title, (box) => chart(app, name, box)]);
    panes.splice(
        3,
        0,
        ["retrieval", "Retrieval", (box) => retrievalTable(app, box)],
        ["figures", "All figures", (box) => figuresTable(app, box)],
    );
    panes.push(["recipe", "Recipe", (box) => recipe(app, box)], ["runs", "Runs", (box) => runsTable(app, box)]);
    const list = h("div.cf-tablist", { role: "tablist", "aria-label": "Charts and records" });
    const made = new Map();
    for (const [name, title, fill] of panes) {
        const box = h("div.cf-tabpane", {
            id: `cf-pane-${name}`,
            role: "tabpanel",
            "aria-labelledby": `cf-tab-${name}`,
            tabIndex: 0,
        });
        const tab = h(
            "button.cf-tab",
            {
                type: "button",
                role: "tab",
                id: `cf-tab-${name}`,
                "aria-controls": box.id,
                onclick: () => app.setView(name),
            },
            title,
        );
        list.append(tab);
        made.set(name, { tab, box, content: fill(box) });
    }
    list.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!step) return;
        const names = [...made.keys()];
        const next = names[(names.indexOf(current()) + step + names.length) % names.length];
        app.setView(next);
        made.get(next).tab.focus();
        event.stopPropagation();
        event.preventDefault();
    });
    place.replaceChildren(list, ...[...made.values()].map(({ box }) => box));
    const current = () => (made.has(app.state.view) ? app.state.view : "alpha");
    const show = () => {
        for (const [name, { tab, box, content }] of made) {
            const on = name === current();
            tab.setAttribute("aria-selected", String(on));
            tab.tabIndex = on ? 0 : -1;
            box.hidden = !on;
            if (on && app.view) content.show?.();
        }
    };
    app.bus.on("view", show);
    app.bus.on("open", show);
    show();
}
