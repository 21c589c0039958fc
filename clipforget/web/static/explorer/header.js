// @ts-check
// The head of the page: brand, the run shown, link, exports, dark or light, help, and the set-up column's switch.

import { url } from "../lib/api.js";
import { copy, h, icon, iconButton } from "../lib/dom.js";
import { when } from "../run/runs.js";
import { exportMenu } from "./exports.js";
import { versusPicker } from "./versus.js";

const MARKS = { running: "▸ ", queued: "… ", failed: "✕ ", stopped: "■ ", lost: "? ", damaged: "? ", done: "" };

/** Fill the header; gives showHelp for the keyboard. */
export function header(app) {
    const select = h("select", { id: "cf-run-select", "aria-label": "Run", onchange: () => app.open(select.value) });
    const menu = exportMenu(app);
    const theme = iconButton("moon", "Dark or light", () => app.toggleTheme());
    theme.id = "cf-theme";
    const setup = iconButton("panel", "Show or hide the set-up", () => app.toggleSetup());
    setup.id = "cf-setup-toggle";
    setup.append(h("span", {}, "Set up"));
    const present = iconButton("screen", "Present: the grids and the slider, large (p)", () => app.present(true));
    present.id = "cf-present";
    const link = h(
        "button.cf-button.cf-quiet",
        {
            type: "button",
            id: "cf-copy-link",
            title: "Copy a link to exactly this view",
            onclick: () => copy(app.link(), "Link copied"),
        },
        icon("link"),
        h("span", {}, "Copy link"),
    );
    const compare = h(
        "button.cf-button.cf-quiet",
        { type: "button", id: "cf-compare", title: "Compare methods", onclick: () => app.openCompare("list") },
        icon("table"),
        h("span", {}, "Compare"),
    );
    const runs = h(
        "button.cf-button.cf-quiet",
        { type: "button", id: "cf-runs", title: "All runs", onclick: () => app.openRuns() },
        icon("list"),
        h("span", {}, "Runs"),
    );
    document.getElementById("cf-head-mount").replaceChildren(
        h(
            "header.cf-header",
            {},
            setup,
            h(
                "a.cf-brand",
                {
                    href: document.baseURI,
                    title: "Start page",
                    onclick: (event) => {
                        event.preventDefault();
                        app.open("");
                    },
                },
                h("img", { src: url("static/icon.svg"), alt: "", width: 26, height: 26 }),
                h("h1", {}, "ClipForget"),
            ),
            h("label.cf-runs", {}, h("span", {}, "Run"), select),
            versusPicker(app, "cf-vs"),
            h(
                "div.cf-head-tools",
                { "aria-label": "Tools" },
                runs,
                compare,
                link,
                present,
                menu,
                theme,
                iconButton("help", "Keyboard shortcuts (?)", () => app.showHelp()),
            ),
        ),
    );
    app.runName = (run) =>
        `${run.starred ? "★ " : ""}${MARKS[run.state] ?? ""}${run.title || run.id} · ${when(run.created)}` +
        (run.own ? " · yours" : "");
    const draw = () => {
        const blank = h("option", { value: "" }, app.runs.length || !app.loaded ? "Choose a run…" : "No runs yet");
        const known = app.runs.some((run) => run.id === app.state.run);
        const option = (run) => h("option", { value: run.id }, app.runName(run));
        const options = app.runs.filter((run) => !run.comparison).map(option);
        const compared = app.runs.filter((run) => run.comparison).map(option);
        if (compared.length) options.push(h("optgroup", { label: "Runs of comparisons" }, compared));
        if (app.state.run && !known) options.unshift(h("option", { value: app.state.run }, app.state.run));
        select.replaceChildren(blank, ...options);
        select.value = app.state.run;
    };
    app.bus.on("runs", draw);
    app.bus.on("run", draw);
    app.bus.on("mode", () => {
        menu.hidden = present.hidden = app.mode !== "open";
        link.hidden = !["open", "compare", "soup"].includes(app.mode);
        for (const [mode, button] of Object.entries({ compare, runs }))
            if (app.mode === mode) button.setAttribute("aria-current", "page");
            else button.removeAttribute("aria-current");
    });
    app.bus.on("theme", (dark) => theme.replaceChildren(icon(dark ? "sun" : "moon")));
    draw();
}
