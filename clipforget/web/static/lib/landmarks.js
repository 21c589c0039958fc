// @ts-check
// Ways through the page for keyboards and screen readers: landmarks, a link past the form, one stop for the tools.

import { h } from "./dom.js";

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

/** Make one tab stop of a row of buttons; the arrow keys walk along it. */
function toolbar(bar) {
    if (!bar) return;
    set(bar, { role: "toolbar" });
    const tools = () =>
        [...bar.querySelectorAll(":scope > button, :scope > a, :scope > details > summary")].filter(
            (tool) => tool.checkVisibility(),
        );
    const stop = (tool) => tools().forEach((other) => (other.tabIndex = other === tool ? 0 : -1));
    bar.addEventListener("focusin", (event) => tools().includes(event.target) && stop(event.target));
    bar.addEventListener("keydown", (event) => {
        const all = tools();
        const at = all.indexOf(event.target);
        const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: all.length - 1 }[event.key];
        if (at < 0 || to === undefined) return;
        event.preventDefault();
        event.stopPropagation(); // the arrows move alpha elsewhere
        all[(to + all.length) % all.length].focus();
    });
    // Tools come and go with what is shown; there is always one to reach.
    const one = () => {
        const all = tools();
        if (all.length && !all.some((tool) => tool.tabIndex === 0)) stop(all[0]);
        else if (all.filter((tool) => tool.tabIndex === 0).length > 1) stop(all.find((tool) => tool.tabIndex === 0));
    };
    new MutationObserver(one).observe(bar, { attributes: true, subtree: true, attributeFilter: ["hidden"] });
    one();
}
