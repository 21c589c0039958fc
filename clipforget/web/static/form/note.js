// @ts-check
// A line of the form that Python fills: what a run will take, or what is wrong.

import { duration, h } from "../lib/dom.js";

const count = (number) => Number(number).toLocaleString("en");

/** Gradio mounts this on a component; its value is {}, {text}, {estimate} or {error}. */
export function mount(element, { props, watch }) {
    const container = h("div.cf-formnote", { role: "status" });
    element.replaceChildren(container);
    const draw = () => {
        if (!container.isConnected) element.replaceChildren(container);
        const { text, estimate, error } = props.value || {};
        container.classList.toggle("cf-error", Boolean(error));
        container.replaceChildren(...(error ? [error] : estimate ? estimated(estimate) : text ? [text] : []));
    };
    watch("value", draw);
    draw();
}

function estimated({ seconds, memory, device, images, forget, retain, few }) {
    const known = typeof seconds === "number";
    return [
        h("strong", {}, known ? `about ${duration(seconds)}` : "Time unknown"),
        known ? ` on ${device}` : `: the model is not measured on ${device}`,
        memory ? `, ${(memory / 1e9).toFixed(1)} GB of memory` : "",
        h("br"),
        `${count(forget)} to forget, ${count(retain)} retained, ${count(images)} in all`,
        few ? h("p", {}, few) : "",
    ];
}
