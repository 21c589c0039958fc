// @ts-check
// What was understood of a data set before anything runs, other ways to read it, and the images that supply others.

import { clock, h } from "../lib/dom.js";
import { help } from "./field.js";

const count = (number) => Number(number).toLocaleString("en");
const CLASSES = 6; // shown with samples

/**
 * Gradio mounts this on a component with the props value ({others, levels, stop}) and about: {data}, {reading},
 * {text} or {error}, and sets, the names that can be others.
 */
export function mount(element, { props, trigger, watch }) {
    const note = h("div.cf-formnote", { role: "status" });
    const more = h("div.cf-details");
    const container = h("div", {}, note, more);
    let drawn = "";
    const choose = (change) => {
        props.value = { others: "", levels: "", ...props.value, stop: false, ...change };
        trigger("input");
    };
    const draw = () => {
        if (!container.isConnected) element.replaceChildren(container);
        const about = props.about || {};
        const wanted = JSON.stringify([about, props.value]);
        if (wanted === drawn) return;
        drawn = wanted;
        note.classList.toggle("cf-error", Boolean(about.error));
        const said = about.error || (about.data ? summary(about.data) : about.text);
        note.replaceChildren(...(said ? [said] : []));
        const parts = about.reading
            ? [reading(about.reading, choose)]
            : about.data
              ? details(about.data)
              : about.error && props.value?.others
                ? [others(props, choose)]
                : [];
        more.replaceChildren(...parts);
    };
    const details = (data) => [
        data.needs_others || props.value?.others ? others(props, choose) : "",
        h(
            "details",
            { open: data.own },
            h("summary", {}, "How it was understood"),
            h("ul", {}, data.sentences.map((text) => h("li", {}, text))),
            data.options.map((levels) =>
                h(
                    "button.cf-small",
                    { type: "button", onclick: () => choose({ levels }) },
                    `Read the folders as ${levels.replaceAll(",", ", then ")}`,
                ),
            ),
            h("ul.cf-classes", {}, data.classes.slice(0, CLASSES).map(shown)),
            data.classes.length > CLASSES ? h("p.cf-help", {}, `and ${count(data.classes.length - CLASSES)} more`) : "",
            data.skipped_files.length ? skipped(data) : "",
        ),
    ];
    watch(["value", "about"], draw);
    draw();
}

function summary({ count: images, superclasses, evaluation_sets, skipped: left, note }) {
    const parts = [`${count(images)} images`, `${superclasses} ${superclasses === 1 ? "class" : "classes"}`];
    if (evaluation_sets?.length) parts.push(`evaluation sets: ${evaluation_sets.join(", ")}`);
    if (left) parts.push(`${count(left)} ${left === 1 ? "file" : "files"} skipped`);
    return h("span", {}, parts.join(" · "), ...(note ? [h("br"), h("strong", {}, note)] : []));
}

function reading({ stage, done, total, eta }, choose) {
    const left = eta === null ? "" : `, ${clock(eta)} left`;
    const text = total ? `${stage}: ${Math.floor((100 * done) / total)} %${left}` : `${stage} the folder`;
    return h(
        "div.cf-reading",
        { role: "status" },
        h("progress", { value: done, max: total || 1, "aria-label": "Reading the images" }),
        h("span", {}, text),
        h("button.cf-small", { type: "button", onclick: () => choose({ stop: true }) }, "Stop"),
    );
}

function others(props, choose) {
    const list = h("datalist", { id: "cf-others-sets" }, (props.sets || []).map((value) => h("option", { value })));
    const input = h("input", {
        id: "cf-others-input",
        type: "text",
        value: props.value?.others || "",
        autocomplete: "off",
        spellcheck: false,
        list: list.id,
        onchange: () => choose({ others: input.value.trim() }),
    });
    const label = h("label", { htmlFor: input.id }, "Others come from");
    const text = "A data set by name or path: what the pictures are told apart from, and what is to be kept.";
    return h("div.cf-field", {}, label, input, list, help(label.textContent, text));
}

function shown({ name, size, images }) {
    const picture = (src) => h("img", { src: new URL(src, document.baseURI).href, alt: "", loading: "lazy" });
    return h("li", {}, h("span.cf-class-images", {}, images.map(picture)), h("span", {}, `${name}: ${count(size)}`));
}

function skipped({ skipped: all, skipped_files: rows }) {
    const rest = all - rows.length;
    return h(
        "details.cf-skipped",
        {},
        h("summary", {}, `${count(all)} ${all === 1 ? "file was" : "files were"} skipped`),
        h("ul", {}, rows.map(([file, reason]) => h("li", {}, h("code", {}, file), ` ${reason}`))),
        rest ? h("p.cf-help", {}, `and ${count(rest)} more; clipforget data lists them all`) : "",
    );
}
