// @ts-check
// A line of the form that Python fills: what a data set holds, what a run will take, or what is wrong.

import { duration, h } from "../lib/dom.js";

const count = (number) => Number(number).toLocaleString("en");

/** Gradio mounts this on a component; its value is {}, {text}, {data}, {estimate} or {error}. */
export function mount(element, { props, watch }) {
    const container = h("div.cf-formnote", { role: "status" });
    element.replaceChildren(container);
    const draw = () => {
        if (!container.isConnected) element.replaceChildren(container);
        const { text, data, estimate, error } = props.value || {};
        container.classList.toggle("cf-error", Boolean(error));
        container.replaceChildren(
            ...(error ? [error] : estimate ? estimated(estimate) : data ? described(data) : text ? [text] : []),
        );
    };
    watch("value", draw);
    draw();
}

function described({ count: images, superclasses, evaluation_sets, skipped, note }) {
    const parts = [`${count(images)} images`, `${superclasses} superclasses`];
    if (evaluation_sets?.length) parts.push(`evaluation sets: ${evaluation_sets.join(", ")}`);
    const left = Array.isArray(skipped) ? skipped.length : skipped;
    if (left) parts.push(`${count(left)} files skipped`);
    return [parts.join(" · "), ...(note ? [h("br"), h("strong", {}, note)] : [])];
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
