// @ts-check
// The head of a step of the form: its title, and while it is folded one line on what it holds.

import { h } from "../lib/dom.js";

const KEY = "clipforget-steps"; // which were folded or opened, as long as the tab is open

/** Gradio mounts this in a column of the class cf-fold, with the props title, number, summary and opens (at first). */
export function mount(element, { props, watch }) {
    const column = element.closest(".cf-fold");
    const line = h("span.cf-summary");
    const head = h(
        "button.cf-step",
        { type: "button", onclick: () => fold(head.getAttribute("aria-expanded") === "true", true) },
        h("span.cf-step-number", { "aria-hidden": "true" }, props.number ?? "+"),
        h("span.cf-step-title", {}, props.title),
        line,
    );
    const container = h("h2.cf-step-head", {}, head);

    function fold(folded, remember) {
        column.toggleAttribute("data-folded", folded);
        head.setAttribute("aria-expanded", String(!folded));
        if (remember) remembered({ ...remembered(), [props.title]: !folded });
    }

    function draw() {
        if (!container.isConnected) element.replaceChildren(container);
        line.textContent = line.title = props.summary || "";
    }
    watch("summary", draw);
    draw();
    fold(!(remembered()[props.title] ?? props.opens), false);
}

/** Read which steps are open; or with `now`, write it. */
function remembered(now) {
    try {
        if (now) sessionStorage.setItem(KEY, JSON.stringify(now));
        return JSON.parse(sessionStorage.getItem(KEY) || "{}");
    } catch {
        return {}; // storage may be switched off
    }
}
