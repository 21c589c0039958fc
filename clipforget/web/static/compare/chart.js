// @ts-check
// A chart of a comparison, which the server lists and draws.

import { get } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { chartTools, draw as drawPlot, themed, loaded, themeValues, zoomButton } from "../lib/plot.js";

/** The chart follows the target filter of the table, and is asked for anew when another run has finished. */
export function compareChart(app, id, { name, title, note: words }) {
    const plot = h("div.cf-plot", { role: "img", "aria-label": `Chart: ${title}` });
    const note = h("p.cf-wait", {}, "Drawing…");
    let figure = null;
    let drawn = "";
    let comparison = null;
    const zoom = zoomButton(plot);
    const tools = chartTools(
        plot,
        () => `clipforget-${id}-${name}`,
        () => figure,
        zoom,
    );
    const node = h(
        "section.cf-compare-block",
        { "aria-label": title, hidden: true },
        h("header", {}, h("h3", {}, title), words ? h("p.cf-help", {}, words) : null),
        h("div.cf-plotbox", {}, plot, note),
        tools,
    );

    async function draw() {
        node.hidden = !comparison.done;
        const wanted = `${comparison.done} ${app.state.of}`;
        if (node.hidden || drawn === wanted) return;
        drawn = wanted;
        try {
            const target = app.state.of === "" ? "" : `?target=${encodeURIComponent(app.state.of)}`;
            const got = await get(`comparisons/${encodeURIComponent(id)}/charts/${name}${target}`);
            if (drawn !== wanted || !node.isConnected) return;
            figure = got;
            await drawPlot(plot, structuredClone(figure.data), fitted(themed(figure.layout || {})), zoom);
            note.hidden = true;
        } catch (error) {
            drawn = "";
            note.hidden = false;
            note.textContent = error.message;
        }
    }

    /** On a narrow screen the names stand below the curves, each on a line of its own. */
    function fitted(layout) {
        const narrow = plot.clientWidth < 640;
        const names = figure.data.filter((trace) => trace.showlegend !== false).length;
        const height = narrow ? 380 + 20 * names : 520;
        for (const box of [plot, plot.parentNode]) box.style.height = `${height}px`;
        return narrow
            ? {
                  ...layout,
                  legend: { orientation: "h", x: 0, y: -60 / 300, yanchor: "top" },
                  margin: { ...layout.margin, r: 12, b: 70 + 20 * names },
              }
            : layout;
    }

    const offs = [
        app.bus.on("of", () => {
            if (comparison) draw();
        }),
        app.bus.on("theme", () => {
            if (figure) loaded().relayout(plot, themeValues(figure.layout));
        }),
    ];
    return {
        node,
        update: (document) => {
            comparison = document;
            draw();
        },
        end: () => offs.forEach((off) => off()),
    };
}
