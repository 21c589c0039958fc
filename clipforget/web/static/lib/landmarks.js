// @ts-check
// Ways through the page for keyboards and screen readers: landmarks, a link past the form, one stop for the tools.

import { h } from "./dom.js";
import { oneStop } from "./stops.js";

/** Name the parts of the page, and let the first Tab offer to skip the head and the form. */
export function landmarks() {
    const main = document.getElementById("cf-main");
    const setup = document.getElementById("cf-setup");
    set(main, { role: "region", "aria-label": "Results", tabindex: "-1" });
    set(setup, { role: "form", "aria-label": "Set up a run" });
    set(document.getElementById("cf-head-mount"), { role: "navigation", "aria-label": "Runs and tools" });
    const skip = (event) => {
        event.preventDefault(); // the address keeps its state
        main.focus();
        main.scrollIntoView({ block: "start" });
    };
    document.body.prepend(h("a.cf-skip", { href: "#cf-main", onclick: skip }, "Skip to the results"));
    toolbar(document.querySelector(".cf-head-tools"));
}

function set(node, attributes) {
    for (const [name, value] of Object.entries(attributes)) node?.setAttribute(name, value);
}

/** Make one tab stop of a row of buttons, which come and go with what is shown. */
function toolbar(bar) {
    if (!bar) return;
    set(bar, { role: "toolbar" });
    const tools = ["button", "a", "details > summary"].map((tool) => `.cf-head-tools > ${tool}`).join();
    for (const tool of bar.querySelectorAll(tools)) tool.tabIndex = -1;
    const refresh = oneStop(bar, tools);
    new MutationObserver(refresh).observe(bar, { attributes: true, subtree: true, attributeFilter: ["hidden"] });
    refresh();
}
