// @ts-check
// The method of a run: which one, its source and what to know of it, a preset, and the settings of that one alone.

import { h } from "../lib/dom.js";

const GROUPS = {
    "image tower": "Change the image tower",
    "text tower": "Change the text tower",
    "both towers": "Change both towers",
    nothing: "Change no weights",
};
const OWN = "own settings";

/**
 * Gradio mounts this on a component with the props value {method, settings}, methods (as /setup tells them) and presets
 * (a list for each method). `settings` holds only what differs from the method's defaults.
 */
export function mount(element, { props, trigger, watch }) {
    const select = h("select", {
        id: "cf-method-select",
        "aria-label": "Method",
        onchange: () => choose(select.value, {}),
    });
    const about = h("div.cf-about");
    const preset = h("div.cf-preset");
    const fields = h("div.cf-settings");
    const container = h("div.cf-method-form", {}, select, about, preset, fields);
    let drawn = "";
    let listed = "";
    const value = () => props.value || { method: "", settings: {} };
    const method = () => props.methods.find((entry) => entry.name === value().method) || props.methods[0];
    let picked = ""; // the preset that was picked last
    const presets = () => [{ name: "default", settings: {}, note: "" }, ...(props.presets?.[method().name] || [])];

    function choose(name, settings) {
        props.value = { method: name, settings };
        draw(true);
        trigger("input");
    }

    /** One setting changed: it is kept where it differs from its default. */
    function change(option, now) {
        const settings = { ...value().settings };
        if (now === null || now === option.default) delete settings[option.name];
        else settings[option.name] = now;
        props.value = { method: method().name, settings };
        drawPreset();
        trigger("input");
    }

    function list() {
        const [ours, ...others] = props.methods;
        const named = (entry) => h("option", { value: entry.name }, entry.title);
        const groups = Object.entries(GROUPS).map(([changes, label]) => [
            label,
            others.filter((entry) => (entry.changes || "image tower") === changes),
        ]);
        select.replaceChildren(
            named(ours),
            ...groups
                .filter(([, group]) => group.length)
                .map(([label, group]) => h("optgroup", { label }, group.map(named))),
        );
    }

    function drawAbout() {
        const { summary, source, reference_url: href, uses, notes } = method();
        about.replaceChildren(
            h("p", {}, summary),
            h(
                "p",
                {},
                "Source: ",
                href ? h("a", { href, target: "_blank", rel: "noopener noreferrer" }, source) : source,
            ),
            h("p", {}, `${uses}.`),
            notes?.length
                ? h(
                      "ul",
                      {},
                      notes.map((note) => h("li", {}, note)),
                  )
                : "",
        );
    }

    /** The preset that the settings are; anything else is the visitor's own. */
    function drawPreset() {
        const known = presets();
        const now = canonical(value().settings);
        const same = known.filter((entry) => !entry.error && canonical(entry.settings) === now);
        const current = same.find((entry) => entry.name === picked) || same[0]; // several may hold the same settings
        const box = h(
            "select",
            {
                id: "cf-preset",
                "aria-label": "Preset",
                onchange: () => {
                    picked = box.value;
                    choose(method().name, { ...known.find((entry) => entry.name === picked)?.settings });
                },
            },
            known.map((entry) =>
                h("option", { value: entry.name, disabled: Boolean(entry.error), title: entry.error }, entry.name),
            ),
            current ? null : h("option", { value: OWN }, OWN),
        );
        box.value = current ? current.name : OWN;
        preset.replaceChildren(
            h("label", {}, h("span", {}, "Preset"), box),
            h("p.cf-help", { role: "status" }, current?.note || ""),
            ...known.filter((entry) => entry.error).map((entry) => h("p.cf-help", {}, entry.error)),
        );
        preset.hidden = !method().options.length;
    }

    function drawFields() {
        const { options } = method();
        const { settings } = value();
        const field = (option) =>
            fieldOf(option, settings[option.name] ?? option.default, (now) => change(option, now));
        const rare = options.filter((option) => option.advanced);
        const open = fields.querySelector("details")?.open || rare.some((option) => option.name in settings);
        fields.replaceChildren(
            ...options.filter((option) => !option.advanced).map(field),
            rare.length ? h("details.cf-rare", { open }, h("summary", {}, "Advanced"), rare.map(field)) : "",
        );
    }

    /** Redraw what the value says; while the visitor types, the fields stay as they are. */
    function draw(all) {
        if (!container.isConnected) element.replaceChildren(container);
        const names = JSON.stringify(props.methods.map((entry) => entry.name));
        if (names !== listed) list();
        listed = names;
        select.value = method().name;
        const wanted = JSON.stringify([method().name, value().settings]);
        if (all || wanted !== drawn) {
            drawAbout();
            drawFields();
        }
        drawn = wanted;
        drawPreset();
    }

    watch(["value", "methods", "presets"], () => draw(false));
    element.replaceChildren(container);
    draw(true);
}

const canonical = (settings) => JSON.stringify(Object.entries(settings || {}).sort());

/** The field of one setting, by its kind; `changed` gets its value, or null for one that cannot be read. */
function fieldOf(option, now, changed) {
    const name = option.name.replaceAll("_", " ");
    const label = name[0].toUpperCase() + name.slice(1);
    const id = `cf-setting-${option.name}`;
    const words = [
        h("span.cf-field-name", {}, label),
        h("small", {}, [option.help, bounds(option)].filter(Boolean).join(" ")),
    ];
    if (option.kind === "bool") {
        const box = h("input", { id, type: "checkbox", checked: Boolean(now), onchange: () => changed(box.checked) });
        return h("label.cf-field.cf-check", {}, box, h("span", {}, words));
    }
    if (option.choices.length) {
        const box = h(
            "select",
            { id, onchange: () => changed(box.value) },
            option.choices.map((entry) => h("option", { value: entry }, entry)),
        );
        box.value = now;
        return h("label.cf-field", {}, words, box);
    }
    const numeric = option.kind !== "str";
    const read = () =>
        !numeric ? box.value : box.value === "" || !Number.isFinite(Number(box.value)) ? null : Number(box.value);
    const box = h("input", {
        id,
        type: numeric ? "number" : "text",
        step: option.kind === "int" ? 1 : "any",
        value: now,
        onchange: () => changed(read()),
    });
    return h(numeric ? "label.cf-field.cf-figure" : "label.cf-field", {}, words, box);
}

function bounds({ low, high }) {
    if (low !== null && high !== null) return `(${low} to ${high})`;
    if (low !== null) return `(at least ${low})`;
    return high !== null ? `(at most ${high})` : "";
}
