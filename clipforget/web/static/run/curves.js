// @ts-check
// The curves of a run at work: its losses, and the accuracies on steer images, each with axes and a legend.

import { h, percent, svg } from "../lib/dom.js";

const HEIGHT = 190;
const LEFT = 46; // room for the numbers beside the chart, and above and below it
const TOP = 22;
const BOTTOM = 40;
const MOST = 300; // points of a line
const DOTS = 24; // points of a line up to which each has a dot
const NAMES = { forget: "target", retain: "siblings" };
const HELP = "Training images held back, by which the method steers: how many are called by their right name";
const short = (value) => (value && Math.abs(value) < 0.001 ? value.toExponential(1) : value.toPrecision(3));
const PANELS = [
    { field: "losses", title: "Loss", axis: "without unit", text: short },
    { field: "steer", title: "Accuracy", axis: "on steer images, %", text: (x) => `${percent(x)}%`, help: HELP },
];

/** The charts of the steps so far, each `width` wide at most; null where the steps have no figures. */
export function curves(steps, width) {
    const told = steps.filter((step) => [step.losses, step.steer].some((one) => one && Object.keys(one).length));
    const panels = PANELS.map((panel) => ({ ...panel, lines: series(told, panel.field) }));
    const shown = panels.filter(({ lines }) => lines.size);
    const each = width < 620 ? width : (width - 28) / 2;
    return shown.length ? shown.map((panel) => chart(panel, told, Math.max(each, 260))) : null;
}

function series(steps, field) {
    const lines = new Map();
    steps.forEach((step, i) => {
        for (const [name, y] of Object.entries(step[field] || {})) {
            if (!Number.isFinite(y)) continue;
            if (!lines.has(name)) lines.set(name, []);
            lines.get(name).push([i + 1, y]);
        }
    });
    return lines;
}

function chart({ title, axis, text, help, field, lines }, steps, width) {
    const all = [...lines.values()].flat().map(([, y]) => y);
    const share = field === "steer";
    const yTicks = share ? [0, 0.25, 0.5, 0.75, 1] : ticks(Math.min(0, ...all), Math.max(0, ...all));
    const xTicks = ticks(1, Math.max(steps.length, 2), 6).filter((x) => x >= 1 && x <= steps.length && x % 1 === 0);
    const [low, high] = [yTicks[0], yTicks.at(-1)];
    const X = (x) => LEFT + ((width - LEFT - 12) * (x - 1)) / Math.max(steps.length - 1, 1);
    const Y = (y) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - (y - low) / (high - low || 1));
    const label = (words, x, y, anchor) => {
        const node = svg("text", { x, y, "text-anchor": anchor });
        node.textContent = words;
        return node;
    };
    const line = (x1, y1, x2, y2) => svg("line", { x1, y1, x2, y2 });
    const plain = (value) => (value && Math.abs(value) < 0.001 ? value.toExponential(0) : +value.toPrecision(6));
    const number = (value) => String(share ? 100 * value : plain(value));
    const stages = steps.flatMap((step, i) => (step.stage === steps[i - 1]?.stage ? [] : [[step.stage, i + 1]]));
    const parts = [
        ...yTicks.flatMap((y) => [line(LEFT, Y(y), width - 12, Y(y)), label(number(y), LEFT - 7, Y(y) + 4, "end")]),
        ...xTicks.map((x) => label(String(x), X(x), HEIGHT - BOTTOM + 18, "middle")),
        ...stages.slice(1).map(([, x]) => line(X(x - 0.5), TOP, X(x - 0.5), HEIGHT - BOTTOM)),
        ...(stages.length > 1 ? stages.map(([stage, x]) => label(stage, X(x) + 3, TOP - 7, "start")) : []),
        label("step", (LEFT + width) / 2, HEIGHT - 5, "middle"),
        ...[...lines].flatMap(([name, points], i) => drawn(colour(name, i), points, X, Y)),
    ];
    const said = [...lines].map(([name, points]) => `${words(name)} ${text(points.at(-1)[1])}`);
    const spoken = `${title} by step: ${said.join(", ")}`;
    const box = { viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": spoken };
    const caption = h("figcaption", { title: help }, h("strong", {}, title), h("small", {}, axis), legend(lines, text));
    return h("figure", {}, caption, svg("svg", box, ...parts));
}

function drawn(own, points, X, Y) {
    const every = Math.ceil(points.length / MOST);
    const few = points.filter((_, i) => i % every === 0 || i === points.length - 1);
    const d = few.map(([x, y], i) => `${i ? "L" : "M"}${X(x).toFixed(1)} ${Y(y).toFixed(1)}`).join("");
    const dot = ([x, y]) => svg("circle", { cx: X(x), cy: Y(y), r: 2.6, class: `cf-${own}` });
    return [
        svg("path", { class: `cf-line cf-${own}`, d }),
        ...(points.length <= DOTS ? points : points.slice(-1)).map(dot),
    ];
}

const legend = (lines, text) =>
    [...lines].map(([name, points], i) =>
        h(
            `span.cf-${colour(name, i)}`,
            {},
            h("i.cf-key", { "aria-hidden": "true" }),
            `${words(name)} `,
            h("b", {}, text(points.at(-1)[1])),
        ),
    );

const words = (name) => NAMES[name] ?? name.replaceAll("_", " ");

/** Round numbers from at most `low` to at least `high`, about `count` of them. */
export function ticks(low, high, count = 4) {
    const rough = (high - low || 1) / count;
    const ten = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((by) => by * ten).find((by) => by >= rough) ?? rough;
    const [first, last] = [Math.floor(low / step), Math.ceil(high / step)];
    return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
}

/** The class of a line: that of its role, else one of three more colours. */
function colour(name, i) {
    if (/forget/.test(name)) return "forget";
    if (/retain|siblings/.test(name)) return "siblings";
    return /others/.test(name) ? "others" : ["accent", "second-line", "third-line"][i % 3];
}
