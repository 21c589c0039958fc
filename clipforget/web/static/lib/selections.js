// @ts-check
// The saved selections as chips: those that are pressed make their images subgroups of a data set.

import { get } from "./api.js";
import { h } from "./dom.js";

/** `changed` is called when another chip is pressed; picked() are the names. No selections, no chips. */
export function selectionChips(changed) {
    const picked = new Set();
    const chips = h("div.cf-chips", { role: "group", "aria-label": "Selections" });
    const node = h("div", { hidden: true }, h("span.cf-help", {}, "Chosen images as subgroups"), chips);
    const chip = ({ name, target }) => {
        const button = h(
            "button.cf-chip",
            {
                type: "button",
                title: target,
                "aria-pressed": "false",
                onclick: () => {
                    picked[picked.has(name) ? "delete" : "add"](name);
                    button.setAttribute("aria-pressed", String(picked.has(name)));
                    changed();
                },
            },
            name,
        );
        return button;
    };
    get("selections").then(
        ({ selections }) => {
            const whole = selections.filter(({ error }) => !error);
            chips.replaceChildren(...whole.map(chip));
            node.hidden = !whole.length;
        },
        () => {},
    );
    return { node, picked: () => [...picked] };
}
