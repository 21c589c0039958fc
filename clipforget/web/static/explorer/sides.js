// @ts-check
// Above the grids: what the borders mean, on a phone which side is seen, everywhere how many images.

import { PAGE } from "../lib/api.js";
import { h, icon, iconButton } from "../lib/dom.js";
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
        [12, 24, 48, "all"].map((k) =>
            h("button", { type: "button", "data-k": k, onclick: () => app.setHits({ k }) }, String(k)),
        ),
    );
    const legend = h(
        "div.cf-legend",
        { role: "group", "aria-label": "Only images of one role" },
        ROLES.map((role) => {
            const entry = h(
                "button",
                {
                    type: "button",
                    "data-role": role,
                    title: `Show only ${role}; press again for all`,
                    onclick: () => app.setHits({ role: app.state.role === role ? "" : role }),
                },
                h("i.cf-key", { "aria-hidden": "true" }),
                role,
            );
            entry.classList.add(`cf-${role}`);
            return entry;
        }),
    );
    const mark = (sign) => h("span", {}, h("b", { "aria-hidden": "true" }, sign), h("span"));
    const [lost, entered] = [mark("✕"), mark("+")];
    const marks = h("div.cf-legend-marks", {}, lost, entered);
    const turn = (by) => app.setHits({ page: app.state.page + by });
    const [previous, next] = [
        iconButton("left", "Previous hits", () => turn(-1)),
        iconButton("right", "Next hits", () => turn(1)),
    ];
    const where = h("span", { role: "status" });
    const pager = h("div.cf-pager", { role: "group", "aria-label": "Pages of hits" }, previous, where, next);
    const hide = h(
        "button.cf-button.cf-quiet",
        {
            type: "button",
            id: "cf-blur",
            "aria-label": "Blur",
            title: "Blur these images, in this browser; a click or Enter shows one",
            onclick: () => app.toggleBlur(),
        },
        icon("eye"),
        h("span", {}, "Blur"),
    );
    app.bus.on("blur", () => hide.setAttribute("aria-pressed", String(app.blurred())));
    container.replaceChildren(
        legend,
        marks,
        h("div.cf-phone.cf-versus-phone", {}, versusPicker(app, "cf-vs-phone")),
        sides,
        pager,
        hide,
        sizes,
    );
    app.bus.on("pack", () => {
        const { k, page, role } = app.state;
        for (const button of [...sizes.children, ...legend.children])
            button.setAttribute("aria-pressed", String([String(k), role].includes(Object.values(button.dataset)[0])));
        const { total } = app.pack;
        const first = page * PAGE;
        pager.hidden = k !== "all";
        where.textContent = `${first + 1}–${Math.min(first + PAGE, total)} of ${total.toLocaleString("en")}`;
        previous.disabled = page === 0;
        next.disabled = first + PAGE >= total;
        if (page && first >= total) app.setHits({}); // an address from a larger gallery
    });
    app.bus.on("open", () => {
        const names = app.rival ? ["Run A", "Run B"] : ["Before", "After"];
        names.forEach((name, i) => {
            sides.children[i].textContent = name;
        });
        lost.lastChild.textContent = app.rival ? "A alone" : "gone";
        entered.lastChild.textContent = app.rival ? "B alone" : "new";
        hide.setAttribute("aria-pressed", String(app.blurred()));
    });
    choose("after");
}
