// @ts-check
// Plotly, loaded once from our own server, and the looks of a figure in light and dark.

import { url } from "./api.js";
import { h } from "./dom.js";

// Without a _baseUrl, Plotly's clip paths name the page's address, and the next alpha in it makes them another
// document, which the browser asks for; "#..." alone always means this one.
export const CONFIG = { displayModeBar: false, responsive: true, displaylogo: false, _baseUrl: "" };

let loading = null;

/** The Plotly library, once it is loaded. */
export const loaded = () => /** @type {any} */ (window).Plotly;

/** The Plotly library; the first call loads it. */
export function plotly() {
    loading ??= new Promise((resolve, reject) => {
        const script = document.createElement("script");
        script.src = url("plotly.js");
        script.onload = () => resolve(loaded());
        script.onerror = () => {
            loading = null;
            reject(new Error("The charts could not be loaded."));
        };
        document.head.append(script);
    });
    return loading;
}

/** Layout values that follow the page: fonts, grid and hover colours, in Plotly's dotted names, for the axes there. */
export function themeValues(layout) {
    const style = getComputedStyle(document.getElementById("cf-explorer"));
    const colour = (name) => style.getPropertyValue(name).trim();
    const values = {
        paper_bgcolor: colour("--cf-surface"), // so that a saved picture can be read on any ground
        plot_bgcolor: "rgba(0,0,0,0)",
        "font.color": colour("--cf-soft"),
        "font.family": style.fontFamily,
        "font.size": 13,
        "hoverlabel.bgcolor": colour("--cf-surface"),
        "hoverlabel.bordercolor": colour("--cf-line"),
        "hoverlabel.font.color": colour("--cf-text"),
        "legend.bgcolor": "rgba(0,0,0,0)",
    };
    for (const axis of Object.keys(layout).filter((name) => /^[xy]axis\d*$/.test(name))) {
        values[`${axis}.gridcolor`] = colour("--cf-grid-line");
        values[`${axis}.linecolor`] = colour("--cf-line");
        values[`${axis}.zerolinecolor`] = colour("--cf-line");
    }
    return values;
}

/** A copy of a layout with the looks put in. */
export function themed(layout) {
    const copy = structuredClone(layout);
    for (const [path, value] of Object.entries(themeValues(layout))) {
        const parts = path.split(".");
        const last = parts.pop();
        let at = copy;
        for (const part of parts) at = at[part] ??= {};
        at[last] = value;
    }
    delete copy.template;
    delete copy.width;
    delete copy.height;
    return { ...copy, autosize: true };
}

/** The points of a figure as CSV text: trace, x, y. */
function figureCsv(figure) {
    const rows = figure.data.flatMap((trace) => (trace.x || []).map((x, i) => [trace.name, x, trace.y?.[i]]));
    return csv([["trace", "x", "y"], ...rows]);
}

/** Rows as CSV text; a text that a spreadsheet would take for a formula gets a quote before it. */
export function csv(rows) {
    const cell = (value) => {
        const text = String(value ?? "");
        const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
        return `"${safe.replaceAll('"', '""')}"`;
    };
    return rows.map((row) => row.map(cell).join(",")).join("\n");
}

/** Save text as a file. */
export function save(name, text, type) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** A button under a chart that makes dragging zoom, until it is pressed again: then the whole chart is back. */
export function zoomButton(plot) {
    const button = h("button.cf-text", {
        type: "button",
        title: "Drag over the chart to zoom in; press again to see all of it",
        "aria-pressed": "false",
        onclick: () => {
            const on = button.getAttribute("aria-pressed") !== "true";
            button.setAttribute("aria-pressed", String(on));
            const axes = Object.keys(plot.layout).filter((name) => /^[xy]axis\d*$/.test(name));
            const whole = Object.fromEntries(
                axes.flatMap((axis) =>
                    plot.initial?.[axis] ? [[`${axis}.range`, plot.initial[axis]]] : [[`${axis}.autorange`, true]],
                ),
            );
            loaded().relayout(plot, { dragmode: on ? "zoom" : false, ...(on ? {} : whole) });
        },
    });
    button.textContent = "Zoom";
    return button;
}

/** Draw a figure anew, whole and with dragging free for other things. */
export async function draw(plot, data, layout, zoom) {
    zoom.setAttribute("aria-pressed", "false");
    plot.initial = Object.fromEntries(
        Object.entries(layout).flatMap(([name, axis]) => (axis?.range ? [[name, [...axis.range]]] : [])),
    );
    await (await plotly()).react(plot, data, { ...layout, dragmode: false }, CONFIG);
}

/** The row of buttons under a chart: PNG, SVG, CSV. `file` gives the name to save under, `figure` what is drawn. */
export function chartTools(plot, file, figure, ...more) {
    const picture = async (format) =>
        (await plotly()).downloadImage(plot, { format, filename: file(), width: 1000, height: 520, scale: 2 });
    return h(
        "div.cf-tools-row",
        {},
        ...more,
        ...["png", "svg"].map((format) =>
            h("button.cf-text", { type: "button", onclick: () => picture(format) }, format.toUpperCase()),
        ),
        h(
            "button.cf-text",
            { type: "button", onclick: () => save(`${file()}.csv`, figureCsv(figure()), "text/csv") },
            "CSV",
        ),
    );
}
