// @ts-check
// A run while it runs: its stages, how long is left, the losses as they come, and Stop.

import { get, post } from "../lib/api.js";
import { clock, h, icon, ordinal, svg, toast } from "../lib/dom.js";

const WORDS = {
    wait: "Wait",
    fetch: "Fetch",
    load: "Load",
    select: "Select",
    forget: "Forget",
    remind: "Remind",
    negate: "Negate",
    merge: "Merge",
    restore: "Restore",
    score: "Score",
};
const WAITS = "It starts when the runs before it are done. You may reload or close this page and come back.";
const GOES_ON = "The run goes on in its own process: you may reload or close this page and come back.";
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

/** The panel of a running run; update(state, events) redraws it. */
export function progressPanel(app, run, stages) {
    const title = h("h2", {}, "Starting…");
    const list = h("ol.cf-stages");
    const bar = h(
        "div.cf-bar",
        { role: "progressbar", "aria-label": "Progress of the run", "aria-valuemin": 0, "aria-valuemax": 100 },
        h("i"),
    );
    const left = h("span.cf-left");
    const plot = h("div.cf-live");
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
        h("header", {}, title, left, stop),
        list,
        bar,
        plot,
        note,
    );
    const update = (state, events, position = null) => {
        const steps = events.filter((event) => event.kind === "step");
        const last = steps.at(-1);
        title.textContent = position ? `${ordinal(position)} in line` : heading(state, last);
        note.textContent = position ? WAITS : GOES_ON;
        if (!stop.disabled) stop.lastChild.textContent = position ? "Cancel" : "Stop";
        left.textContent =
            last?.eta !== null && last?.eta !== undefined
                ? `${clock(last.eta)} left`
                : last
                  ? `${clock(last.t)} so far`
                  : "";
        list.replaceChildren(...stageItems(stages, steps, ["queued", "running"].includes(state)));
        const share = overall(last);
        bar.firstChild.style.transform = `scaleX(${share})`;
        bar.setAttribute("aria-valuenow", String(Math.round(100 * share)));
        plot.replaceChildren(...curves(steps));
    };
    update("queued", []);
    return { node, update };
}

function heading(state, last) {
    if (last?.stage === "wait" || (state === "queued" && last)) return last.note || "Waiting for another run to finish";
    if (!last) return "Starting…";
    return last.note || `${WORDS[last.stage] || last.stage}: ${last.step} of ${last.total}`;
}

/** How much of the whole run is done, by time: elapsed over elapsed and left. */
function overall(last) {
    if (!last) return 0;
    return last.eta === null || last.eta === undefined ? 0.02 : last.t / Math.max(last.t + last.eta, 0.001);
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
            h("span", {}, WORDS[name] || name),
            step ? h("small", {}, `${step.step}/${step.total}`) : null,
        );
        item.dataset.state = state;
        if (state === "now") item.setAttribute("aria-current", "step");
        return item;
    });
}

/** Two small charts of the steps so far: the losses, and the accuracies on steer images. */
function curves(steps) {
    const losses = series(steps, "losses");
    const steer = series(steps, "steer");
    if (!losses.size && !steer.size)
        return [h("p.cf-wait", {}, "The losses appear here once the method is at work.")];
    return [
        losses.size ? small("Loss", losses, null) : null,
        steer.size ? small("Accuracy on steer images", steer, 1) : null,
    ].filter(Boolean);
}

function series(steps, field) {
    const lines = new Map();
    steps.forEach((step, x) =>
        Object.entries(step[field] || {}).forEach(([name, y]) => {
            if (!Number.isFinite(y)) return;
            if (!lines.has(name)) lines.set(name, []);
            lines.get(name).push([x, y]);
        }),
    );
    return lines;
}

function small(title, lines, top) {
    const all = [...lines.values()].flat();
    const x1 = Math.max(...all.map(([x]) => x), 1);
    const x0 = Math.min(...all.map(([x]) => x));
    const y1 = top ?? Math.max(...all.map(([, y]) => y), 1e-9);
    const y0 = Math.min(0, ...all.map(([, y]) => y));
    const X = (x) => (400 * (x - x0)) / Math.max(x1 - x0, 1);
    const Y = (y) => 4 + 112 * (1 - (y - y0) / (y1 - y0 || 1));
    const paths = [...lines].map(([name, values]) =>
        svg("path", {
            class: `cf-line cf-${kind(name)}`,
            d: values.map(([x, y], i) => `${i ? "L" : "M"}${X(x).toFixed(1)} ${Y(y).toFixed(1)}`).join(""),
        }),
    );
    const legend = [...lines].map(([name, values]) => {
        const entry = h(
            "span",
            {},
            h("i.cf-key", { "aria-hidden": "true" }),
            `${name.replaceAll("_", " ")} `,
            h("b", {}, top ? `${(100 * values.at(-1)[1]).toFixed(1)}%` : values.at(-1)[1].toPrecision(3)),
        );
        entry.classList.add(`cf-${kind(name)}`);
        return entry;
    });
    return h(
        "figure",
        {},
        h("figcaption", {}, h("strong", {}, title), ...legend),
        svg("svg", { viewBox: "0 0 400 120", preserveAspectRatio: "none", role: "img", "aria-label": title }, ...paths),
    );
}

const kind = (name) =>
    /forget/.test(name)
        ? "forget"
        : /retain|siblings/.test(name)
          ? "siblings"
          : /others/.test(name)
            ? "others"
            : "accent";
