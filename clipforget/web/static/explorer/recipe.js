// @ts-check
// How the run was made, and the command that makes it again.

import { copy, h, icon, percent } from "../lib/dom.js";
import { selectionName } from "../lib/state.js";
import { onlyA } from "./versus.js";

/** A table of settings and the command line in `container`. */
export function recipe(app, container) {
    const show = () => {
        const { view } = app;
        const { config } = view;
        const rows = [
            ["Model", config.model],
            ["Images", config.data],
            ...(config.selections?.length ? [["Selected", config.selections.map(selectionName).join(", ")]] : []),
            ["Forget", config.forget.join(", ")],
            ["Retain", config.retain?.length ? config.retain.join(", ") : "the siblings"],
            ["Method", config.method],
            ["Seed", config.seed],
            ["Device", view.device],
            ["Took", view.seconds ? `${view.seconds.toFixed(1)} s` : ""],
            ["Exact at alpha", view.nodes.map((node) => node.toFixed(2)).join(", ")],
            ["Suggested alpha", view.best.toFixed(2)],
            ...(view.original_share === null ? [] : [["Original at alpha 0", left(view.original_share)]]),
        ];
        const settings = Object.entries(view.settings).map(([name, value]) => [
            name.replaceAll("_", " "),
            format(value),
            name in (config.settings || {}),
        ]);
        container.replaceChildren(
            ...(app.rival ? [onlyA()] : []),
            h(
                "div.cf-command",
                {},
                h("code", {}, view.command),
                h(
                    "button.cf-button",
                    { type: "button", onclick: () => copy(view.command, "Command copied") },
                    icon("copy"),
                    "Copy",
                ),
            ),
            h("div.cf-columns", {}, facts("This run", rows), facts("Settings of the method", settings)),
            h(
                "button.cf-button",
                { type: "button", onclick: () => app.useSettings(config) },
                config.soup?.length ? "Open the soup" : "Use these settings",
            ),
        );
    };
    return {
        show: () => {
            if (app.view) show();
        },
    };
}

/** What is left of the original at alpha 0; less than nothing where that lies beyond what was trained. */
const left = (share) => `${percent(share).replace("-", "−")}%${share < 0 ? ", beyond what was trained" : ""}`;

const format = (value) => (typeof value === "object" ? JSON.stringify(value) : String(value));

function facts(title, rows) {
    return h(
        "section",
        {},
        h("h3", {}, title),
        h(
            "dl.cf-facts",
            {},
            rows.flatMap(([term, text, changed]) => {
                const value = h("dd", {}, String(text));
                if (changed) value.append(h("em", {}, " changed"));
                return [h("dt", {}, term), value];
            }),
        ),
    );
}
