// @ts-check
// In the step Forget: the selections in use, the way to choose images without labels, and to send pictures.

import { h, icon, iconButton } from "../lib/dom.js";
import { selectionName } from "../lib/state.js";
import { openChooser } from "./dialog.js";
import { sender } from "./send.js";

/**
 * Gradio mounts this on a component with the props value ({use: selections, data: a data set that was sent or ""}),
 * model, data and device, as the form shows them.
 */
export function mount(element, { props, trigger, watch }) {
    const chips = h("div.cf-targets");
    const choose = h(
        "button.cf-button",
        { type: "button", id: "cf-choose", onclick: () => open(props.data) },
        icon("target"),
        "Choose images",
    );
    const send = sender((data) => {
        change({ use: [], data });
        open(data);
    });
    const container = h(
        "div.cf-chosen",
        {},
        h("p.cf-help", {}, "No label for it? Choose its images by words, clicks or on a map."),
        chips,
        h("div.cf-chosen-buttons", {}, choose, send.button),
        send.node,
    );
    send.listen(container);
    const used = () => props.value?.use || [];
    const without = (name) => used().filter((other) => other !== name);

    function open(data) {
        openChooser({
            of: { model: props.model, data, device: props.device },
            use: (name) => change({ use: [...without(name), name], data: "" }),
            gone: (name) => used().includes(name) && change({ use: without(name), data: "" }),
        });
    }

    function change(value) {
        props.value = value;
        draw();
        trigger("input");
    }

    function draw() {
        if (!container.isConnected) element.replaceChildren(container);
        chips.replaceChildren(
            ...used().map((name) =>
                h(
                    "span.cf-target",
                    {},
                    h("span", {}, selectionName(name)),
                    iconButton(
                        "close",
                        `Do not use the selection ${selectionName(name)}`,
                        () => change({ use: without(name), data: "" }),
                        "button.cf-remove",
                    ),
                ),
            ),
        );
        chips.hidden = !used().length;
    }

    watch("value", draw);
    element.replaceChildren(container);
    draw();
}
