// @ts-check
// The tabs under the grids: charts, the table of figures, the recipe, and the runs.

import { auditsTab } from "./audits.js";
import { chart } from "./charts.js";
import { h } from "../lib/dom.js";
import { galleryMap } from "./map.js";
import { predictionMatrix } from "./matrix.js";
import { figuresTable } from "./table.js";
import { recipe } from "./recipe.js";
import { retrievalTable } from "./retrieval.js";

// Tabs beside the charts, which the server lists; all stand by rising order.
const TABLES = [
    { name: "audits", title: "Audits", order: 11, fill: auditsTab },
    { name: "map", title: "Map", order: 12, fill: galleryMap },
    { name: "matrix", title: "Matrix", order: 14, fill: predictionMatrix },
    { name: "retrieval", title: "Retrieval", order: 40, fill: retrievalTable },
    { name: "figures", title: "All figures", order: 50, fill: figuresTable },
    { name: "recipe", title: "Recipe", order: 900, fill: recipe },
];

/** Fill `container` with tabs; the chosen one stands in the address as view=. */
export function tabs(app, container) {
    const charts = app.charts
        .filter(({ of }) => of === "run")
        .map((about) => ({ ...about, fill: (_, box) => chart(app, about, box) }));
    const panes = [...charts, ...TABLES].sort((a, b) => a.order - b.order);
    const list = h("div.cf-tablist", { role: "tablist", "aria-label": "Charts and records" });
    const made = new Map();
    for (const { name, title, fill } of panes) {
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
        made.set(name, { tab, box, content: fill(app, box) });
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
    container.replaceChildren(list, ...[...made.values()].map(({ box }) => box));
    const current = () => (made.has(app.state.view) ? app.state.view : panes[0].name);
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
