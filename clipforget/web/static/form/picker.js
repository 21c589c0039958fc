// @ts-check
// Subgroups to forget, each a tile with sample thumbnails. The value is the list of picked names.

import { h } from "../lib/dom.js";

/**
 * Gradio mounts this on a component with the props value (names), items ({name, images}) and alone (no superclass
 * chosen).
 */
export function mount(element, { props, trigger, watch }) {
    const box = h("div.cf-tiles", { role: "group", "aria-label": "Subgroups to forget" });
    const hint = h("p.cf-help");
    const container = h("div", {}, box, hint);
    let drawn = "";
    const picked = () => props.value || [];
    const toggle = (name) => {
        props.value = picked().includes(name) ? picked().filter((other) => other !== name) : [...picked(), name];
        draw();
        trigger("input");
    };
    const tile = ({ name, images }) =>
        h(
            "button.cf-tile",
            { type: "button", "data-name": name, onclick: () => toggle(name) },
            h(
                "span.cf-samples",
                { "aria-hidden": "true" },
                images.map((src) =>
                    h("img", {
                        src: new URL(src, document.baseURI).href,
                        alt: "",
                        width: 48,
                        height: 48,
                        loading: "lazy",
                    }),
                ),
            ),
            h("span.cf-tile-name", {}, name),
        );
    const draw = () => {
        if (!container.isConnected) element.replaceChildren(container);
        const items = props.items || [];
        const wanted = JSON.stringify(items);
        if (wanted !== drawn) box.replaceChildren(...items.map(tile));
        drawn = wanted;
        for (const node of box.children)
            node.setAttribute("aria-pressed", String(picked().includes(node.dataset.name)));
        hint.textContent = props.alone
            ? "Only the targets named below are forgotten."
            : !items.length
              ? "This superclass has no subgroups: all of it is forgotten."
              : picked().length
                ? ""
                : "Nothing picked: the whole superclass is forgotten.";
        hint.hidden = !hint.textContent;
    };
    watch(["value", "items", "alone"], draw);
    element.replaceChildren(container);
    draw();
}
