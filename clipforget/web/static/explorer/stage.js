// @ts-check
// What stands in the main area while no finished run is open: the start page, a run at work, its end, comparisons,
// the table of all runs.

import { get } from "../lib/api.js";
import { comparePage } from "../compare/page.js";
import { h } from "../lib/dom.js";
import { demo } from "./demo.js";
import { follow, progressPanel, stagesOf, whatWasDone } from "../run/progress.js";
import { runsPage } from "../run/list.js";
import { refreshRuns } from "../run/runs.js";
import { emptyState, endState } from "../run/states.js";

/** The area and what it shows: empty(), ended(), progress(), compare(), runs(), soup(); end() leaves off all work. */
export function makeStage(app) {
    const node = h("div", { id: "cf-stage" });
    let end = () => {};

    function closed(mode, ...children) {
        app.view = app.pack = app.rival = null;
        node.replaceChildren(...children);
        app.setMode(mode);
    }

    const empty = () => closed("empty", emptyState(app, demo));
    const ended = (state, run, message = run?.error, log = []) =>
        closed("end", endState(app, state, run, message, log));

    function pageOf(mode, page) {
        closed(mode, page.node);
        end = page.end;
    }
    const compare = () => pageOf("compare", comparePage(app));
    const runs = () => pageOf("runs", runsPage(app));
    /** The soup's scripts stand above these and are rarely wanted, so they come when they are. */
    async function soup() {
        const wanted = app.state.soup;
        closed("soup");
        const { soupPage } = await import("../soup/page.js");
        if (app.mode === "soup" && app.state.soup === wanted) pageOf("soup", soupPage(app));
    }

    function progress(run) {
        const panel = progressPanel(app, run.id, stagesOf(app, run.config));
        closed("running", panel.node);
        let before = run.state;
        end = follow(run.id, (state, events, answer) => {
            panel.update(state, events, answer);
            if (state !== before && state === "running") refreshRuns(app).catch(() => {});
            before = state;
            if (state === "queued" || state === "running") return;
            end();
            finished(run, state, events, answer);
        });
    }

    async function finished(run, state, events, answer) {
        if (state === "done") {
            if (document.hidden) document.title = "✓ ClipForget";
            return app.show();
        }
        await refreshRuns(app).catch(() => {});
        const now = await get(`runs/${encodeURIComponent(run.id)}/view`).catch(() => run);
        if (app.state.run !== run.id) return;
        const last = events.findLast((event) => event.kind === "end");
        ended(state, now, now.error || answer.error || last?.note, now.log ? now.log.split("\n") : []);
        if (events.some((event) => event.kind === "step")) node.append(whatWasDone(app, run, state, events, answer));
    }

    app.bus.on("runs", () => {
        if (app.mode === "empty") node.replaceChildren(emptyState(app, demo));
    });
    return {
        node,
        empty,
        ended,
        progress,
        compare,
        runs,
        soup,
        end: () => {
            end();
            end = () => {};
        },
    };
}
