// @ts-check
// The page of one image: what it is called and how near it is to the names at every alpha, and its neighbours.

import { get } from "../lib/api.js";
import { h, icon, toast } from "../lib/dom.js";
import { CONFIG, chartTools, loaded, plotly, themed, themeValues } from "../lib/plot.js";
import { about, imageUrl } from "./grid.js";
import { prefetch } from "./prefetch.js";
import { thumbList } from "./thumbs.js";
import { onlyA } from "./versus.js";

const NEIGHBOURS = 12;
const KINDS = { superclass: "coarse", subgroup: "fine" };
const OTHERS = ["#8460c9", "#b9770e", "#2f8f9d", "#b04a86", "#6f7f2a", "#7c8698"]; // of names that it does not show
const MARGIN = { l: 56, r: 20, t: 10, b: 44 };

/** Fill `container`, which is seen instead of the search while the address names an image: see=. */
export function imagePage(app, container) {
    const title = h("h2", { tabIndex: -1 });
    const image = h("img", { width: 384, height: 384, alt: "" });
    const facts = h("dl.cf-facts");
    const sentence = h("p.cf-sentence");
    const note = h("p.cf-help");
    const plot = h("div.cf-plot", { role: "img", "aria-label": "Chart: cosines with names over alpha" });
    const line = h("div.cf-alpha-line", { hidden: true, "aria-hidden": "true" });
    const wait = h("p.cf-wait", {}, "Drawing…");
    const strips = h("div.cf-strips");
    const lists = ["Before", "After"].map((side) => thumbList(app, `Nearest images, ${side.toLowerCase()}`));
    const heads = ["Before", "After"].map((side) => h("h3", {}, side, h("span.cf-sub")));
    const alone = onlyA();
    const button = (words, name, onclick) => h("button.cf-button", { type: "button", onclick }, icon(name), words);
    container.replaceChildren(
        h(
            "header",
            {},
            button("Back to the search", "left", () => app.see(null)),
            title,
        ),
        alone,
        h(
            "div.cf-image-top",
            {},
            h("div.cf-image-side", {}, image, facts, button("Search by this image", "search", search)),
            h(
                "div.cf-panel",
                {},
                sentence,
                h("div.cf-plotbox", {}, plot, line, wait),
                strips,
                chartTools(
                    plot,
                    () => `clipforget-${app.view.id}-image-${app.state.see}`,
                    () => figure,
                ),
                note,
            ),
        ),
        h(
            "div.cf-image-near",
            {},
            lists.map((list, i) => h("section.cf-panel", {}, heads[i], list.node)),
        ),
    );
    let figure = null;
    let details = null;
    let pack = null;
    let drawn = "";
    let scrolled = 0; // how far the page was when the image was opened,
    let opener = null; // and from where

    const key = () => `${app.view?.id} ${app.state.see}`;
    function search() {
        app.search({ q: "", img: app.state.see, up: "" });
    }

    async function show() {
        const id = app.state.see;
        const on = id !== null && Boolean(app.view);
        if (on !== !container.hidden) {
            if (on) [scrolled, opener] = [window.scrollY, document.activeElement];
            container.hidden = !on;
            document.getElementById("cf-open").classList.toggle("cf-one", on);
            window.scrollTo(0, on ? 0 : scrolled);
            (on ? title : opener)?.focus({ preventScroll: true });
        }
        alone.hidden = !app.rival;
        const wanted = key();
        if (!on || drawn === wanted) return follow();
        drawn = wanted;
        [details, pack, figure] = [null, null, null];
        const { full, role } = about(app.view, id);
        title.textContent = full;
        container.dataset.role = role;
        image.src = imageUrl(app.view, id, 384);
        image.alt = full;
        sentence.textContent = "";
        strips.replaceChildren();
        wait.hidden = false;
        wait.textContent = "Drawing…";
        lists.forEach((list) => list.show([]));
        write();
        const run = `runs/${encodeURIComponent(app.view.id)}`;
        try {
            const [Plotly, ...answers] = await Promise.all([
                plotly(),
                get(`${run}/gallery/${id}`),
                get(`${run}/query?image=${id}`),
            ]);
            if (drawn !== wanted) return;
            [details, pack] = answers;
            note.textContent = details.note;
            figure = chartOf(details, getComputedStyle(container));
            strips.replaceChildren(...details.levels.map(strip));
            wait.hidden = true;
            follow();
            prefetch(app.view, [pack], app.index);
            await Plotly.react(plot, structuredClone(figure.data), themed(figure.layout), CONFIG);
            plot.removeAllListeners?.("plotly_click");
            plot.on("plotly_click", (event) => app.setAlpha(Math.round(100 * event.points[0].x)));
            plot.on("plotly_afterplot", follow);
            follow();
        } catch (error) {
            drawn = "";
            wait.textContent = error.message;
            if (error.status === 0) toast(error.message);
        }
    }

    /** What follows alpha: the line, the facts, the sentence, and the neighbours after. */
    function follow() {
        if (container.hidden || !details || drawn !== key()) return;
        const { xaxis, yaxis } = plot._fullLayout ?? {};
        line.hidden = !xaxis;
        if (xaxis) {
            const x = xaxis._offset + xaxis.l2p(app.index / 100);
            line.style.cssText = `transform:translateX(${x}px);top:${yaxis._offset}px;height:${yaxis._length}px`;
        }
        write();
        const near = [pack.before.ids, pack.after.ids[app.index]].map((ids) => ids.slice(0, NEIGHBOURS));
        near.forEach((ids, i) => {
            const whose = i ? `alpha ${(app.index / 100).toFixed(2)}` : "original model";
            lists[i].show(ids);
            heads[i].lastChild.textContent = `${whose} · ${alike(ids)}`;
        });
    }

    function write() {
        const { role } = about(app.view, app.state.see);
        const levels = details?.levels ?? [];
        const rows = levels.flatMap(({ level, called }) => [
            [`${KINDS[level]} name before`, nameAt(called, 100)],
            [`${KINDS[level]} name at ${(app.index / 100).toFixed(2)}`, nameAt(called, app.index)],
        ]);
        const all = [["role", role], ...rows, ["number", `${app.state.see} of the gallery`]];
        facts.replaceChildren(...all.flatMap(([term, text]) => [h("dt", {}, term), h("dd", {}, text)]));
        sentence.textContent = levels.map(story).join(" ");
    }

    /** How many of some images show the same as this one, by its finest name. */
    function alike(ids) {
        const { short } = about(app.view, app.state.see);
        return `${ids.filter((id) => about(app.view, id).short === short).length} of ${ids.length} show ${short}`;
    }

    app.bus.on("see", show);
    app.bus.on("alpha", follow);
    app.bus.on("theme", () => {
        if (figure && !container.hidden) loaded().relayout(plot, themeValues(figure.layout));
    });
    document.addEventListener("keydown", (event) => {
        const inside = /** @type {Element} */ (event.target).closest?.("dialog, details, input, #cf-setup");
        if (event.key === "Escape" && !container.hidden && app.mode === "open" && !inside) app.see(null);
    });
}

/** The name at an alpha, of [first index, name] in rising order. */
const nameAt = (called, index) => called.findLast(([first]) => first <= index)[1];

/** Where an image went, in one sentence for a level, told from the original down. */
function story({ level, called }) {
    const kind = `Among the ${KINDS[level]} names`;
    const before = called.at(-1)[1];
    if (called.length === 1) return `${kind} it is “${before}” at every alpha.`;
    const steps = called
        .slice(0, -1)
        .map(([, name], i) => `“${name}” from alpha ${((called[i + 1][0] - 1) / 100).toFixed(2)} down`)
        .reverse();
    const told =
        steps.length > 3 ? [...steps.slice(0, 2), `after ${steps.length - 3} more changes ${steps.at(-1)}`] : steps;
    return `${kind} the original calls it “${before}”; it becomes ${told.join(", then ")}.`;
}

/** A band over alpha with the name at each, under the chart and in line with it. */
function strip({ level, called }) {
    const parts = called.map(([first, name], i) => {
        const end = (called[i + 1]?.[0] ?? 101) - 0.5;
        const begin = Math.max(0, first - 0.5);
        return h("i", { title: name, style: `left:${begin}%;width:${Math.min(end, 100) - begin}%` }, name);
    });
    return h("div.cf-strip", {}, h("span", {}, KINDS[level]), h("div", { style: `margin-right:${MARGIN.r}px` }, parts));
}

/** A name without markup for Plotly to interpret, as charts/_style.py has it. */
const safe = (name) => name.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll("%{", "% {");

/** Lines over alpha: the names it shows in the colour of its role, thick; the nearest others thin; fine ones dashed. */
function chartOf({ levels }, style) {
    const x = Array.from({ length: 101 }, (_, i) => i / 100);
    const role = style.getPropertyValue("--role").trim();
    let other = 0;
    const data = levels.flatMap(({ level, lines }) =>
        lines.map(({ name, own, cosines }) => ({
            type: "scatter",
            mode: "lines",
            name: safe(name) + (own ? ` (${KINDS[level]}, its own)` : ""),
            x,
            y: cosines,
            line: {
                color: own ? role : OTHERS[other++ % OTHERS.length],
                width: own ? 3.5 : 1.6,
                dash: level === "subgroup" ? "dash" : "solid",
            },
            hovertemplate: "alpha %{x:.2f}<br>cosine %{y:.3f}<extra>%{fullData.name}</extra>",
        })),
    );
    const axis = (text, more) => ({ title: { text, font: { size: 13 } }, tickfont: { size: 13 }, ...more });
    const layout = {
        margin: MARGIN,
        hovermode: "closest",
        xaxis: axis("alpha: 0 unlearned, 1 original", { range: [0, 1], fixedrange: true }),
        yaxis: axis("cosine with the name", { fixedrange: true, zeroline: false }),
        legend: { orientation: "h", y: 1.04, yanchor: "bottom", x: 0, font: { size: 13 } },
    };
    return { data, layout };
}
