// @ts-check
// A run while it runs: what it forgets, its stages, how long is left, what it finds, its curves, and Stop.

import { ApiError, get, post } from "../lib/api.js";
import { clock, h, icon, ordinal, toast } from "../lib/dom.js";
import { curves } from "./curves.js";
import { watchedGrids } from "./watched.js";

const capital = (word) => word[0].toUpperCase() + word.slice(1);
const WAITS = "It starts when the runs before it are done. You may reload or close this page and come back.";
const GOES_ON = "The run goes on in its own process: you may reload or close this page and come back.";
const NO_CURVES = "The curves appear here once the method is at work.";
const NEVER = "This method takes no steps of training, so it has no curves.";
const AFTER = ["restore", "score"]; // the stages after the method's own
const EVERY = 500;
const HIDDEN = 5000; // milliseconds between two questions

/** The stages of a run; a soup of finished runs trains nothing. */
export function stagesOf(app, config) {
    const stages = app.stages[config.method] || [];
    return config.soup?.length ? [stages[0], ...stages.slice(-3)] : stages;
}

/** Follow a run until it ends: `seen(state, events)` after every answer. Gives a function that ends the following. */
export function follow(run, seen) {
    let ended = false;
    let after = 0;
    let timer = 0;
    const events = [];
    async function poll() {
        try {
            const answer = await get(`runs/${encodeURIComponent(run)}/events?after=${after}`);
            if (ended) return;
            events.push(...answer.events);
            if (answer.events.length) after = answer.events.at(-1).n + 1;
            seen(answer.state, events, answer);
        } catch (error) {
            if (ended) return;
            if (!(error instanceof ApiError)) throw error;
            if (error.status) return seen("missing", events, { error: error.message });
        }
        if (!ended) timer = setTimeout(poll, document.hidden ? HIDDEN : EVERY);
    }
    poll();
    return () => {
        ended = true;
        clearTimeout(timer);
    };
}

/** The panel of a running run; update(state, events, answer) redraws it. */
export function progressPanel(app, run, stages) {
    const about = h("p.cf-what");
    const title = h("h2", {}, "Starting…");
    const list = h("ol.cf-stages");
    const bar = h(
        "div.cf-bar",
        { role: "progressbar", "aria-label": "Progress of the run", "aria-valuemin": 0, "aria-valuemax": 100 },
        h("i"),
    );
    const left = h("span.cf-left");
    const plot = h("div.cf-live");
    const watched = watchedGrids();
    let steps = [];
    let seen = { step: null, at: 0 }; // the newest step, and when it came
    let width = 0;
    const redraw = () => {
        const words = AFTER.includes(steps.at(-1)?.stage) ? NEVER : NO_CURVES;
        plot.replaceChildren(...(curves(steps, width) ?? [h("p.cf-wait", {}, words)]));
    };
    new ResizeObserver(() => {
        if (width === plot.clientWidth) return;
        width = plot.clientWidth;
        redraw();
    }).observe(plot);
    const stop = h(
        "button.cf-button",
        {
            type: "button",
            id: "cf-stop",
            onclick: async () => {
                stop.disabled = true;
                stop.lastChild.textContent = "Stopping…";
                await post(`runs/${encodeURIComponent(run)}/stop`).catch((error) => toast(error.message));
            },
        },
        icon("stop"),
        h("span", {}, "Stop"),
    );
    stop.hidden = app.runs.some((entry) => entry.id === run && entry.own === false);
    const note = h("p.cf-note");
    const node = h(
        "section.cf-progress",
        { "aria-label": "Progress" },
        about,
        h("header", {}, title, left, stop),
        list,
        bar,
        watched.node,
        plot,
        note,
    );
    const update = (state, events, { position = null, about: words = "", now = 0 } = {}) => {
        steps = events.filter((event) => event.kind === "step");
        const last = steps.at(-1);
        const news = last !== seen.step;
        if (news) seen = { step: last, at: performance.now() };
        const since = (performance.now() - seen.at) / 1000;
        about.textContent = words;
        title.textContent = position ? `${ordinal(position)} in line` : heading(state, last);
        note.textContent = position ? WAITS : GOES_ON;
        if (!stop.disabled) stop.lastChild.textContent = position ? "Cancel" : "Stop";
        left.textContent = timeLeft(last, since, now, position);
        list.replaceChildren(...stageItems(stages, steps, ["queued", "running"].includes(state)));
        const share = overall(last, since);
        bar.firstChild.style.transform = `scaleX(${share})`;
        bar.setAttribute("aria-valuenow", String(Math.round(100 * share)));
        if (!news) return;
        watched.update(steps);
        redraw();
    };
    update("queued", []);
    return { node, update };
}

/** The same of a run that ended without results: what it did until then. */
export function whatWasDone(app, run, state, events, answer) {
    const { node, update } = progressPanel(app, run.id, stagesOf(app, run.config));
    update(state, events, answer);
    const parts = [".cf-what", ".cf-stages", ".cf-watched:not([hidden])", ".cf-live:has(figure)"];
    const kept = parts.map((part) => node.querySelector(part)).filter(Boolean);
    return h("section.cf-progress", { "aria-label": "What was done" }, kept);
}

function heading(state, last) {
    if (last?.stage === "wait" || (state === "queued" && last)) return last.note || "Waiting for another run to finish";
    if (!last) return "Starting…";
    return last.note || `${capital(last.stage)}: ${last.step} of ${last.total}`;
}

/** The seconds left, counted down between two events; before there are any, how long it has taken or waited. */
function timeLeft(last, since, now, position) {
    if (position || last?.stage === "wait") return `waiting for ${clock(now)}`;
    if (!last) return now ? `${clock(now)} so far` : "";
    return last.eta === null ? `${clock(last.t + since)} so far` : `${clock(last.eta - since)} left`;
}

/** How much of the whole run is done, by time: elapsed over elapsed and left. */
function overall(last, since) {
    if (!last) return 0;
    const done = last.t + since;
    return last.eta === null ? 0.02 : done / Math.max(done + Math.max(last.eta - since, 0), 0.001);
}

function stageItems(stages, steps, goesOn) {
    const latest = new Map(steps.map((step) => [step.stage, step]));
    const first = latest.has("fetch") ? ["fetch"] : []; // only of a model that lay elsewhere
    const all = [...new Set([...first, ...stages, ...latest.keys()])].filter((name) => name !== "wait");
    const now = steps.at(-1)?.stage;
    return all.map((name) => {
        const step = latest.get(name);
        const state = name === now ? (goesOn ? "now" : "halted") : step ? "done" : "next";
        const picture = { done: "check", halted: "stop" }[state];
        const mark = h("span.cf-mark", { "aria-hidden": "true" }, picture ? icon(picture) : "");
        const item = h(
            "li",
            {},
            mark,
            h("span", {}, capital(name)),
            step ? h("small", {}, `${step.step}/${step.total}`) : null,
        );
        item.dataset.state = state;
        if (state === "now") item.setAttribute("aria-current", "step");
        return item;
    });
}
