// @ts-check
// Parts of the page that news draw again and again while somebody may be at work in them.

import { clock, h, icon } from "./dom.js";

const LATER = 50; // milliseconds

/**
 * redrawer(node) gives redraw(key, draw): draws what is inside the node where the key differs from the last one. While
 * a pointer is pressed in the node it waits, as a click on what is no longer there would be lost; and what had the
 * focus has it again, if something with the same words or data-focus is still there.
 */
export function redrawer(node) {
    let drawn = null;
    let timer = 0;
    const nameOf = (one) => one.getAttribute("data-focus") ?? one.getAttribute("aria-label") ?? one.textContent;
    return function redraw(key, draw) {
        clearTimeout(timer);
        if (key === drawn) return;
        if (node.matches(":active")) {
            timer = setTimeout(() => redraw(key, draw), LATER);
            return;
        }
        drawn = key;
        const { activeElement } = document;
        const focused = node.contains(activeElement) ? nameOf(activeElement) : null;
        draw();
        if (focused === null || activeElement.isConnected) return;
        const all = [...node.querySelectorAll("button, a, input, select, summary")];
        all.find((one) => nameOf(one) === focused)?.focus({ preventScroll: true });
    };
}

/** [nodes, tell]: tell(words, event) shows how far work is; Stop and all the other nodes stay. `name` is the bar's. */
export function workLine(name, stop) {
    const words = h("p", { role: "status" });
    const left = h("span.cf-left");
    const fill = h("i");
    const bar = h(
        "div.cf-bar",
        { role: "progressbar", "aria-label": name, "aria-valuemin": 0, "aria-valuemax": 100 },
        fill,
    );
    const button = h(
        "button.cf-button",
        {
            type: "button",
            onclick: async () => {
                button.disabled = true;
                await stop();
                button.disabled = false;
            },
        },
        icon("stop"),
        "Stop",
    );
    const tell = (text, event) => {
        const share = event?.eta ? event.t / (event.t + event.eta) : 0.02;
        words.textContent = text;
        left.textContent = event?.eta ? `${clock(event.eta)} left` : "";
        fill.style.transform = `scaleX(${share})`;
        bar.setAttribute("aria-valuenow", String(Math.round(100 * share)));
    };
    return [[words, left, button, bar], tell];
}
