// @ts-check
// The charts: drawn once when their tab is first seen, then only touched. A drag moves a line, never redraws.

import { get } from "../lib/api.js";
import { h, debounce, toast } from "../lib/dom.js";
import { CONFIG, chartTools, themed, loaded, themeValues, plotly } from "../lib/plot.js";
import { onlyA } from "./versus.js";

const TOGETHER = ["alpha", "tradeoff"]; // charts that show two runs over each other; the others stay run A's

const MAIN = ["forget", "siblings", "others"];

/** One chart inside `container`: its name and title are the server's. Where `version()` changes it is drawn anew. */
export function chart(app, { name, title, note: words, version = () => 0 }, container) {
    const plot = h("div.cf-plot", { role: "img", "aria-label": `Chart: ${title}` });
    const line = h("div.cf-alpha-line", { hidden: true, "aria-hidden": "true" });
    const dots = h("div.cf-dots", { "aria-hidden": "true" });
    const note = h("p.cf-wait", {}, "Drawing…");
    const file = () => `clipforget-${app.view.id}-${name}`;
    const tools = chartTools(plot, file, () => figure);
    const alone = onlyA();
    const about = h("p.cf-help", { hidden: !words }, words ?? "");
    container.replaceChildren(alone, about, h("div.cf-plotbox", {}, plot, line, dots, note), tools);
    let figure = null;
    let drawn = "";

    async function show() {
        const second = TOGETHER.includes(name) ? app.rival?.view.id : "";
        alone.hidden = !app.rival || TOGETHER.includes(name);
        const wanted = `${app.view?.id} ${second} ${version()}`;
        if (!app.view || drawn === wanted) return;
        drawn = wanted;
        note.hidden = false;
        note.textContent = "Drawing…";
        container.classList.remove("cf-nothing");
        try {
            const runs = [app.view.id, ...(second ? [second] : [])];
            const [Plotly, ...got] = await Promise.all([
                plotly(),
                ...runs.map((run) => get(`runs/${encodeURIComponent(run)}/charts/${name}`)),
            ]);
            if (drawn !== wanted) return;
            if (name === "alpha" && plot.clientWidth < 480) {
                // else the legend leaves the plot no room; a tap names the thin lines
                for (const trace of got[0].data) if (!MAIN.includes(trace.legendgroup)) trace.showlegend = false;
            }
            figure = second ? overlay(...got) : got[0];
            const nothing = figure.data.length ? "" : figure.layout.annotations?.[0]?.text; // why there is none
            container.classList.toggle("cf-nothing", Boolean(nothing));
            if (nothing) {
                figure = null;
                note.textContent = nothing;
                return;
            }
            about.textContent = [words, figure.layout.meta?.sentence].filter(Boolean).join(" ");
            await Plotly.react(plot, structuredClone(figure.data), themed(figure.layout || {}), CONFIG);
            note.hidden = true;
            plot.removeAllListeners?.("plotly_click");
            plot.on("plotly_click", click);
            plot.on("plotly_afterplot", follow);
            follow();
            bars();
        } catch (error) {
            drawn = "";
            note.hidden = false;
            note.textContent = error.message;
            if (error.status === 0) toast(error.message);
        }
    }

    /** A click sets alpha: the point's own (customdata), or its x on the chart over alpha. */
    function click(event) {
        const point = event.points?.[0];
        const own = Array.isArray(point?.customdata) ? point.customdata[0] : point?.customdata;
        const alpha = name === "alpha" ? point?.x : own;
        if (typeof alpha === "number" && alpha >= 0 && alpha <= 1) app.setAlpha(Math.round(alpha * 100));
    }

    /** Put the line, or a dot on every curve, where alpha is. Reads Plotly's axes, draws nothing in Plotly. */
    function follow() {
        const layout = plot._fullLayout;
        if (!figure || !layout?.xaxis || !plot.offsetParent) return;
        if (name === "alpha") {
            const { xaxis, yaxis } = layout;
            const x = xaxis._offset + xaxis.l2p(app.index / 100);
            line.hidden = x < xaxis._offset - 1 || x > xaxis._offset + xaxis._length + 1;
            line.style.cssText = `transform:translateX(${x}px);top:${yaxis._offset}px;height:${yaxis._length}px`;
        }
        if (name === "tradeoff") dotsAt(layout);
    }

    function dotsAt({ xaxis, yaxis }) {
        const curves = plot.data.filter((trace) => trace.customdata?.length === 101);
        while (dots.childElementCount < curves.length) dots.append(h("i"));
        curves.forEach((trace, i) => {
            const index = trace.customdata.findIndex(
                (own) => Math.abs((Array.isArray(own) ? own[0] : own) - app.index / 100) < 0.001,
            );
            const x = xaxis._offset + xaxis.l2p(trace.x[index]);
            const y = yaxis._offset + yaxis.l2p(trace.y[index]);
            dots.children[i].style.cssText =
                `transform:translate(${x}px,${y}px);background:${trace.line?.color || "currentColor"}`;
        });
    }

    /** The After bars follow 60 ms behind alpha. */
    const bars = debounce(() => {
        if (name !== "classes" || !figure || !plot.offsetParent || drawn.split(" ")[0] !== app.view?.id) return;
        const trace = afterTrace(plot.data);
        if (trace < 0) return;
        const all = app.view.per_class.after[app.index];
        const shown = figure.layout.meta?.classes || all.keys();
        const values = Array.from(shown, (i) => all[i]);
        const flat = plot.data[trace].orientation === "h";
        loaded().restyle(plot, { [flat ? "x" : "y"]: [values] }, [trace]);
    }, 60);

    app.bus.on("alpha", () => {
        if (plot.offsetParent) {
            follow();
            bars();
        }
    });
    app.bus.on("theme", () => {
        if (figure) loaded().relayout(plot, themeValues(figure.layout));
    });
    return {
        show: () =>
            show().then(() => {
                follow();
                bars();
            }),
    };
}

/** The main curves of run A and, thinner and paler, of run B in one, without bands, shifted sets and B's marks. */
function overlay(a, b) {
    const main = (trace) => !trace.fill && (!trace.legendgroup || MAIN.includes(trace.legendgroup));
    const curve = (trace) => trace.mode?.startsWith("lines") && trace.x?.length > 1;
    const first = a.data
        .filter(main)
        .map((trace) => (trace.showlegend === false ? trace : { ...trace, name: `A: ${trace.name}` }));
    const second = b.data
        .filter((trace) => main(trace) && curve(trace))
        .map((trace) => ({
            ...trace,
            name: `B: ${trace.name}`,
            legendgroup: `B ${trace.legendgroup ?? trace.name}`,
            mode: "lines",
            opacity: trace.legendgroup ? 0.6 : 1,
            line: { ...trace.line, width: 1.8, ...(trace.legendgroup ? {} : { dash: "dash" }) },
        }));
    return { data: [...first, ...second], layout: a.layout };
}

/** Which trace shows the model after forgetting: the one marked so, else the last bar. */
function afterTrace(traces) {
    const marked = traces.findIndex((trace) => trace.meta === "after" || /after|unlearned/i.test(trace.name || ""));
    return marked >= 0 ? marked : traces.findLastIndex((trace) => trace.type === "bar");
}
