// @ts-check
// The charts: drawn once when their tab is first seen, then only touched. A drag moves a line, never redraws.

import { get } from "../lib/api.js";
import { h, debounce, onAlpha, toast } from "../lib/dom.js";
import { chartTools, draw, themed, loaded, themeValues, zoomButton } from "../lib/plot.js";
import { onlyA } from "./versus.js";

const TOGETHER = ["alpha", "tradeoff"]; // charts over alpha: they show two runs, and dragging on them moves alpha

const MAIN = ["forget", "siblings", "others"];

/** One chart inside `container`: its name and title are the server's. Where `version()` changes it is drawn anew. */
export function chart(app, { name, title, note: words, version = () => 0 }, container) {
    const plot = h("div.cf-plot", { role: "img", "aria-label": `Chart: ${title}` });
    const line = h("div.cf-alpha-line", { hidden: true, "aria-hidden": "true" });
    const dots = h("div.cf-dots", { "aria-hidden": "true" });
    const note = h("p.cf-wait", {}, "Drawing…");
    const file = () => `clipforget-${app.view.id}-${name}`;
    const zoom = zoomButton(plot);
    const more = h("button.cf-text", {
        type: "button",
        hidden: true,
        "aria-pressed": "false",
        onclick: () => {
            more.setAttribute("aria-pressed", String(more.getAttribute("aria-pressed") !== "true"));
            redraw();
        },
    });
    const tools = chartTools(plot, file, () => figure, more, zoom);
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
            const got = await Promise.all(runs.map((run) => get(`runs/${encodeURIComponent(run)}/charts/${name}`)));
            if (drawn !== wanted) return;
            figure = second ? overlay(...got) : got[0];
            const nothing = figure.data.length ? "" : figure.layout.annotations?.[0]?.text; // why there is none
            container.classList.toggle("cf-nothing", Boolean(nothing));
            if (nothing) {
                figure = null;
                note.textContent = nothing;
                return;
            }
            await redraw();
            note.hidden = true;
            plot.removeAllListeners("plotly_afterplot");
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

    /** Draw the figure, with the lines that are shown on demand where they are. */
    async function redraw() {
        const all = more.getAttribute("aria-pressed") === "true";
        const hidden = figure.data.filter((trace) => trace.meta === "more").length;
        more.hidden = !hidden;
        more.textContent = all ? "Fewer lines" : `${hidden} more ${hidden === 1 ? "line" : "lines"}`;
        const layout = themed(figure.layout || {});
        for (const label of layout.annotations ?? []) if (label.name === "more") label.visible = all;
        if (hidden && all) layout.margin.r = Math.min(230, 0.42 * plot.clientWidth); // their names are longer
        const data = structuredClone(figure.data);
        for (const trace of data) if (trace.meta === "more") trace.visible = all;
        await draw(plot, data, layout, zoom);
    }

    /** The alpha under the pointer: its place on the axis, or that of the nearest point of the curve. */
    function alphaAt(event) {
        const { xaxis, yaxis } = plot._fullLayout;
        const box = plot.getBoundingClientRect();
        const [x, y] = [event.clientX - box.x - xaxis._offset, event.clientY - box.y - yaxis._offset];
        if (name === "alpha") return Math.min(1, Math.max(0, xaxis.p2l(x)));
        const curve = curves()[0];
        const far = (i) => (xaxis.l2p(curve.x[i]) - x) ** 2 + (yaxis.l2p(curve.y[i]) - y) ** 2;
        return curve.customdata[curve.x.reduce((best, _, i) => (far(i) < far(best) ? i : best), 0)];
    }

    /** Dragging moves alpha, as the slider does. Plotly hears nothing of it, unless it is to zoom. */
    function drag(event) {
        const inside = /** @type {Element} */ (event.target).closest(".nsewdrag");
        const begins = event.type === "pointerdown";
        const pressed = begins ? inside && event.button === 0 : plot.hasPointerCapture(event.pointerId);
        if (!pressed || !figure || zoom.getAttribute("aria-pressed") === "true") return;
        if (event.type === "pointerdown") plot.setPointerCapture(event.pointerId);
        event.preventDefault();
        app.stopPlay();
        app.setAlpha(Math.round(100 * alphaAt(event)));
    }
    if (TOGETHER.includes(name)) {
        plot.classList.add("cf-draggable");
        for (const type of ["pointerdown", "pointermove"]) plot.addEventListener(type, drag, true);
    }
    const curves = () => plot.data.filter((trace) => trace.customdata?.length === 101 && trace.visible !== false);

    /** What the chart shows, in words, at this alpha where it follows it; read, and so laid out, once alpha rests. */
    const say = debounce(() => {
        const { sentences, sentence } = figure?.layout.meta ?? {};
        const own = sentences?.[app.index] ?? sentence;
        about.textContent = [words, app.rival && own ? `Run A: ${own}` : own].filter(Boolean).join(" ");
        about.hidden = !about.textContent;
    }, 100);

    /** Put the line, or a dot on every curve, where alpha is. Reads Plotly's axes, draws nothing in Plotly. */
    function follow() {
        const layout = plot._fullLayout;
        say();
        if (!figure || !layout?.xaxis) return;
        if (name === "alpha") {
            const { xaxis, yaxis } = layout;
            const x = xaxis._offset + xaxis.l2p(app.index / 100);
            line.hidden = x < xaxis._offset - 1 || x > xaxis._offset + xaxis._length + 1;
            line.style.cssText = `transform:translateX(${x}px);top:${yaxis._offset}px;height:${yaxis._length}px`;
        }
        if (name === "tradeoff") dotsAt(layout);
    }

    function dotsAt({ xaxis, yaxis }) {
        while (dots.childElementCount < curves().length) dots.append(h("i"));
        curves().forEach((trace, i) => {
            const index = (trace.customdata ?? []).findIndex(
                (own) => Math.abs((Array.isArray(own) ? own[0] : own) - app.index / 100) < 0.001,
            );
            const x = xaxis._offset + xaxis.l2p(trace.x[index]);
            const y = yaxis._offset + yaxis.l2p(trace.y[index]);
            const seen = (axis, at) => at >= axis._offset - 1 && at <= axis._offset + axis._length + 1;
            const colour = trace.line?.color || "currentColor";
            dots.children[i].style.cssText = `transform:translate(${x}px,${y}px);background:${colour}`;
            dots.children[i].hidden = !seen(xaxis, x) || !seen(yaxis, y);
        });
    }

    /** The After bars follow 60 ms behind alpha. */
    const bars = debounce(() => {
        if (name !== "classes" || !figure || !plot.data || !plot.offsetParent) return;
        if (drawn.split(" ")[0] !== app.view?.id) return;
        const trace = afterTrace(plot.data);
        if (trace < 0) return;
        const all = app.view.per_class.after[app.index];
        const shown = figure.layout.meta?.classes || all.keys();
        const values = Array.from(shown, (i) => all[i]);
        const flat = plot.data[trace].orientation === "h";
        loaded().restyle(plot, { [flat ? "x" : "y"]: [values] }, [trace]);
    }, 60);

    onAlpha(app, container, () => {
        follow();
        bars();
    });
    app.bus.on("theme", () => {
        if (figure && plot.data) loaded().relayout(plot, themeValues(figure.layout));
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
