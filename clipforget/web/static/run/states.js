// @ts-check
// Pages for runs that have nothing to explore: none chosen, stopped, failed, lost, unknown.

import { post } from "../lib/api.js";
import { h, icon, toast } from "../lib/dom.js";
import { deleteRuns } from "./runs.js";

const TEXTS = {
    stopped: ["Stopped", "This run was stopped before it had results. What it did until then is kept here."],
    failed: ["This run failed", ""],
    lost: [
        "The worker is gone",
        "The process of this run ended without a word: it was killed, or the machine restarted. Its settings are kept.",
    ],
    damaged: ["This run is damaged", "Its file cannot be read. It can be deleted in the list of runs."],
    missing: ["There is no such run", "It may have been deleted, or the link is cut short."],
};

/** The first page: what this is, and once the runs are known an example made by `demo(app, run)` and one button. */
export function emptyState(app, demo) {
    const title = h("h2", {}, "Make CLIP forget, and watch what it takes with it");
    if (!app.loaded) return h("section.cf-empty", {}, title);
    const sample = app.sampleRun();
    const button = sample
        ? h(
              "button.cf-button.cf-primary.cf-large",
              { type: "button", id: "cf-open-sample", onclick: () => app.open(sample.id) },
              sample.sample ? "Open the sample run" : "Open a finished run",
          )
        : h(
              "button.cf-button.cf-primary.cf-large",
              { type: "button", onclick: () => document.getElementById("cf-run").click() },
              "Run with the settings shown",
          );
    return h(
        "section.cf-empty",
        {},
        title,
        sample ? demo(app, sample) : null,
        button,
        h(
            "button.cf-text",
            { type: "button", onclick: () => app.openCompare("list") },
            "or compare methods on several targets",
        ),
        h(
            "button.cf-text",
            { type: "button", id: "cf-open-soup", onclick: () => app.openSoup([]) },
            "or mix several forgettings in one soup",
        ),
    );
}

/** The page of a run that ended without results. `log` are the last lines it wrote. */
export function endState(app, state, run, message, log) {
    const [title, text] = TEXTS[state] || TEXTS.missing;
    const button = (words, onclick) => h("button.cf-button", { type: "button", onclick }, words);
    const again = () =>
        post("runs", run.config).then(
            ({ id }) => app.follow(id),
            (error) => toast(error.message),
        );
    const buttons = run?.config?.method
        ? [button("Run again", again), button("Change the settings", () => app.useSettings(run.config))]
        : [];
    const listed = app.runs.find((entry) => entry.id === run?.id);
    if (listed && !listed.sample && listed.own !== false)
        buttons.push(button("Delete", () => deleteRuns(app, [listed.id])));
    buttons.push(
        button("All runs", () => app.openRuns()),
        button("Start page", () => app.open("")),
    );
    buttons[0].classList.add("cf-primary");
    const node = h(
        "section.cf-end",
        { role: "alert" },
        h("h2", {}, title),
        run ? h("p.cf-note", {}, run.title || run.id) : null,
        text ? h("p", {}, text) : null,
        message && state !== "stopped" ? h("p.cf-message", {}, message) : null,
        log?.length ? h("pre.cf-log", { tabIndex: 0, "aria-label": "Last lines of the log" }, log.join("\n")) : null,
        h("div.cf-buttons", {}, buttons),
    );
    node.dataset.state = state;
    return node;
}

/** The banner shown while the server does not answer. */
export function awayBanner() {
    return h(
        "div",
        { id: "cf-away", role: "alert", hidden: true },
        icon("reset"),
        "The server does not answer. What is shown stays usable; trying again every two seconds.",
    );
}
