// @ts-check
// The open soup: a point of one alpha a run, and for each slider the line through it, so that dragging asks nothing.

import { get, post, queryString } from "../lib/api.js";
import { debounce, h, icon, iconButton, toast } from "../lib/dom.js";
import { bus, writeAddress } from "../lib/state.js";
import { grids } from "../explorer/grid.js";
import { cards, classTable } from "./figures.js";
import { sliders, status } from "./sliders.js";

const POOR = 0.5; // of the top 24: an approximation that was measured to be no better is not shown again
const SETTLED = 150; // milliseconds after the last change until exact figures are asked for

/** The soup of runs: its node, and end(). `view` is what the server says of them. */
export function mixer(app, ids, view) {
    const soup = makeSoup(app, ids, view);
    const both = h("div.cf-soup-both");
    const above = [head(app, soup), sliders(soup), status(soup), cards(soup), search(app, soup)];
    grids(soup, both, { open: soup.searchCell, see: soup.searchImage, search: soup.searchImage });
    const choose = (side) => {
        both.dataset.side = side;
        for (const button of switched.children)
            button.setAttribute("aria-pressed", String(button.dataset.side === side));
    };
    const switched = h(
        "div.cf-switch.cf-phone.cf-soup-sides",
        { role: "group", "aria-label": "Side" },
        ["before", "after"].map((side) =>
            h(
                "button",
                { type: "button", "data-side": side, onclick: () => choose(side) },
                side === "before" ? "Before" : "After",
            ),
        ),
    );
    choose("after");
    const node = h("div.cf-soup-open", {}, above, switched, both, classTable(soup));
    soup.start();
    return { node, end: soup.end };
}

/**
 * The state of an open soup. It is also what the grids take for their app: view, pack, index and the bus.
 * point holds hundredths; lines the newest line of each slider, good while the other alphas stay.
 */
function makeSoup(app, ids, view) {
    const named = app.state.alphas.split(",").map(Number);
    const given = named.length === ids.length && named.every((alpha) => alpha >= 0 && alpha <= 1);
    const soup = {
        bus: bus(),
        view,
        ids,
        point: view.runs.map((run, i) => Math.round(100 * (given ? named[i] : run.best))),
        active: 0,
        lines: view.runs.map(() => null),
        line: null,
        pack: null,
        index: 100,
        state: { k: 12 },
        where: "",
        rival: null,
        peeking: false,
        picked: new Set(),
        dragging: false,
        done: 0,
        total: 0,
        left: null,
        off: null, // how far the approximation was off where it was measured last
        exactNow: () => null,
        isStale: () => false,
    };
    let order = 0;
    let ended = false;
    let seconds = 0; // that the last exact line took
    const suggested = view.suggestions[0];
    if (app.state.img !== null && app.state.img >= view.gallery.items.length) app.state.img = null;
    if (!app.state.q && app.state.img === null) app.state.q = suggested;

    const alphas = () => soup.point.map((value) => (value / 100).toFixed(2)).join(",");
    const held = (slider) => `${queryString(app.state)} ${soup.point.map((value, i) => (i === slider ? "" : value))}`;
    const lineOf = (slider) => (soup.lines[slider]?.held === held(slider) ? soup.lines[slider] : null);
    const exactAt = (slider) => lineOf(slider)?.exact && lineOf(slider).nodes.includes(soup.point[slider] / 100);
    const saveAddress = debounce(() => {
        if (ended) return;
        app.state.alphas = alphas();
        writeAddress(app.state, false);
    }, 200);

    /** Show the line of the active slider at its alpha; what was shown stays while there is none. */
    function draw() {
        const line = lineOf(soup.active);
        if (line) {
            const fresh = soup.line !== line;
            Object.assign(soup, { line, pack: line.pack, index: soup.point[soup.active] });
            soup.where = soup.point.map((value) => (value / 100).toFixed(2)).join(" · ");
            if (fresh) soup.bus.emit("line");
            soup.bus.emit("alpha", soup.index);
        }
        soup.bus.emit("status");
    }
    soup.isWaiting = () => !lineOf(soup.active);

    soup.setAlpha = (slider, value) => {
        const next = Math.min(100, Math.max(0, Math.round(value)));
        if (Number.isNaN(next) || (soup.active === slider && soup.point[slider] === next)) return;
        soup.active = slider;
        soup.point[slider] = next;
        soup.bus.emit("point");
        draw();
        saveAddress();
        if (!soup.dragging) settle();
    };
    soup.drag = (on) => {
        if (soup.dragging && !on) settle();
        soup.dragging = on;
    };

    async function ask(slider, exact) {
        const key = held(slider);
        const where = `runs=${encodeURIComponent(ids.join(","))}&alphas=${alphas()}`;
        const line = await get(`soups/line?${where}&slider=${slider}&exact=${exact}&${queryString(app.state)}`);
        if (ended) return;
        soup.off = line.off ?? soup.off;
        if (key === held(slider)) soup.lines[slider] = { ...line, held: key };
    }

    /** Ask for what the present point lacks: approximate lines at once, then the exact point and the exact lines. */
    async function work() {
        const mine = ++order;
        const all = [soup.active, ...soup.point.keys()].filter((slider, i, list) => list.indexOf(slider) === i);
        const useful = view.approximate && !(soup.off?.agreement < POOR);
        const first = useful ? all.filter((slider) => !lineOf(slider)) : [];
        const then = all.filter((slider) => !exactAt(slider));
        const jobs = [...first.map((slider) => [slider, 0]), ...then.map((slider) => [slider, 1])];
        Object.assign(soup, { done: 0, total: then.length, left: null });
        try {
            for (const [slider, exact] of jobs) {
                while (soup.dragging && !ended) await new Promise((resolve) => setTimeout(resolve, 50));
                if (ended || mine !== order) return;
                const started = performance.now();
                await ask(slider, exact);
                if (ended || mine !== order) return;
                if (exact) {
                    seconds = (performance.now() - started) / 1000;
                    soup.done += 1;
                    soup.left = seconds * (soup.total - soup.done);
                }
                draw();
            }
        } catch (error) {
            if (!ended && mine === order) toast(error.message);
        }
    }
    const settle = debounce(work, SETTLED);

    soup.search = (query) => {
        Object.assign(app.state, { q: "", img: null, up: "", ...query });
        writeAddress(app.state, false);
        soup.bus.emit("query");
        draw();
        work();
    };
    soup.searchImage = (img) => soup.search({ img });
    soup.searchCell = (side, rank) =>
        soup.searchImage((side === "before" ? soup.pack.before.ids : soup.pack.after.ids[soup.index])[rank]);
    soup.alphas = () => soup.point.map((value) => value / 100);
    soup.start = () => {
        soup.bus.emit("point");
        soup.bus.emit("query");
        saveAddress();
        work();
    };
    soup.end = () => {
        ended = true;
    };
    return soup;
}

/** Title, and saving the soup as a run. */
function head(app, soup) {
    const targets = soup.view.runs.map((run) => run.target).join(", ");
    const name = h("input", {
        type: "text",
        id: "cf-soup-name",
        maxLength: 120,
        placeholder: `${targets} · soup of ${soup.ids.length}`,
        "aria-label": "Name of the run that is saved",
    });
    const save = h(
        "button.cf-button.cf-primary",
        {
            type: "submit",
            id: "cf-soup-save",
            title: "Embed it along its own alpha, score it and keep it as a run",
        },
        icon("check"),
        "Save as a run",
    );
    const form = h(
        "form.cf-soup-save",
        {
            onsubmit: async (event) => {
                event.preventDefault();
                save.disabled = true;
                try {
                    const body = { runs: soup.ids, alphas: soup.alphas(), name: name.value };
                    const { id } = await post("soups", body);
                    return app.open(id);
                } catch (error) {
                    toast(error.message);
                }
                save.disabled = false;
            },
        },
        name,
        save,
    );
    return h("header.cf-soup-head", {}, h("h2", {}, `${soup.ids.length} forgettings in one soup: ${targets}`), form);
}

/** The words to search by, and suggestions: each target first. */
function search(app, soup) {
    const input = h("input", {
        type: "search",
        "aria-label": "Search the gallery",
        autocomplete: "off",
        maxLength: 300,
    });
    const form = h(
        "form.cf-search",
        {
            role: "search",
            onsubmit: (event) => {
                event.preventDefault();
                if (!input.value.trim()) return toast("Write what to look for.");
                soup.search({ q: input.value.trim() });
            },
        },
        icon("search"),
        input,
        h("button.cf-button.cf-primary", { type: "submit" }, "Search"),
    );
    const chips = h(
        "div.cf-chips",
        { role: "group", "aria-label": "Suggested queries" },
        soup.view.suggestions.map((name) =>
            h("button.cf-chip", { type: "button", "data-name": name, onclick: () => soup.search({ q: name }) }, name),
        ),
    );
    const by = h(
        "div.cf-by",
        { hidden: true },
        h("span", {}, "like the image you chose"),
        iconButton("close", "Back to words", () => soup.search({ q: soup.view.suggestions[0] })),
    );
    const note = h("p.cf-query-note", { role: "status" });
    soup.bus.on("query", () => {
        input.value = app.state.q;
        by.hidden = app.state.img === null;
        for (const chip of chips.children) chip.setAttribute("aria-pressed", String(app.state.q === chip.dataset.name));
    });
    soup.bus.on("line", () => {
        note.textContent = soup.line.note;
    });
    return h("div.cf-soup-query", {}, h("div.cf-querybar", {}, form, by), chips, note);
}
