// @ts-check
// The form's draft. Until a visitor changes it, the form follows the run that is shown; from then on it stands in the
// address, as what differs from a run's defaults.

import { h } from "../lib/dom.js";
import { ask } from "./wanted.js";

const NAME = "form";
let arrived;
const mounted = new Promise((resolve) => {
    arrived = resolve;
});

/**
 * Gradio mounts this with the value {config, base, of, number}: what the form shows, what it was filled with, from
 * which run ("": none; null: it is the visitor's own), and as which filling.
 */
export function mount(element, { props, watch }) {
    const note = h("div.cf-drift");
    const draft = { note, value: () => props.value || {}, changed: () => {} };
    element.replaceChildren(note);
    watch("value", () => {
        if (!note.isConnected) element.replaceChildren(note);
        draft.changed();
    });
    arrived(draft);
}

/** Keep form, address and the run that is shown together, from when the form is there. */
export async function followRuns(app) {
    let asked = { number: 0, of: "" }; // the last filling
    const shown = () => {
        const run = app.runs.find((entry) => entry.id === app.state.run);
        return run?.config?.method && !run.config.soup?.length ? run : null;
    };
    const fill = async (config, of) => {
        asked = { number: asked.number + 1, of };
        await ask({ config, ...asked });
    };
    app.fillForm = (config) => {
        const isShown = JSON.stringify(shown()?.config) === JSON.stringify(config);
        return fill(config, isShown ? app.state.run : null);
    };
    const draft = await mounted;
    const isPending = () => asked.number > (draft.value().number ?? 0) || !draft.value().config;
    const isOwn = ({ config, base, of }) => of === null || JSON.stringify(config) !== JSON.stringify(base);

    /** Fill the form anew where another run is shown than the one it came from, and nobody has changed it. */
    function follow(isListed) {
        const kept = new URLSearchParams(location.search).get(NAME);
        if (!asked.number && kept !== null) return fill(read(kept), null);
        const { of } = isPending() ? asked : draft.value();
        const isFree = !asked.number || (isPending() ? of !== null : !isOwn(draft.value()));
        if (!isFree || (asked.number && of === app.state.run)) return keep();
        if (shown() || !app.state.run || isListed) fill(shown()?.config ?? {}, app.state.run);
    }

    function keep() {
        if (isPending()) return;
        const value = draft.value();
        const own = isOwn(value);
        const query = new URLSearchParams(location.search);
        if (own) query.set(NAME, JSON.stringify(value.config));
        else query.delete(NAME);
        const text = query.toString();
        const address = location.pathname + (text ? `?${text}` : "") + location.hash;
        if (address !== location.pathname + location.search + location.hash)
            history.replaceState(history.state, "", address);
        const run = own && app.mode === "open" ? shown() : null;
        const take = () => fill(run.config, run.id);
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
