// @ts-check
// A list of targets, each of which can be taken off, and a box to add another.

import { h, iconButton } from "../lib/dom.js";
import { help } from "./field.js";

/**
 * Gradio mounts this on a component with the props value (targets), items (all that can be named), label, of (what
 * they are taken off from, in words) and help.
 */
export function mount(element, { props, trigger, watch }) {
    const id = `cf-add-${props.elem_id ?? props.of.replaceAll(" ", "-")}`;
    const chips = h("div.cf-targets");
    const list = h("datalist", { id: `${id}-all` });
    const message = h("small.cf-wrong", { role: "alert" });
    const input = h("input", {
        id,
        type: "text",
        list: list.id,
        autocomplete: "off",
        placeholder: "superclass/subgroup",
        onkeydown: (event) => {
            if (event.key === "Enter" && !event.ctrlKey) {
                event.preventDefault();
                add();
            }
        },
    });
    const adds = { type: "button", "aria-label": `Add to ${props.of}`, onclick: () => add() };
    const button = h("button.cf-button", adds, "Add");
    const container = h(
        "div.cf-field",
        {},
        h("label", { htmlFor: id }, props.label),
        help(props.label, props.help),
        chips,
        h("div.cf-add", {}, input, button),
        list,
        message,
    );
    let offered = "";
    const value = () => props.value || [];

    function change(targets) {
        props.value = targets;
        draw();
        trigger("input");
    }

    function add() {
        const wanted = input.value.trim();
        message.textContent =
            !wanted || (props.items || []).includes(wanted)
                ? ""
                : "There is no such target in these images; choose one from the list.";
        if (!wanted || message.textContent) return;
        input.value = "";
        if (!value().includes(wanted)) change([...value(), wanted]);
    }

    function draw() {
        if (!container.isConnected) element.replaceChildren(container);
        const chip = (target) => {
            const takeOff = () => {
                change(value().filter((other) => other !== target));
                input.focus();
            };
            const remove = iconButton("close", `Take ${target} off ${props.of}`, takeOff, "button.cf-remove");
            return h("span.cf-target", {}, h("span", {}, target), remove);
        };
        chips.replaceChildren(...value().map(chip));
        const items = JSON.stringify(props.items || []);
        if (items !== offered) list.replaceChildren(...(props.items || []).map((name) => h("option", { value: name })));
        offered = items;
    }

    watch(["value", "items"], draw);
    draw();
}
