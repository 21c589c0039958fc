// @ts-check
// Who becomes what: how many images of each name are called what, before, after, and the difference, at any alpha.

import { get } from "../lib/api.js";
import { h, toast } from "../lib/dom.js";
import { oneStop } from "../lib/stops.js";
import { pickedPanel } from "./thumbs.js";
import { onlyA } from "./versus.js";

const LEVELS = { superclass: "Coarse names", subgroup: "Fine names" };
const MODES = { before: "Before", after: "After", difference: "Difference" };
const MANY = 12; // names above which only those with a change are shown at first

/** Fill `container` with the matrix of the open run; the predictions are asked for once, when it is first seen. */
export function predictionMatrix(app, container) {
    const wait = h("p.cf-wait", {}, "Counting…");
    const sentence = h("p.cf-sentence");
    const note = h("p.cf-help");
    const alone = onlyA();
    const box = h("div.cf-scroll", { tabIndex: 0, role: "region", "aria-label": "Matrix of names" });
    const refreshStop = oneStop(box, "td button");
    let drawn = "";
    let all = null; // the answer's levels
    let level = "superclass";
    let mode = "after";
    let few = null; // only names with a change; null: where there are many
    let grid = null;

    const levels = choice("Names", LEVELS, (name) => build((level = name)));
    const modes = choice("Shown", MODES, (name) => {
        mode = name;
        grid?.update(app.index, mode);
        press();
    });
    const changing = h("button.cf-toggle", { type: "button", onclick: () => build(level, (few = !only())) });
    changing.append("Only names with changes");
    container.replaceChildren(
        alone,
        h("div.cf-map-tools", {}, levels, modes, changing),
        wait,
        sentence,
        box,
        note,
        pickedPanel(app),
    );
    const only = () => few ?? all[level].names.length > MANY;

    async function show() {
        alone.hidden = !app.rival;
        if (drawn === app.view.id) return update(app.index);
        const wanted = (drawn = app.view.id);
        wait.hidden = false;
        wait.textContent = "Counting…";
        grid = null;
        box.replaceChildren();
        sentence.textContent = "";
        try {
            const answer = await get(`runs/${encodeURIComponent(wanted)}/predictions`);
            if (drawn !== wanted) return;
            all = answer.levels;
            wait.hidden = Boolean(all.superclass);
            wait.textContent = "This run knows one name only, so nothing can become anything else.";
            if (!all.superclass) return;
            if (!all[level]) level = "superclass";
            note.textContent =
                `Rows: what an image shows; columns: its nearest name. ` +
                `A click on a number picks those images, on the map and in both grids too. ${answer.note}`;
            build();
        } catch (error) {
            drawn = "";
            wait.textContent = error.message;
            if (error.status === 0) toast(error.message);
        }
    }

    function build() {
        grid = table(app, all[level], level, only());
        box.replaceChildren(grid.node);
        refreshStop();
        levels.hidden = Object.keys(all).length < 2;
        press();
        update(app.index);
    }
    function press() {
        for (const [group, chosen] of [
            [levels, level],
            [modes, mode],
        ])
            for (const button of group.children)
                button.setAttribute("aria-pressed", String(button.dataset.name === chosen));
        changing.setAttribute("aria-pressed", String(only()));
    }
    function update(index) {
        if (!grid) return;
        grid.update(index, mode);
        sentence.textContent = grid.movement();
    }
    app.bus.on("alpha", (index) => {
        if (!container.hidden && drawn === app.view?.id) update(index);
    });
    return { show };
}

function choice(label, names, chosen) {
    const button = ([name, words]) =>
        h("button", { type: "button", "data-name": name, onclick: () => chosen(name) }, words);
    return h("div.cf-switch", { role: "group", "aria-label": label }, Object.entries(names).map(button));
}

/** The rows: names that images have, what is to be forgotten apart and first, each with its images by number. */
function rowsOf(view, { names, labels }, level) {
    const { superclasses, subgroups, roles, items } = view.gallery;
    const rows = new Map();
    labels.forEach((label, id) => {
        if (label < 0) return;
        const role = roles[items[id][4]];
        const key = `${label} ${role === "forget"}`;
        if (!rows.has(key)) rows.set(key, { label, role, superclass: superclasses[items[id][1]], images: [] });
        rows.get(key).images.push(id);
    });
    for (const row of rows.values()) {
        const finer = new Set(row.images.map((id) => subgroups[items[id][2]]));
        const split = rows.has(`${row.label} ${row.role !== "forget"}`);
        const fine = level === "superclass" && split && row.role === "forget" && finer.size === 1;
        row.name = fine ? ([...finer][0] ?? names[row.label]) : names[row.label];
        row.title = split && !fine ? `${row.name}, ${row.role === "forget" ? "forget" : "the rest"}` : row.name;
    }
    const rank = (row) => ["forget", "siblings", "others"].indexOf(row.role);
    return [...rows.values()].sort((a, b) => rank(a) - rank(b) || a.superclass.localeCompare(b.superclass));
}

/** The table of one level: node, update(index, mode), and the sentence on its largest movement. */
function table(app, predicted, level, only) {
    const { names, called } = predicted;
    const count = called.length;
    const nameAt = new Uint16Array(101 * count); // alpha by alpha
    called.forEach((stretches, id) => {
        for (let s = 0; s < stretches.length; s += 2)
            for (let index = stretches[s]; index < (stretches[s + 2] ?? 101); index++)
                nameAt[index * count + id] = stretches[s + 1];
    });
    const every = rowsOf(app.view, predicted, level);
    const ever = every.map((row) => new Set(row.images.flatMap((id) => called[id].filter((_, i) => i % 2))));
    const moving = new Set(); // names that some image leaves or takes
    for (const row of every)
        for (const id of row.images)
            if (called[id].length > 2) [row.label, ...called[id].filter((_, i) => i % 2)].forEach((n) => moving.add(n));
    const rows = every.filter((row) => !only || row.role === "forget" || moving.has(row.label));
    const order = [...new Set([...every.map((row) => row.label), ...names.keys()])];
    const columns = order.filter((name) =>
        rows.some((row) => row.label === name || ever[every.indexOf(row)].has(name)),
    );
    const cells = [];
    const body = rows.map((row) => {
        const key = h("i.cf-key", { "aria-hidden": "true" });
        const head = h(
            "th",
            { scope: "row", title: row.superclass },
            key,
            row.title,
            h("small", {}, row.images.length),
        );
        head.classList.add(`cf-${row.role}`);
        const line = columns.map((name) => {
            if (!ever[every.indexOf(row)].has(name)) return h("td", { "data-own": name === row.label ? "" : null });
            const cell = { row, name, before: countOf(row, name, 100), now: 0, shown: null, button: null };
            cell.button = h("button", { type: "button", tabIndex: -1, onclick: () => pick(cell) });
            cells.push(cell);
            return h("td", { "data-own": name === row.label ? "" : null }, cell.button);
        });
        return h("tr", {}, head, line);
    });
    const heads = columns.map((name) => h("th", { scope: "col" }, h("span", {}, names[name])));
    const corner = h("td", {}, "shows ↓ called →");
    const node = h("table.cf-predictions", {}, h("thead", {}, h("tr", {}, corner, heads)), h("tbody", {}, body));
    node.style.setProperty("--letters", String(Math.max(...columns.map((name) => names[name].length))));
    let [shownIndex, shownMode] = [100, "after"];

    function countOf(row, name, index) {
        let found = 0;
        for (const id of row.images) found += Number(nameAt[index * count + id] === name);
        return found;
    }
    function update(index, mode) {
        [shownIndex, shownMode] = [index, mode];
        for (const cell of cells) {
            cell.now = countOf(cell.row, cell.name, index);
            const value = { before: cell.before, after: cell.now, difference: cell.now - cell.before }[mode];
            const key = `${mode} ${cell.now}`;
            if (cell.shown === key) continue;
            cell.shown = key;
            const signed = mode === "difference" && value > 0 ? `+${value}` : String(value).replace("-", "−");
            cell.button.textContent = value ? signed : "·";
            cell.button.dataset.sign = value < 0 ? "less" : value ? "more" : "";
            cell.button.style.setProperty("--share", String(Math.abs(value) / cell.row.images.length));
            const words = `${cell.row.title} called ${names[cell.name]}`;
            cell.button.setAttribute(
                "aria-label",
                `${words}: ${cell.now} of ${cell.row.images.length}, before ${cell.before}`,
            );
        }
    }
    function pick({ row, name, now, before }) {
        const at = (id, index) => nameAt[index * count + id] === name;
        const wanted = {
            before: (id) => at(id, 100),
            after: (id) => at(id, shownIndex),
            difference: (id) =>
                now < before ? at(id, 100) && !at(id, shownIndex) : !at(id, 100) && at(id, shownIndex),
        }[shownMode];
        const alpha = `alpha ${(shownIndex / 100).toFixed(2)}`;
        const when = {
            before: "before",
            after: `at ${alpha}`,
            difference: now < before ? `before, not at ${alpha}` : `at ${alpha}, not before`,
        }[shownMode];
        app.pick(row.images.filter(wanted), `“${row.title}” called “${names[name]}” ${when}`);
    }
    function movement() {
        const alpha = `At alpha ${(shownIndex / 100).toFixed(2)}`;
        const moved = cells.filter((cell) => cell.name !== cell.row.label && cell.now > cell.before);
        if (!moved.length) return `${alpha} no name has gained an image that does not show it.`;
        const { row, name, now, before } = moved.reduce((a, b) => (b.now - b.before > a.now - a.before ? b : a));
        const images = `${now} of ${row.images.length} images of “${row.title}”`;
        return `${alpha}, ${images} are called “${names[name]}”; before: ${before}.`;
    }
    return { node, update, movement };
}
