// @ts-check
// Pages for runs that have nothing to explore: none chosen, stopped, failed, lost, unknown.

import { h, icon } from "../lib/dom.js";

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

/** The first page: what this is, and one button. */
export function emptyState(app) {
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
        picture(),
        h("h2", {}, "Make CLIP forget, and watch what it takes with it"),
        h(
            "p",
            {},
            "Choose what a model should forget and press Run; then drag alpha between the unlearned and the original " +
                "model and see every search, figure and chart follow.",
        ),
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

/** Two overlapping sets, one of them fading: the idea of the page as a drawing. */
function picture() {
    const cells = Array.from({ length: 24 }, (_, i) => {
        const cell = h("i");
        cell.style.setProperty("--i", String(i));
        cell.classList.add(
            [3, 8, 9, 14, 21].includes(i) ? "cf-forget" : [2, 10, 15, 20].includes(i) ? "cf-siblings" : "cf-others",
        );
        return cell;
    });
    return h("div.cf-picture", { "aria-hidden": "true" }, cells);
}

/** The page of a run that ended without results. `log` are the last lines it wrote. */
export function endState(app, state, run, message, log) {
    const [title, text] = TEXTS[state] || TEXTS.missing;
    const buttons = [];
    if (run?.config?.method)
        buttons.push(
            h(
                "button.cf-button.cf-primary",
                { type: "button", onclick: () => app.useSettings(run.config) },
                "Use these settings",
            ),
        );
    buttons.push(h("button.cf-button", { type: "button", onclick: () => app.open("") }, "Start page"));
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
