// @ts-check
// Above the grids: what the borders mean, on a phone which side is seen, everywhere how many images.

import { h } from "../lib/dom.js";
import { versusPicker } from "./versus.js";

const ROLES = ["forget", "siblings", "others"];

/** Fill `container`; `both` is the element of the two grids. */
export function sideSwitch(app, container, both) {
    const choose = (side) => {
        both.dataset.side = side;
        for (const button of sides.children) button.setAttribute("aria-pressed", String(button.dataset.side === side));
    };
    const sides = h(
        "div.cf-switch.cf-phone",
        { role: "group", "aria-label": "Side" },
        ["before", "after"].map((side) =>
            h("button", { type: "button", "data-side": side, onclick: () => choose(side) }),
        ),
    );
    const sizes = h(
        "div.cf-switch",
        { role: "group", "aria-label": "Images shown" },
        [12, 24].map((k) => h("button", { type: "button", "data-k": k, onclick: () => app.setK(k) }, String(k))),
    );
    const legend = h(
        "div.cf-legend",
        {},
        ROLES.map((role) => {
            const entry = h("span", {}, h("i.cf-key", { "aria-hidden": "true" }), role);
            entry.classList.add(`cf-${role}`);
            return entry;
        }),
    );
    container.replaceChildren(
        legend,
        h("div.cf-phone.cf-versus-phone", {}, versusPicker(app, "cf-vs-phone")),
        sides,
        sizes,
    );
    app.bus.on("pack", () => {
        for (const button of sizes.children)
            button.setAttribute("aria-pressed", String(Number(button.dataset.k) === app.state.k));
    });
    app.bus.on("open", () => {
        const names = app.rival ? ["Run A", "Run B"] : ["Before", "After"];
        names.forEach((name, i) => {
            sides.children[i].textContent = name;
        });
    });
    choose("after");
}
