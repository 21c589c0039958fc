// @ts-check
// One audit of a run: its question, a figure for each model on one scale, a verdict, and its controls behind a fold.

import { h } from "../lib/dom.js";

/** The verdict in a few words. Without a model that never saw the target only a bound can be kept. */
function verdict({ passed, reference }) {
    if (passed === null) return "no verdict";
    const words = Object.keys(reference).length ? "as never seen" : "within bounds";
    return passed ? words : `not ${words}`;
}

const LATER = { "pictures and word": "nor its name" }; // forms of a reference below the first one

/** True where an audit has figures, or says why it has none. */
export const isMeasured = ({ subjects, reason }) => Boolean(reason || Object.keys(subjects).length);

/** The models that an audit measured, each with its name, its figures by key, and how its mark looks. */
function models(entry, alpha) {
    const { original, chosen, zero } = entry.subjects;
    const references = Object.entries(entry.reference);
    return [
        ["original", "original", original],
        ["chosen", `alpha ${alpha.toFixed(2)}`, chosen],
        ["zero", "alpha 0", zero],
        ...references.map(([form, found], i) => [
            "reference",
            i ? (LATER[form] ?? form) : "never saw it",
            found,
        ]),
    ]
        .filter(([, , found]) => found)
        .map(([kind, label, found]) => ({
            kind,
            label,
            figures: new Map(found.figures.map((figure) => [figure.key, figure])),
            first: found.figures[0],
        }));
}

/** A value in its unit: "66%", "12 steps", "0.93". */
function written(value, unit) {
    if (value === null) return "–";
    if (unit === "share") return `${Math.round(100 * value)}%`;
    return unit === "steps" ? `${Math.round(value)} steps` : value.toFixed(2);
}

function interval({ low, high, unit }) {
    if (low === null || high === null) return "";
    const end = { share: (value) => Math.round(100 * value), steps: Math.round }[unit] ?? ((value) => value.toFixed(2));
    return [low, high].map((value) => end(value)).join("–");
}

/** The node of an audit, `update(index)` for alpha, and whether its fold is open. */
export function auditEntry(app, entry, page, open) {
    const measured = models(entry, page.alpha);
    const chip = h("span.cf-audit-chip", { "data-passed": String(entry.passed) }, verdict(entry));
    const plot = dots(entry, page, measured);
    const controls = h(
        "details",
        { open },
        h("summary", {}, measured.length ? "Controls and all figures" : "What it measures"),
        measured.length ? table(measured) : "",
        h("p", {}, `Ideal: ${entry.ideal}.`),
        source(entry),
    );
    const idle = !isMeasured(entry) && !page.problem && !["queued", "running"].includes(page.work?.state);
    const run = h("button.cf-text", { type: "button", onclick: () => app.audit([entry.name]) }, "Run this one");
    const node = h(
        "article.cf-audit",
        { "data-audit": entry.name },
        h("header", {}, h("h4", {}, entry.title), isMeasured(entry) ? chip : idle ? run : ""),
        h("p.cf-audit-question", {}, entry.question),
        plot.node,
        entry.verdict ? h("p.cf-audit-verdict", {}, entry.verdict) : h("p.cf-audit-question", {}, "Not run yet."),
        controls,
    );
    return { node, name: entry.name, update: plot.update, isOpen: () => controls.open };
}

/** A row for each model: a dot with its interval on one scale, the reference's interval as a band through all. */
function dots(entry, page, measured) {
    const shown = measured.filter(({ first }) => first.value !== null);
    if (!shown.length) return { node: "", update() {} };
    const { key, unit, label } = shown[0].first;
    const most = unit === "steps" ? Math.max(...shown.flatMap(({ first }) => [first.value, first.high ?? 0])) || 1 : 1;
    const at = (value) => `${100 * Math.min(1, Math.max(0, value / most))}%`;
    const reference = shown.find(({ kind }) => kind === "reference")?.first;
    const rows = shown.map(({ kind, label, first }) => {
        const dot = h("b");
        const range = h("i");
        const band = h("u");
        const track = h("span.cf-audit-track", { "aria-hidden": "true" }, band, range, dot);
        const name = h("dt", {}, label);
        const value = h("dd");
        const small = h("small");
        value.append(h("span"), small);
        if (reference?.low !== null && reference?.low !== undefined) {
            band.style.left = at(reference.low);
            band.style.width = `calc(${at(reference.high)} - ${at(reference.low)})`;
        }
        const set = (figure) => {
            dot.style.left = at(figure.value);
            range.hidden = figure.low === null;
            range.style.left = at(figure.low ?? 0);
            range.style.width = `calc(${at(figure.high ?? 0)} - ${at(figure.low ?? 0)})`;
            value.firstChild.textContent = written(figure.value, unit);
            small.textContent = interval(figure);
        };
        set(first);
        const node = h("div", { "data-kind": kind }, name, track, value);
        return { node, kind, name, first, set };
    });
    const along = entry.along[key];
    const moving = rows.find(({ kind }) => kind === "chosen");
    const update = (index) => {
        if (!along || !moving) return;
        const alpha = index / 100;
        const chosen = Math.abs(alpha - page.alpha) < 0.005;
        moving.name.textContent = `alpha ${alpha.toFixed(2)}`;
        moving.set(chosen ? moving.first : { value: between(page.alphas, along, alpha), low: null, high: null, unit });
    };
    return { node: h("dl.cf-audit-dots", { "aria-label": label }, rows.map(({ node }) => node)), update };
}

/** The value at an alpha between those that were measured; null beside one that means nothing. */
function between(alphas, values, alpha) {
    const right = Math.max(1, alphas.findIndex((other) => other >= alpha - 1e-9));
    const [low, high] = [values[right - 1], values[right]];
    const share = (alpha - alphas[right - 1]) / (alphas[right] - alphas[right - 1]);
    if (low === null || high === null) return share < 0.5 ? low : high;
    return low + share * (high - low);
}

/** Every figure of every model, with intervals; what stands below the first line are the controls. */
function table(measured) {
    const all = new Map(measured.flatMap(({ figures }) => [...figures]));
    const cell = (figure) =>
        figure
            ? h(
                  "td.cf-number",
                  { title: figure.note },
                  written(figure.value, figure.unit),
                  h("small", {}, interval(figure)),
              )
            : h("td");
    const lines = [...all].map(([key, { label }]) =>
        h("tr", {}, h("th", { scope: "row" }, label), ...measured.map(({ figures }) => cell(figures.get(key)))),
    );
    const head = ["figure", ...measured.map(({ label }) => label)].map((name) => h("th", { scope: "col" }, name));
    return h(
        "div.cf-scroll",
        { tabIndex: 0, role: "region", "aria-label": "All figures" },
        h("table.cf-table", {}, h("thead", {}, h("tr", {}, head)), h("tbody", {}, lines)),
    );
}

function source({ source, reference_url: address }) {
    const link = /^https:/.test(address)
        ? h("a.cf-text", { href: address, target: "_blank", rel: "noopener" }, source)
        : source;
    return h("p.cf-audit-source", {}, "Source: ", link);
}
