// @ts-check
// The options of a run that seldom change. The value holds those that differ from their defaults.

import { h } from "../lib/dom.js";
import { field } from "./field.js";

/** Gradio mounts this with the props value ({name: value}) and options (as the server describes them, with labels). */
export function mount(element, { props, trigger, watch }) {
    const container = h("div.cf-fields");
    let drawn = "";
    const value = () => props.value || {};

    function change({ name, default: standard }, now) {
        const values = { ...value() };
        if (now === null || JSON.stringify(now) === JSON.stringify(standard)) delete values[name];
        else values[name] = now;
        drawn = JSON.stringify(values);
        props.value = values;
        trigger("input");
    }

    function draw() {
        if (!container.isConnected) element.replaceChildren(container);
        const wanted = JSON.stringify(value());
        if (wanted === drawn) return; // while somebody types, the fields stay as they are
        drawn = wanted;
        container.replaceChildren(
            ...props.options.map((option) =>
                field(option, value()[option.name] ?? option.default, (now) => change(option, now)),
            ),
        );
    }
    watch("value", draw);
    draw();
}
