// @ts-check
// What to forget of one superclass: one subgroup, the whole of it, or several subgroups; in any style or in one.

import { h } from "../lib/dom.js";

const [ANY, NONE, WHOLE] = ["Any style", "None of these", "*"]; // as in targets.py

/**
 * Gradio mounts this on a component with the props value ({superclass, picked, style}), items ({name, images}, null
 * until the images are read) and the superclass that they are of, superclasses and styles. The value comes last: until
 * then it is that of other images, and nothing is shown.
 */
export function mount(element, { props, trigger, watch }) {
    const superclass = h("select", {
        id: "cf-superclass",
        onchange: () => change({ superclass: superclass.value, picked: [], style: ANY, fresh: true }),
    });
    const tiles = h("div.cf-tiles", { role: "radiogroup", "aria-label": "What to forget of it" });
    const hint = h("p.cf-help", { role: "status" });
    const several = h("input", {
        id: "cf-several",
        type: "checkbox",
        onchange: () => (several.checked ? draw() : change({ picked: value().picked.slice(0, 1) })),
    });
    const style = h("select", { id: "cf-style", onchange: () => change({ style: style.value }) });
    const styled = h("div.cf-field.cf-seldom", {}, h("label", { htmlFor: style.id }, "Style"), style);
    const severalLabel = h("label", { htmlFor: several.id }, "Several subgroups");
    const choice = h("div.cf-field.cf-check.cf-seldom", {}, severalLabel, several);
    const seldom = h("button.cf-further", {
        type: "button",
        id: "cf-seldom",
        onclick: () => showSeldom(seldom.getAttribute("aria-expanded") !== "true"),
    });
    const container = h(
        "div.cf-fields",
        {},
        h("div.cf-field", {}, h("label", { htmlFor: superclass.id }, "Superclass"), superclass),
        tiles,
        hint,
        seldom,
        choice,
        styled,
    );
    let drawn = "";
    let wasSeldom = null;
    const value = () => props.value || { superclass: NONE, picked: [], style: ANY };
    const items = () => props.items || [];
    const isSeveral = () => several.checked || value().picked.length > 1;

    function change(part) {
        const { superclass, picked, style } = value();
        props.value = { superclass, picked, style, ...part };
        draw();
        trigger("input");
    }

    /** Choose a subgroup; where several are wanted, the whole superclass and a subgroup of it exclude each other. */
    function choose(name, on) {
        const { picked } = value();
        if (!isSeveral() || name === WHOLE) return change({ picked: on ? [name] : [] });
        const rest = picked.filter((other) => other !== name && other !== WHOLE);
        change({ picked: on ? [...rest, name] : rest });
    }

    function tile({ name, images }) {
        const input = h("input", { type: "radio", name: "cf-pick", onchange: () => choose(name, input.checked) });
        const picture = (src) =>
            h("img", { src: new URL(src, document.baseURI).href, alt: "", width: 48, height: 48, loading: "lazy" });
        const samples = images.length ? h("span.cf-samples", { "aria-hidden": "true" }, images.map(picture)) : "";
        const words = name === WHOLE ? `All of ${value().superclass}` : name;
        return h(
            name === WHOLE ? "label.cf-tile.cf-tile-whole" : "label.cf-tile",
            { "data-name": name },
            samples,
            h("span.cf-tile-name", {}, input, h("span", {}, words)),
        );
    }

    function showSeldom(open) {
        seldom.setAttribute("aria-expanded", String(open));
        element.closest(".cf-fold")?.toggleAttribute("data-seldom", open);
    }

    function fill(select, names, now) {
        const known = names.includes(now) || !names.length ? names : [...names, now];
        const wanted = JSON.stringify(known);
        if (select.dataset.names !== wanted)
            select.replaceChildren(...known.map((value) => h("option", { value }, value)));
        select.dataset.names = wanted;
        select.value = now;
    }

    function draw() {
        if (!container.isConnected) element.replaceChildren(container);
        const { superclass: now, picked, style: styleNow, fresh } = value();
        fill(superclass, props.superclasses || [], now);
        fill(style, props.styles || [], styleNow);
        styled.hidden = (props.styles || []).length < 2;
        seldom.textContent = styled.hidden ? "Several, own images, more" : "Several, a style, own images, more";
        const isRead = Boolean(props.items) && (fresh || props.of === now);
        container.hidden = !isRead;
        const wanted = JSON.stringify([now, items(), isSeveral()]);
        if (wanted !== drawn) {
            const all = now === NONE ? [] : [...items(), { name: WHOLE, images: [] }];
            tiles.replaceChildren(...all.map(tile));
        }
        drawn = wanted;
        several.checked = isSeveral();
        tiles.setAttribute("role", isSeveral() ? "group" : "radiogroup");
        tiles.hidden = now === NONE || Boolean(fresh); // those of another superclass are on their way
        for (const box of tiles.querySelectorAll("input")) {
            box.type = isSeveral() ? "checkbox" : "radio";
            box.checked = picked.includes(box.closest("label").dataset.name);
        }
        hint.textContent =
            now === NONE
                ? "Only the other targets below are forgotten."
                : picked.length || fresh
                  ? ""
                  : `Choose what to forget: a subgroup, or all of ${now}.`;
        hint.hidden = !hint.textContent;
        const isSeldom = isRead && (now === NONE || picked.length > 1 || styleNow !== ANY);
        if (isSeldom !== wasSeldom) showSeldom(isSeldom);
        wasSeldom = isSeldom;
    }
    watch(["value", "items", "superclasses", "styles"], draw);
    draw();
}
