// @ts-check
// The figures under the slider: alpha itself, forget, siblings, others, and the two summary scores.
// With a second run beside the first, each card shows both and their difference.

import { h, onAlpha, percent, points, svg, write } from "../lib/dom.js";
import { explain } from "../lib/glossary.js";

const WIDTH = 120;
const HEIGHT = 30;
const CARDS = ["forget", "siblings", "others"];

/** Lines of values in 0..1 over alpha, a dot on each that moves; drawn once a run. The second line is run B's. */
export function sparkline(role, ...curves) {
    const y = (value) => 2 + (1 - Math.min(1, Math.max(0, value))) * (HEIGHT - 4);
    const path = (values) =>
        values.map((value, i) => `${i ? "L" : "M"}${((i / 100) * WIDTH).toFixed(1)} ${y(value).toFixed(1)}`).join("");
    const lines = curves.map((values, which) =>
        svg("path", { d: path(values), class: `cf-line cf-${role}${which ? " cf-second" : ""}` }),
    );
    const box = svg(
        "svg",
        { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", class: "cf-spark", "aria-hidden": "true" },
        ...lines,
    );
    const dots = curves.map((_, which) =>
        h(`i.cf-dot.cf-${role}${which ? ".cf-second" : ""}`, { "aria-hidden": "true" }),
    );
    const node = h("div.cf-sparkbox", {}, box, ...dots);
    const move = (i) =>
        curves.forEach((values, which) => {
            dots[which].style.transform = `translate(${i}cqw, ${y(values[i])}px)`;
        });
    return { node, move };
}

const TERMS = { siblings: ["siblings"], others: ["others"], "H / Score": ["H", "Score"], H: ["H", "Score"] };

function card(title, role) {
    const value = h("div.cf-value");
    const delta = h("div.cf-delta");
    const note = h("div.cf-note");
    const name = h("div.cf-name", {}, role ? h("i.cf-key", { "aria-hidden": "true" }) : null, h("span", {}, title));
    const node = h("section.cf-card", { "aria-label": title }, name, h("div.cf-pair", {}, value, delta), note);
    if (TERMS[title]) name.append(explain(...TERMS[title]));
    if (role) node.classList.add(`cf-${role}`);
    return { node, value, delta, note, name: name.querySelector("span") };
}

/** Fill `container` with the cards of the open run and keep them at the present alpha. */
export function figures(app, container) {
    let update = (/** @type {number} */ _) => {};
    app.bus.on("open", () => {
        update = draw(app, container);
    });
    onAlpha(app, container, (index) => update(index));
    app.bus.on("exact", () => update(app.index));
}

function draw(app, container) {
    const view = app.view;
    container.classList.toggle("cf-two", Boolean(app.rival));
    const rows = CARDS.map((key) => view.rows.find((row) => row.key === key)).filter(Boolean);
    const error = errorCard(app);
    const parts = rows.map((row) => (app.rival ? accuracyPair(app, row, row.role) : accuracyCard(app, row, row.role)));
    const score = app.rival ? scorePair(view, app.rival.view) : scoreCard(view);
    const all = [...parts, score, error];
    container.replaceChildren(...all.map((part) => part.node));
    return (index) => all.forEach((part) => part.update(index));
}

/** How far from exact the figures and hits at this alpha can be, and the way to have them exact. */
function errorCard(app) {
    const { node, value, delta, note, name } = card("error", "");
    node.classList.add("cf-error-card");
    const number = h("span");
    const unit = h("small", {}, " pts");
    value.append(number, unit);
    const button = h(
        "button.cf-text",
        {
            type: "button",
            id: "cf-exact",
            onclick: () => app.askExact(),
            title: "Embed every image with the souped weights of exactly this alpha (e)",
        },
        "Make exact",
    );
    name.parentNode.append(explain("alpha", "nodes"), button);
    note.hidden = true;
    const original = h("i");
    const left = h("span");
    const right = h("span");
    node.append(
        h(
            "div.cf-mix",
            { title: "How much of the weights is the original's, how much the unlearned model's" },
            h("div.cf-mixbar", {}, original),
            h("p", {}, left, right),
        ),
    );
    const update = (i) => {
        const shown = [app.view, ...(app.rival ? [app.rival.view] : [])];
        const bounds = shown.map((view) => view.bound);
        const exact = bounds.every((bound) => bound.agreement[i] === 1 && bound.accuracy[i] === 0);
        const asked = app.exactNow();
        unit.hidden = Boolean(exact || asked);
        const worst = () => Math.max(...bounds.map((bound) => bound.accuracy[i])).toFixed(1);
        write(number, unit.hidden ? "exact" : `≤ ${worst()}`);
        const alike = () => percent(Math.min(...bounds.map((bound) => bound.agreement[i])));
        const why = shown.every((view) => view.nodes.includes(i / 100)) ? "re-embedded here" : "no weight changes here";
        const said = asked ? `hits were ${percent(asked.agreement)}% the same` : `hits ≥ ${alike()}% same`;
        write(delta, exact && !asked ? why : said);
        button.hidden = unit.hidden;
        button.disabled = app.exactPending;
        original.style.width = `${i}%`;
        write(left, i > 12 ? "original" : "");
        write(right, i < 88 ? "unlearned" : "");
        write(button, app.exactPending ? "Computing…" : "Make exact");
    };
    return { node, update };
}

function accuracyCard(app, row, role) {
    const { node, value, delta, note } = card(role === "forget" ? `${row.label}: ${app.view.target}` : row.label, role);
    const spark = sparkline(role, row.after);
    node.append(spark.node);
    const range = h("span");
    note.append(range, ...(role === "forget" ? [h("span", {}, `· chance ${percent(app.view.chance)}`)] : []));
    const number = h("span");
    const unit = h("small", {}, "%");
    value.append(number, unit);
    const change = h("span");
    delta.append(change, h("span.cf-from", {}, `from ${percent(row.before.value)}%`));
    for (const line of [delta, note]) line.classList.add("cf-fit");
    const interval = `${percent(row.before.low)} to ${percent(row.before.high)}`;
    node.title = `${row.n} test images. Before: ${percent(row.before.value)}% (95% interval ${interval})`;
    const update = (i) => {
        const asked = app.exactNow();
        const now = asked ? (asked.rows[row.key] ?? row.after[i]) : row.after[i];
        write(number, percent(now));
        write(change, `${points(now - row.before.value)} pts`);
        write(range, `95% ${percent(row.low[i])}–${percent(row.high[i])}`);
        spark.move(i);
    };
    return { node, update };
}

function scoreCard(view) {
    const { node, value, delta, note } = card("H / Score", "");
    const h_ = h("span");
    const score = h("span");
    value.append(h_, h("small.cf-slash", {}, " / "), score);
    const spark = sparkline(
        "accent",
        view.h.map((value) => value / 100),
    );
    node.append(spark.node);
    node.title =
        "H: harmonic mean of forgetting and of what is retained. Score: their mean. Both in per cent; 100 is best.";
    delta.textContent = "of 100";
    note.textContent = `doing nothing: ${view.do_nothing.h.toFixed(1)} / ${view.do_nothing.score.toFixed(1)}`;
    const update = (i) => {
        write(h_, view.h[i].toFixed(1));
        write(score, view.score[i].toFixed(1));
        spark.move(i);
    };
    return { node, update };
}

/** A card with the values of run A and run B and what B has more. `now(i)` gives both, `words` shows one of them. */
function pairCard(title, role, curves, now, words, difference) {
    const { node, value, delta, note } = card(title, role);
    const numbers = ["A", "B"].map((side) => h("span", {}, h("i.cf-side", {}, side), h("span")));
    value.append(...numbers);
    const more = h("span");
    delta.append(h("span.cf-from", {}, "B − A  "), more);
    const spark = sparkline(role || "accent", ...curves);
    node.append(spark.node);
    const update = (i) => {
        const both = now(i);
        both.forEach((number, which) => {
            write(numbers[which].lastChild, words(number));
        });
        write(more, difference(both[1] - both[0]));
        spark.move(i);
    };
    return { node, note, update };
}

function accuracyPair(app, row, role) {
    const theirs = app.rival.view.rows.find((other) => other.key === row.key);
    if (!theirs) return accuracyCard(app, row, role);
    const now = (i) => {
        const asked = app.exactNow();
        return [asked?.rows[row.key] ?? row.after[i], asked?.rival?.rows[row.key] ?? theirs.after[i]];
    };
    const whose = [...new Set([app.view, app.rival.view].map((view) => view.target))].join(" | ");
    const made = pairCard(
        role === "forget" ? `${row.label}: ${whose}` : row.label,
        role,
        [row.after, theirs.after],
        now,
        (share) => `${percent(share)}%`,
        (share) => `${points(share)} pts`,
    );
    const before = new Set([row, theirs].map((each) => `${percent(each.before.value)}%`));
    made.note.textContent = `before ${[...before].join(" | ")}`;
    made.node.title = `${row.n} test images`;
    return made;
}

function scorePair(view, other) {
    const share = (values) => values.map((value) => value / 100);
    const made = pairCard(
        "H",
        "",
        [share(view.h), share(other.h)],
        (i) => [view.h[i], other.h[i]],
        (value) => value.toFixed(1),
        (value) => `${points(value / 100)} pts`,
    );
    made.node.title = "H: harmonic mean of forgetting and of what is retained, in per cent; 100 is best.";
    const update = (i) => {
        made.update(i);
        write(made.note, `Score ${view.score[i].toFixed(1)} | ${other.score[i].toFixed(1)}`);
    };
    return { node: made.node, update };
}
