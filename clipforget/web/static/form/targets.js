// @ts-check
// More targets beside the picked subgroups: other superclasses, other styles, a whole style.

import { h, iconButton } from "../lib/dom.js";

/** Gradio mounts this on a component with the props value (targets) and items (all that can be named). */
export function mount(element, { props, trigger, watch }) {
    const chips = h("div.cf-targets");
    const list = h("datalist", { id: "cf-all-targets" });
    const message = h("p.cf-help", { role: "alert" });
    const input = h("input", {
        type: "text",
        list: list.id,
        autocomplete: "off",
        placeholder: "another target",
        "aria-label": "Another target to forget",
        onkeydown: (event) => {
            if (event.key === "Enter" && !event.ctrlKey) {
                event.preventDefault();
                add();
            }
        },
    });
    const button = h("button.cf-button", { type: "button", onclick: () => add() }, "Add");
    const container = h("div.cf-more-targets", {}, chips, h("div.cf-add", {}, input, button), list, message);
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
        chips.replaceChildren(
            ...value().map((target) =>
                h(
                    "span.cf-target",
                    {},
                    h("span", {}, target),
                    iconButton(
                        "close",
                        `Take off ${target}`,
                        () => change(value().filter((other) => other !== target)),
                        "button.cf-remove",
                    ),
                ),
            ),
        );
        const items = JSON.stringify(props.items || []);
        if (items !== offered) list.replaceChildren(...(props.items || []).map((name) => h("option", { value: name })));
        offered = items;
    }

    watch(["value", "items"], draw);
    element.replaceChildren(container);
    draw();
}
