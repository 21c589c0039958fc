// @ts-check
// The method of a run: which one, its source and what to know of it, a preset, and the settings of that one alone.

import { h } from "../lib/dom.js";
import { field, help } from "./field.js";

const GROUPS = {
    "image tower": "Change the image tower",
    "text tower": "Change the text tower",
    "both towers": "Change both towers",
    nothing: "Change no weights",
};
const OWN = "own settings";

/**
 * Gradio mounts this on a component with the props value {goal, method, settings}, goals ({name, title, help}), ours
 * (our method for each goal), methods (as /setup tells them) and presets (a list for each method). `settings` holds
 * only what differs from the method's defaults.
 */
export function mount(element, { props, trigger, watch }) {
    const select = h("select", {
        id: "cf-method-select",
        onchange: () => choose({ method: select.value, settings: {} }),
    });
    const about = h("details.cf-details.cf-about");
    const preset = h("div.cf-field.cf-preset", { role: "status" });
    const fields = h("div.cf-fields");
    const goals = h("fieldset.cf-goals", {}, h("legend", {}, "Forgotten is to mean"), props.goals.map(goal));
    const label = h("label", { htmlFor: select.id }, "Method");
    const container = h("div.cf-fields", {}, goals, h("div.cf-field", {}, label, select), about, preset, fields);
    let drawn = "";
    let listed = "";
    const value = () => props.value || { goal: props.goals[0].name, method: "", settings: {} };
    const method = () => props.methods.find((entry) => entry.name === value().method) || props.methods[0];
    let picked = ""; // the preset that was picked last
    const presets = () => [{ name: "default", settings: {}, note: "" }, ...(props.presets?.[method().name] || [])];

    function choose(part) {
        props.value = { ...value(), method: method().name, ...part };
        draw(true);
        trigger("input");
    }

    /** A goal to choose. Another one brings our method for it, unless somebody else's is chosen. */
    function goal({ name, title, help: text }) {
        const isOurs = () => Object.values(props.ours).includes(method().name);
        const choice = () => choose({ goal: name, ...(isOurs() ? { method: props.ours[name], settings: {} } : {}) });
        const radio = h("input", { type: "radio", name: "cf-goal", value: name, onchange: choice });
        return h("div", {}, h("label", {}, radio, title), help(title, text));
    }

    /** One setting changed: it is kept where it differs from its default. */
    function change(option, now) {
        const settings = { ...value().settings };
        if (now === null || now === option.default) delete settings[option.name];
        else settings[option.name] = now;
        props.value = { ...value(), method: method().name, settings };
        drawn = JSON.stringify([props.value.method, settings]); // while somebody types, the fields stay as they are
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
        const link = href ? h("a", { href, target: "_blank", rel: "noopener noreferrer" }, source) : source;
        about.replaceChildren(
            h("summary", {}, summary),
            h("p", {}, "Source: ", link),
            h("p", {}, `${uses}.`),
            ...(notes || []).map((note) => h("p", {}, note)),
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
                onchange: () => {
                    picked = box.value;
                    choose({ settings: { ...known.find((entry) => entry.name === picked)?.settings } });
                },
            },
            known.map((entry) =>
                h("option", { value: entry.name, disabled: Boolean(entry.error), title: entry.error }, entry.name),
            ),
            current ? null : h("option", { value: OWN }, OWN),
        );
        box.value = current ? current.name : OWN;
        preset.replaceChildren(
            h("label", { htmlFor: box.id }, "Preset"),
            box,
            help("Preset", current?.note),
            ...known.filter((entry) => entry.error).map((entry) => h("small.cf-wrong", {}, entry.error)),
        );
        preset.hidden = !method().options.length;
    }

    function drawFields() {
        const { options } = method();
        const { settings } = value();
        const draw = (option) =>
            field(option, settings[option.name] ?? option.default, (now) => change(option, now));
        const rare = options.filter((option) => option.advanced);
        const open = fields.querySelector("details")?.open || rare.some((option) => option.name in settings);
        fields.replaceChildren(
            ...options.filter((option) => !option.advanced).map(draw),
            rare.length ? h("details.cf-fields", { open }, h("summary", {}, "More settings"), rare.map(draw)) : "",
        );
    }

    /** Redraw what the value says; while the visitor types, the fields stay as they are. */
    function draw(all) {
        if (!container.isConnected) element.replaceChildren(container);
        const names = JSON.stringify(props.methods.map((entry) => entry.name));
        if (names !== listed) list();
        listed = names;
        select.value = method().name;
        for (const radio of goals.querySelectorAll("input")) radio.checked = radio.value === value().goal;
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
