// @ts-check
// The tabs under the grids: charts and tables, and behind "More" what is looked up now and then.

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
const LOOKED_UP = 50; // from this order on behind "More"

/** Fill `container` with tabs; the chosen one stands in the address as view=. */
export function tabs(app, container) {
    const charts = app.charts
        .filter(({ of }) => of === "run")
        .map((about) => ({ ...about, fill: (_, box) => chart(app, about, box) }));
    const panes = [...charts, ...TABLES].sort((a, b) => a.order - b.order);
    const list = h("div.cf-tablist", { role: "tablist", "aria-label": "Charts and tables" });
    const records = h("div.cf-menu-items", {
        role: "tablist",
        "aria-label": "More charts and tables",
        "aria-orientation": "vertical",
    });
    const summary = h("summary.cf-tab", {}, "More");
    const more = h("details.cf-menu", { id: "cf-more-tabs" }, summary, records);
    const bar = h("div.cf-tabbar", {}, list, more);
    const made = new Map();
    for (const { name, title, order, fill } of panes) {
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
                onclick: () => {
                    more.open = false;
                    app.setView(name);
                },
            },
            title,
        );
        (order < LOOKED_UP ? list : records).append(tab);
        made.set(name, { tab, box, content: fill(app, box) });
    }
    bar.addEventListener("keydown", (event) => {
        const down = records.contains(/** @type {Element} */ (event.target)) ? { ArrowDown: 1, ArrowUp: -1 } : {};
        const step = { ArrowRight: 1, ArrowLeft: -1, ...down }[event.key];
        if (!step) return;
        const names = [...made.keys()];
        const next = names[(names.indexOf(current()) + step + names.length) % names.length];
        app.setView(next);
        more.open = records.contains(made.get(next).tab);
        made.get(next).tab.focus();
        event.stopPropagation();
        event.preventDefault();
    });
    container.replaceChildren(bar, ...[...made.values()].map(({ box }) => box));
    const current = () => (made.has(app.state.view) ? app.state.view : panes[0].name);
    const show = () => {
        for (const [name, { tab, box, content }] of made) {
            const on = name === current();
            tab.setAttribute("aria-selected", String(on));
            tab.tabIndex = on ? 0 : -1;
            box.hidden = !on;
            if (!on) continue;
            const behind = records.contains(tab);
            summary.textContent = behind ? tab.textContent : "More";
            summary.classList.toggle("cf-here", behind);
            if (behind) /** @type {HTMLElement} */ (list.firstChild).tabIndex = 0;
            else list.scrollLeft = tab.offsetLeft - list.clientWidth / 2; // where they do not all fit
            if (app.view) content.show?.();
        }
    };
    app.bus.on("view", show);
    app.bus.on("open", show);
    show();
}
