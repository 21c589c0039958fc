// @ts-check
// The map: the gallery as points that glide with alpha. Hovering and picking are linked with the grids.

import { get } from "../lib/api.js";
import { h, svg, toast } from "../lib/dom.js";
import { about, imageUrl, shownOf } from "./grid.js";
import { drawing, placer } from "./mapdraw.js";
import { pickedPanel } from "./thumbs.js";
import { onlyA, sides } from "./versus.js";

const DIRECTIONS = { names: "Spread of the names", images: "Spread of all images" };
const MARKS = {
    forget: "M7 1.6 12.4 7 7 12.4 1.6 7z",
    siblings: "M7 2l4.6 8.2H2.4z",
    others: "M7 3a4 4 0 1 1 0 8 4 4 0 0 1 0-8z",
}; // in the legend, as mapdraw.js draws them
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Fill `container` with the map of the open run; its points are asked for once, when it is first seen. */
export function galleryMap(app, container) {
    const canvas = h("canvas.cf-map", { tabIndex: 0, role: "application", "aria-describedby": "cf-map-help" });
    canvas.setAttribute("aria-label", "Map of the gallery");
    const tip = h("div.cf-tip", { hidden: true });
    const wait = h("p.cf-wait", {}, "Drawing…");
    const said = h("p.cf-unseen", { role: "status" });
    const help = h("p.cf-help", { id: "cf-map-help" });
    const alone = onlyA();
    const map = drawing(canvas);
    const { scene } = map;
    let drawn = "";
    let asked = 0;
    let by = "names";

    const directions = h(
        "select",
        { "aria-label": "Directions of the map", onchange: () => show((by = directions.value)) },
        Object.entries(DIRECTIONS).map(([value, words]) => h("option", { value }, words)),
    );
    const legend = h("div.cf-map-legend", { role: "group", "aria-label": "Shown on the map" });
    const trails = toggle("Paths", true, (on) => {
        scene.trails = on;
        redraw();
    });
    trails.title = "The way of each image to be forgotten from the original to here";
    const lasso = toggle("Lasso", false, (on) => canvas.classList.toggle("cf-lasso", on));
    lasso.classList.add("cf-touch");
    const choose = h("select", { "aria-label": "Pick images", id: "cf-map-pick", onchange: () => pickGroup() });
    container.replaceChildren(
        alone,
        h("div.cf-map-tools", {}, legend, trails, lasso, choose, directions),
        h("div.cf-mapbox", {}, canvas, tip, wait),
        help,
        said,
        pickedPanel(app),
    );

    async function show() {
        alone.hidden = !app.rival;
        const wanted = `${app.view.id} ${by}`;
        if (drawn === wanted) return follow();
        drawn = wanted;
        scene.place = null;
        redraw();
        wait.hidden = false;
        wait.textContent = "Drawing…";
        try {
            const points = await get(`runs/${encodeURIComponent(app.view.id)}/map?by=${by}`);
            if (drawn !== wanted) return;
            scene.place = placer(points);
            help.textContent =
                `Drag around points to pick them, click one for its page; arrows, Enter and Space do the same. ` +
                `Two directions, the same at every alpha, that hold ${Math.round(100 * points.share)}% of what ` +
                `tells the images apart: near on the map need not be near for the model.`;
            wait.hidden = true;
            open();
        } catch (error) {
            drawn = "";
            wait.textContent = error.message;
            if (error.status === 0) toast(error.message);
        }
    }

    function open() {
        const { superclasses, roles, items } = app.view.gallery;
        scene.roles = items.map((item) => roles[item[4]]);
        const members = (wanted) => items.flatMap((item, id) => (wanted(item) ? [id] : []));
        const groups = superclasses.map((name, i) => {
            const ids = members((item) => item[1] === i && roles[item[4]] !== "forget");
            return { name, role: ids.length ? scene.roles[ids[0]] : "", members: ids };
        });
        const forget = members((item) => roles[item[4]] === "forget");
        scene.names = [
            { name: app.view.target, role: "forget", members: forget },
            ...groups.sort((a, b) => b.members.length - a.members.length),
        ].filter((group) => group.members.length);
        legend.replaceChildren(...roles.filter((role) => scene.roles.includes(role)).map(roleButton));
        const option = (value, words) => h("option", { value }, words);
        choose.replaceChildren(
            option("", "Pick…"),
            option("hits", "the hits of this search"),
            ...roles.map((role) => option(`role ${role}`, role)),
            h(
                "optgroup",
                { label: "Shown by name" },
                superclasses.map((name, i) => option(`name ${i}`, name)),
            ),
        );
        map.resize();
        follow();
    }

    function roleButton(role) {
        const button = toggle("", !scene.hidden.has(role), (on) => {
            scene.hidden[on ? "delete" : "add"](role);
            redraw();
        });
        const count = scene.roles.filter((other) => other === role).length;
        button.classList.add(`cf-${role}`);
        button.append(
            svg("svg", { viewBox: "0 0 14 14", "aria-hidden": "true" }, svg("path", { d: MARKS[role] })),
            `${role} ${count}`,
        );
        return button;
    }

    function pickGroup() {
        const [kind, ...rest] = choose.value.split(" ");
        const words = choose.selectedOptions[0].textContent;
        const { items } = app.view.gallery;
        const has = { role: (id) => scene.roles[id] === rest[0], name: (id) => items[id][1] === Number(rest[0]) }[kind];
        if (has) app.pick([...items.keys()].filter(has), words);
        if (kind === "hits") app.pick(scene.hits, `Hits at alpha ${(app.index / 100).toFixed(2)}`);
        choose.value = "";
    }

    function follow() {
        if (!scene.place || container.hidden) return;
        scene.index = app.index;
        const list = sides(app)?.[app.rival ? "before" : "after"].list;
        scene.hits = list ? list.ids.slice(0, shownOf(list, app.state)) : [];
        redraw();
    }
    /** Draw once in the coming frame, however much has changed. */
    function redraw() {
        if (container.hidden) return;
        asked ||= requestAnimationFrame(() => {
            asked = 0;
            map.draw();
            place();
        });
    }

    function light(id, speak = false) {
        if (id === scene.lit) return;
        if (scene.lit >= 0) app.bus.emit("light", scene.lit, false);
        if (id < 0) return;
        app.bus.emit("light", id, true);
        const { full, role } = about(app.view, id);
        tip.dataset.role = role;
        tip.replaceChildren(
            h("img", { src: imageUrl(app.view, id), alt: "", width: 96, height: 96 }),
            h("strong", {}, full),
            h("span", {}, role),
        );
        tip.hidden = false;
        if (speak) said.textContent = `${full}, ${role}`;
    }
    /** Put the tip beside its point, inside the box. */
    function place() {
        if (tip.hidden || scene.lit < 0) return;
        const [x, y] = map.spot(scene.lit);
        const left = x + 18 + tip.offsetWidth < canvas.clientWidth ? x + 18 : Math.max(0, x - 18 - tip.offsetWidth);
        const top = Math.min(Math.max(0, y - tip.offsetHeight / 2), canvas.clientHeight - tip.offsetHeight);
        tip.style.transform = `translate(${left}px,${top}px)`;
    }

    let start = null; // where the pointer went down
    let touched = -1; // the point that a first touch has shown
    const at = (event) => [event.offsetX, event.offsetY];
    const lassoing = (event) => event.pointerType !== "touch" || canvas.classList.contains("cf-lasso");
    canvas.addEventListener("pointerdown", (event) => {
        if (event.button !== 0 || !scene.place) return;
        start = at(event);
        if (lassoing(event)) canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
        if (!scene.place) return;
        if (!start) return light(map.hit(...at(event)));
        if (!lassoing(event)) return;
        light(-1);
        scene.lasso.push(at(event));
        redraw();
    });
    canvas.addEventListener("pointerup", (event) => {
        if (!start) return;
        const corners = scene.lasso;
        const [dx, dy] = [event.offsetX - start[0], event.offsetY - start[1]];
        start = null;
        scene.lasso = [];
        if (corners.length > 3) {
            const ids = map.inside(corners);
            app.pick(event.shiftKey ? [...app.picked, ...ids] : ids, "Picked on the map");
        } else if (Math.hypot(dx, dy) < 8) click(map.hit(...at(event)), event.pointerType === "touch");
        redraw();
    });
    for (const end of ["pointercancel", "pointerleave"])
        canvas.addEventListener(end, () => {
            start = null;
            scene.lasso = [];
            light(-1);
        });
    function click(id, touch) {
        if (id >= 0 && (!touch || touched === id)) return app.see(id);
        touched = id;
        light(id, true);
        if (id < 0) app.pick([], "");
    }
    canvas.addEventListener("keydown", (event) => {
        if (!scene.place || event.ctrlKey || event.metaKey || event.altKey) return;
        const first = scene.lit >= 0 ? scene.lit : scene.roles.findIndex((role) => !scene.hidden.has(role));
        if (ARROWS[event.key]) light(scene.lit < 0 ? first : map.next(first, ...ARROWS[event.key]), true);
        else if (event.key === "Enter" && scene.lit >= 0) app.see(scene.lit);
        else if (event.key === " " && scene.lit >= 0) {
            const ids = new Set(app.picked);
            if (!ids.delete(scene.lit)) ids.add(scene.lit);
            app.pick(ids, "Picked on the map");
        } else if (event.key === "Escape") app.pick([], "");
        else return;
        event.preventDefault();
        event.stopPropagation();
    });
    canvas.addEventListener("blur", () => light(-1));

    new ResizeObserver(() => {
        if (container.hidden || !scene.place || !canvas.clientWidth) return;
        map.resize();
        map.draw();
    }).observe(canvas);
    for (const event of ["alpha", "pack", "exact"]) app.bus.on(event, follow);
    app.bus.on("picked", () => {
        scene.picked = app.picked;
        redraw();
    });
    app.bus.on("light", (id, on) => {
        scene.lit = on ? id : -1;
        if (!on) tip.hidden = true;
        redraw();
    });
    app.bus.on("theme", () => {
        map.recolour();
        redraw();
    });
    return { show };
}

function toggle(words, on, changed) {
    const button = h("button.cf-toggle", {
        type: "button",
        "aria-pressed": String(on),
        onclick: () => {
            const now = button.getAttribute("aria-pressed") !== "true";
            button.setAttribute("aria-pressed", String(now));
            changed(now);
        },
    });
    button.append(words);
    return button;
}
