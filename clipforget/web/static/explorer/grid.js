// @ts-check
// Before and After, or two runs: two grids of 24 images whose cells stay in place while their images change with alpha.

import { PAGE, url } from "../lib/api.js";
import { h, icon, write } from "../lib/dom.js";
import { oneStop } from "../lib/stops.js";
import { sides } from "./versus.js";

const ONE_RUN = {
    lost: ["✕", "No longer among the first"],
    displaced: ["↔", "Another image of the target took its place among the first"],
    entered: ["+", "Was not among the first"],
    rank: "Was at rank",
};
const TWO_RUNS = {
    lost: ["✕", "Run B does not have it among the first"],
    displaced: ["✕", "Run B does not have it among the first"],
    entered: ["+", "Run A does not have it among the first"],
    rank: "Run A has it at rank",
};
const AT_FIRST = 24; // cells of a grid before somebody asks for more

/** How many hits of a list are shown. */
export const shownOf = (list, { k }) => Math.min(list.ids.length, k === "all" ? PAGE : k);

/** The rank of a hit among all images, by its place in the list that is shown. */
export const rankOf = (list, place, page = 0) => list.ranks?.[place] ?? page * PAGE + place + 1;

/** Address of a gallery image's thumbnail (96) or large version (384). */
export const imageUrl = (view, id, size = 96) =>
    url(`images/${view.gallery.data}/${view.gallery.items[id][0]}?size=${size}`);

/** What a gallery image shows: its finest name, its full name, and its role. */
export function about(view, id) {
    const { superclasses, subgroups, styles, roles, items } = view.gallery;
    const [, superclass, subgroup, style, role] = items[id];
    const parts = [superclasses[superclass], subgroups[subgroup], styles[style]].filter((part) => part !== undefined);
    const short = subgroups[subgroup] ?? superclasses[superclass];
    return { short, full: parts.join(" / "), role: roles[role] };
}

function makeCell(side, rank, on) {
    const image = h("img", { width: 96, height: 96, decoding: "async", draggable: false, alt: "" });
    const open = h("button.cf-thumb", { type: "button", tabIndex: -1, onclick: () => on.open(side, rank) }, image);
    const badge = h("span.cf-badge", { "aria-hidden": "true" });
    const search = h(
        "button.cf-more",
        {
            type: "button",
            tabIndex: -1,
            title: "Search by this image (s)",
            "aria-label": "Search by this image",
            onclick: () => on.search(cell.id),
        },
        icon("search"),
    );
    const label = h("span.cf-label");
    const cosine = h("span.cf-cosine");
    const caption = h("div.cf-caption", {}, label, h("span.cf-measured", {}, badge, cosine));
    const node = h("div.cf-cell", { role: "listitem" }, open, search, caption);
    const cell = { node, open, image, badge, label, cosine, id: -1, view: null, side, rank, mark: "" };
    const light = (lit) => on.light(cell.id, lit);
    node.addEventListener("pointerenter", () => {
        label.title = cell.image.alt;
        light(true);
    });
    node.addEventListener("pointerleave", () => light(false));
    open.addEventListener("focus", () => light(true));
    open.addEventListener("blur", () => light(false));
    open.addEventListener("keydown", (event) => {
        if (event.key === "s") on.search(cell.id);
        if (event.key === "i") on.see(cell.id);
    });
    return cell;
}

function showImage(view, cell, id) {
    if (cell.id === id && cell.view === view) return;
    cell.id = id;
    cell.view = view;
    const { short, full, role } = about(view, id);
    cell.image.src = imageUrl(view, id);
    cell.image.alt = full;
    write(cell.label, short);
    cell.node.dataset.role = role;
    cell.name = `${full}, ${role}`;
    cell.mark = cell.place = null;
}

function showMark(cell, mark, text, title) {
    if (cell.mark === mark + text) return;
    cell.mark = mark + text;
    cell.node.dataset.mark = mark;
    write(cell.badge, text);
    cell.badge.title = title;
}

/** Both grids inside `container`. Emits nothing; the page calls open/search through `on`. */
export function grids(app, container, on) {
    const cells = { before: [], after: [] };
    const light = (id, lit) => app.bus.emit("light", id, lit);
    const titles = {};
    const counts = {};
    const headings = {};
    const refusals = {};
    const lists = {};
    const refreshStop = {};
    const many = {}; // how many images are shown
    const panels = ["before", "after"].map((side) => {
        cells[side] = Array.from({ length: AT_FIRST }, (_, rank) => makeCell(side, rank, { ...on, light }));
        titles[side] = h("span.cf-sub");
        headings[side] = h("span.cf-heading");
        counts[side] = { number: h("b"), words: h("span") };
        lists[side] = h(
            "div.cf-grid",
            { role: "list" },
            cells[side].map((cell) => cell.node),
        );
        refreshStop[side] = oneStop(lists[side], ".cf-thumb", false); // after a click the arrows still move alpha
        refusals[side] = h("p.cf-refused", { role: "status", hidden: true });
        const count = h("span.cf-count", {}, Object.values(counts[side]));
        const head = h("header", {}, h("h2", {}, headings[side], titles[side], count));
        return h("section.cf-panel", { "data-side": side }, head, refusals[side], lists[side]);
    });
    container.replaceChildren(...panels);

    let lit = null; // the image that is pointed at, here or on the map
    app.bus.on("light", (id, on) => {
        lit = on ? id : null;
        for (const cell of [...cells.before, ...cells.after]) cell.node.classList.toggle("cf-lit", cell.id === lit);
    });
    for (const event of ["picked", "alpha", "pack", "query", "refused", "exact", "peek"]) app.bus.on(event, draw);

    function draw() {
        const now = sides(app);
        if (!now) return;
        const { pack, state } = app;
        const words = app.rival ? TWO_RUNS : ONE_RUN;
        const before = now.before.list;
        const after = now.after.list;
        const isTarget = (id) => about(now.before.view, id).role === "forget";
        // Within one role, or further down, nothing can be said of what came in and what went out.
        const [inBefore, inAfter] =
            state.role || state.page ? [new Map(), new Map()] : marks(before.ids, after.ids, isTarget, words);
        const total = pack.total ?? before.ids.length;
        const whose = app.isStale() ? ` · still “${pack.query.label}”` : "";
        for (const side of ["before", "after"]) {
            write(headings[side], now[side].name);
            const said = side === "after" && !app.rival && !app.peeking && !app.where; // alpha stands at the slider
            write(titles[side], (said ? "" : now[side].sub) + whose);
            const shown = now[side].list.ids.slice(0, shownOf(now[side].list, state));
            write(counts[side].number, state.role ? "" : String(shown.filter(isTarget).length));
            const of = state.role ? `${total.toLocaleString("en")} ${state.role}` : `${shown.length} of the target`;
            write(counts[side].words, state.role ? `${shown.length} of ${of}` : ` of ${of}`);
            const refused = now[side].list.ids.length ? "" : now[side].refused;
            if (refusals[side].hidden === Boolean(refused)) refusals[side].hidden = !refused;
            write(refusals[side], refused ? `Refused: this prompt names ${refused}.` : "");
        }
        container.classList.toggle("cf-two", Boolean(app.rival));
        panels[1].classList.toggle("cf-peek", app.peeking);
        if (container.dataset.k !== String(state.k)) container.dataset.k = state.k;
        for (const side of ["before", "after"]) {
            const { view, list } = now[side];
            const shown = shownOf(list, state);
            for (let rank = cells[side].length; rank < shown; rank++) {
                cells[side].push(makeCell(side, rank, { ...on, light }));
                lists[side].append(cells[side][rank].node);
            }
            for (const cell of cells[side]) {
                drawOne(view, cell, list, shown, state, side === "before" ? inBefore : inAfter);
                cell.node.classList.toggle("cf-marked", app.picked.has(cell.id));
                cell.node.classList.toggle("cf-lit", cell.id === lit);
            }
            if (many[side] !== shown) refreshStop[side]();
            many[side] = shown;
        }
    }
    return { cells, panels };
}

function drawOne(view, cell, list, shown, { page, role }, badges) {
    const { rank } = cell;
    cell.node.hidden = rank >= shown;
    if (cell.node.hidden) return;
    showImage(view, cell, list.ids[rank]);
    const place = rankOf(list, rank, page);
    if (cell.place !== place) {
        cell.place = place;
        cell.open.setAttribute("aria-label", `${cell.name}, rank ${place}`);
    }
    write(cell.cosine, `${role || page ? `#${place} ` : ""}${list.cosines[rank].toFixed(3)}`);
    showMark(cell, ...(badges.get(cell.id) ?? ["", "", ""]));
}

/**
 * What is said of the images of the target, by their number, in each grid: [mark, text, title]. Siblings and others
 * change places all the time, and nothing is said of them. As many count as lost as there are fewer images of the
 * target; of those that made room for another image of it, the last ones, only that.
 */
export function marks(before, after, isTarget, words) {
    const ranks = [before, after].map((ids) => new Map(ids.map((id, rank) => [id, rank])));
    const left = before.filter((id) => isTarget(id) && !ranks[1].has(id));
    const entered = after.filter((id) => isTarget(id) && !ranks[0].has(id));
    const lost = left.length - entered.length;
    const said = ([text, title]) => [text, `${title} ${Math.max(before.length, after.length)}`];
    const inBefore = new Map(
        left.map((id, i) => [id, i < lost ? ["gone", ...said(words.lost)] : ["displaced", ...said(words.displaced)]]),
    );
    const inAfter = new Map(entered.map((id) => [id, ["new", ...said(words.entered)]]));
    for (const [id, rank] of ranks[1]) {
        const old = ranks[0].get(id);
        if (old === undefined || old === rank || !isTarget(id)) continue;
        const mark = old > rank ? ["up", `▲${old - rank}`] : ["down", `▼${rank - old}`];
        inAfter.set(id, [...mark, `${words.rank} ${old + 1}`]);
    }
    return [inBefore, inAfter];
}
