// @ts-check
// The form's draft. Until a visitor changes it, the form follows the run that is shown; from then on it stands in the
// address, as what differs from a run's defaults.

import { h } from "../lib/dom.js";

const NAME = "form";
let arrived;
const form = new Promise((resolve) => {
    arrived = resolve;
});

/**
 * Gradio mounts this with the value {config, base, of}: what the form shows, what it was filled with and from which
 * run ("": none; null: not from a run, so that it is the visitor's own). Setting {fill, of} fills the form.
 */
export function mount(element, { props, trigger, watch }) {
    const note = h("div.cf-drift");
    element.replaceChildren(note);
    const draft = {
        note,
        changed: () => {},
        value: () => props.value || {},
        fill(config, of) {
            props.value = { fill: config, of };
            trigger("input");
        },
    };
    watch("value", () => {
        if (!note.isConnected) element.replaceChildren(note);
        draft.changed();
    });
    arrived(draft);
}

/** Keep form, address and the run that is shown together, from when the form is there. */
export async function followRuns(app) {
    const shown = () => {
        const run = app.runs.find((entry) => entry.id === app.state.run);
        return run?.config?.method && !run.config.soup?.length ? run : null;
    };
    app.fillForm = async (config) => {
        const isShown = JSON.stringify(shown()?.config) === JSON.stringify(config);
        (await form).fill(config, isShown ? app.state.run : null);
    };
    const draft = await form;
    const isOwn = ({ config, base }) => JSON.stringify(config) !== JSON.stringify(base);

    /** Fill the form anew where another run is shown than the one it came from, and nobody has changed it. */
    function follow(isListed) {
        const value = draft.value();
        const isNew = !("of" in value);
        const kept = new URLSearchParams(location.search).get(NAME);
        if (isNew && kept !== null) return draft.fill(read(kept), null);
        const isFree = isNew || ("fill" in value ? value.of !== null : !isOwn(value));
        if (!isFree || value.of === app.state.run) return keep();
        if (shown() || !app.state.run || isListed) draft.fill(shown()?.config ?? {}, app.state.run);
    }

    function keep() {
        const value = draft.value();
        if (!value.config) return;
        const own = isOwn(value);
        const query = new URLSearchParams(location.search);
        if (own) query.set(NAME, JSON.stringify(value.config));
        else query.delete(NAME);
        const text = query.toString();
        const address = location.pathname + (text ? `?${text}` : "") + location.hash;
        if (address !== location.pathname + location.search + location.hash)
            history.replaceState(history.state, "", address);
        const run = own && app.mode === "open" ? shown() : null;
        const take = () => draft.fill(run.config, run.id);
        draft.note.replaceChildren(
            ...(run
                ? [
                      h("span", {}, "Not the settings of the run shown."),
                      h("button.cf-link", { type: "button", onclick: take }, "Take those"),
                  ]
                : []),
        );
    }

    draft.changed = keep;
    app.bus.on("run", () => follow(false));
    app.bus.on("runs", () => follow(true));
    app.bus.on("mode", keep);
    follow(app.runs.length > 0);
}

/** What the address holds; nothing where it is no JSON. */
function read(text) {
    try {
        return JSON.parse(text) || {};
    } catch {
        return {};
    }
}
