// @ts-check
// Several forgettings in one soup: what it needs, the runs it waits for, and then the soup itself.

import { get, post } from "../lib/api.js";
import { h, icon, toast } from "../lib/dom.js";
import { follow, progressPanel, stagesOf } from "../run/progress.js";
import { refreshRuns } from "../run/runs.js";
import { mixer } from "./mixer.js";

export const NEW = "new"; // in the address: no runs are named yet
const AT_WORK = ["running", "queued"];

/** The page of the soup that the address names; end() leaves off whatever goes on. */
export function soupPage(app) {
    const node = h("section.cf-soup", { "aria-label": "Soup of several runs" });
    const ids = app.state.soup === NEW ? [] : app.state.soup.split(",").filter(Boolean);
    let leave = () => {};
    let ended = false;

    async function open() {
        leave();
        leave = () => {};
        if (!ids.length) return node.replaceChildren(landing(app));
        node.replaceChildren(h("p.cf-wait", { role: "status" }, "Opening the soup…"));
        try {
            const runs = await refreshRuns(app);
            if (ended) return;
            const own = ids.map((id) => runs.find((run) => run.id === id)).filter(Boolean);
            const busy = own.filter((run) => AT_WORK.includes(run.state));
            if (busy.length) return wait(own, busy.find((run) => run.state === "running") ?? busy[0]);
            const view = await get(`soups?runs=${encodeURIComponent(ids.join(","))}`);
            if (ended) return;
            const opened = mixer(app, ids, view);
            leave = opened.end;
            node.replaceChildren(opened.node);
        } catch (error) {
            if (!ended) node.replaceChildren(refused(app, error.message));
        }
    }

    /** Follow the run at work, then look again. */
    function wait(own, run) {
        const ready = own.filter((one) => one.state === "done").length;
        const panel = progressPanel(app, run.id, stagesOf(app, run.config));
        node.replaceChildren(
            h("header.cf-soup-head", {}, h("h2", {}, `${ready} of ${ids.length} runs are ready`)),
            h("p.cf-wait", { role: "status" }, `Now: ${run.title}. The soup opens when all are done.`),
            panel.node,
        );
        leave = follow(run.id, (state, events, answer) => {
            panel.update(state, events, answer);
            if (!AT_WORK.includes(state)) open();
        });
    }

    open();
    const end = () => {
        ended = true;
        leave();
    };
    return { node, end };
}

/** How to come to a soup, and the example. */
function landing(app) {
    const example = h(
        "button.cf-button.cf-primary.cf-large",
        {
            type: "button",
            id: "cf-soup-example",
            onclick: async () => {
                example.disabled = true;
                try {
                    const { runs } = await post("soups/example");
                    await app.openSoup(runs);
                } catch (error) {
                    toast(error.message);
                }
                example.disabled = false;
            },
        },
        "Open the example: table 6 of the paper",
    );
    return h(
        "div.cf-empty",
        {},
        h("h2", {}, "Several forgettings in one soup"),
        h(
            "p",
            {},
            "Choose two or more finished runs of one model in the list of runs and press Soup. Each gets a slider: " +
                "how much of its forgetting is mixed in.",
        ),
        h(
            "p",
            {},
            "The example forgets ship, airplane and bird one by one, about half a minute the first time, and mixes " +
                "the three.",
        ),
        example,
        h("button.cf-text", { type: "button", onclick: () => app.openRuns() }, "Choose from the list of runs"),
    );
}

function refused(app, message) {
    return h(
        "div.cf-end",
        { role: "alert" },
        h("h2", {}, "These runs make no soup"),
        h("p.cf-message", {}, message),
        h(
            "div.cf-buttons",
            {},
            h("button.cf-button.cf-primary", { type: "button", onclick: () => app.openRuns() }, "Choose other runs"),
            h("button.cf-button", { type: "button", onclick: () => app.openSoup([]) }, icon("help"), "How it works"),
        ),
    );
}
