// @ts-check
// A slider for each run, and the line that says how exact what is shown is.

import { h, icon, percent } from "../lib/dom.js";

/** The sliders; the alphas that are exact along each are marked under it. */
export function sliders(soup) {
    const rows = soup.view.runs.map((run, i) => slider(soup, run, i));
    return h(
        "section.cf-soup-sliders",
        { "aria-label": "Alphas" },
        rows,
        h(
            "p.cf-note.cf-soup-ends",
            {},
            h("span", {}, "0: all of its forgetting"),
            h("span", {}, "1: none of it, the original"),
        ),
    );
}

function slider(soup, run, i) {
    const id = `cf-soup-alpha-${i}`;
    const range = h("input", {
        type: "range",
        id,
        min: 0,
        max: 1,
        step: 0.01,
        "aria-label": `alpha of ${run.target}: share of the original`,
        oninput: () => soup.setAlpha(i, 100 * Number(range.value)),
        onpointerdown: () => soup.drag(true),
        onchange: () => soup.drag(false),
        onpointerup: () => soup.drag(false),
        onpointercancel: () => soup.drag(false),
    });
    const number = h("input", {
        type: "number",
        min: 0,
        max: 1,
        step: 0.01,
        inputMode: "decimal",
        "aria-label": `alpha of ${run.target}, as a number`,
        onchange: () => {
            if (number.value !== "") soup.setAlpha(i, 100 * Number(number.value));
            show();
        },
    });
    const best = h(
        "button.cf-button.cf-best",
        {
            type: "button",
            title: "The alpha suggested for this run alone",
            onclick: () => soup.setAlpha(i, 100 * run.best),
        },
        icon("star"),
        h("span", {}, run.best.toFixed(2)),
    );
    const marks = h("div.cf-soup-marks", { "aria-hidden": "true" });
    const node = h(
        "div.cf-soup-slider",
        {},
        h(
            "label",
            { htmlFor: id, title: run.title },
            h("b", {}, run.target),
            h("span", {}, run.method.replaceAll("_", " ")),
        ),
        h("div.cf-soup-range", {}, range, marks),
        number,
        best,
    );
    const show = () => {
        const text = (soup.point[i] / 100).toFixed(2);
        range.value = number.value = text;
        node.toggleAttribute("data-active", soup.active === i);
    };
    soup.bus.on("point", show);
    soup.bus.on("status", () => {
        const line = soup.lines[i];
        const nodes = line?.exact ? line.nodes : [];
        if (marks.dataset.nodes === String(nodes)) return;
        marks.dataset.nodes = String(nodes);
        marks.replaceChildren(...nodes.map((node) => h("i", { style: `--at: ${node}`, title: `exact at ${node}` })));
    });
    return node;
}

/** One line: exact, between exact alphas, approximate, or on its way. Its state stands in data-exact. */
export function status(soup) {
    const words = h("span");
    const progress = h("span.cf-soup-left");
    const node = h("p.cf-soup-status", { role: "status" }, words, progress);
    soup.bus.on("status", () => {
        const [state, text] = said(soup);
        node.dataset.exact = state;
        if (words.textContent !== text) words.textContent = text;
        const busy = soup.done < soup.total;
        const left = soup.left > 2 ? `, about ${Math.round(soup.left)} s left` : "";
        progress.textContent = busy ? `Computing exact figures: ${soup.done} of ${soup.total} directions${left}` : "";
        node.dataset.idle = String(!busy);
    });
    return node;
}

const error = (off) => `off by ${off.accuracy.toFixed(1)} points, ${percent(off.agreement)}% of the top 24 right`;

function said(soup) {
    const { line, index } = soup;
    if (soup.isWaiting()) return ["waiting", "This direction is being computed…"];
    if (!line.exact) {
        const measured = soup.off ? `Where it was measured last: ${error(soup.off)}.` : "Not measured yet.";
        return ["approximate", `~ approximate: each forgetting as it is alone, added up. ${measured}`];
    }
    if (line.nodes.includes(index / 100)) {
        const was = line.off ? ` The approximation before: ${error(line.off)}.` : "";
        return ["exact", `Exact: every image is embedded anew here.${was}`];
    }
    const points = line.bound.accuracy[index].toFixed(1);
    const alike = percent(line.bound.agreement[index]);
    return ["bounded", `~ within ${points} points, top 24 at least ${alike}% right; exact when you let go.`];
}
