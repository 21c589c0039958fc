// @ts-check
// Small images that lead to their pages: a list whose cells stay in place, and the picked images with their exports.

import { h } from "../lib/dom.js";
import { csv, save } from "../lib/plot.js";
import { about, imageUrl } from "./grid.js";

const FIRST = 48; // picked images shown before "all"

/** A list of gallery images: show(ids) puts them into it. A click opens an image's page, hovering lights it up. */
export function thumbList(app, label) {
    const cells = [];
    const node = h("div.cf-thumbs", { role: "list", "aria-label": label });
    function cell() {
        const image = h("img", {
            width: 96,
            height: 96,
            loading: "lazy",
            decoding: "async",
            draggable: false,
            alt: "",
        });
        const light = (lit) => app.bus.emit("light", made.id, lit);
        const button = h(
            "button.cf-thumb",
            {
                type: "button",
                onclick: () => app.see(made.id),
                onfocus: () => light(true),
                onblur: () => light(false),
            },
            image,
        );
        const name = h("span.cf-label");
        const box = h(
            "div.cf-cell",
            { role: "listitem", onpointerenter: () => light(true), onpointerleave: () => light(false) },
            button,
            h("div.cf-caption", {}, name),
        );
        const made = { box, image, button, name, id: -1, view: null };
        return made;
    }
    function show(ids) {
        while (cells.length < ids.length) {
            cells.push(cell());
            node.append(cells.at(-1).box);
        }
        cells.forEach((made, i) => {
            made.box.hidden = i >= ids.length;
            if (made.box.hidden || (made.id === ids[i] && made.view === app.view)) return;
            Object.assign(made, { id: ids[i], view: app.view });
            const { short, full, role } = about(app.view, made.id);
            made.image.src = imageUrl(app.view, made.id);
            made.button.title = full;
            made.button.setAttribute("aria-label", `${full}, ${role}: all about this image`);
            made.name.textContent = short;
            made.box.dataset.role = role;
        });
    }
    return { node, show };
}

/** "12 images: 8 forget, 4 others". */
export function rolesOf(view, ids) {
    const { roles, items } = view.gallery;
    const counts = roles.map((role, i) => [ids.filter((id) => items[id][4] === i).length, role]);
    const parts = counts.filter(([count]) => count).map(([count, role]) => `${count} ${role}`);
    return `${ids.length} ${ids.length === 1 ? "image" : "images"}${parts.length ? `: ${parts.join(", ")}` : ""}`;
}

/** The picked images as a list with exports; hidden while nothing is picked. */
export function pickedPanel(app) {
    const title = h("p.cf-picked-title", { role: "status" });
    const list = thumbList(app, "Picked images");
    const more = h("button.cf-text", { type: "button", onclick: () => draw(Infinity) });
    const file = () => `clipforget-${app.view.id}-picked`;
    const rows = () =>
        [...app.picked].map((id) => {
            const { superclasses, subgroups, styles, roles, items } = app.view.gallery;
            const [index, superclass, subgroup, style, role] = items[id];
            const names = [superclasses[superclass], subgroups[subgroup], styles[style]].map((name) => name ?? "");
            return {
                image: id,
                dataset_index: index,
                superclass: names[0],
                subgroup: names[1],
                style: names[2],
                role: roles[role],
            };
        });
    const about = () => ({ run: app.view.id, picked: app.pickedAs, images: rows() });
    const table = () => [Object.keys(rows()[0]), ...rows().map((row) => Object.values(row))];
    const button = (words, onclick) => h("button.cf-text", { type: "button", onclick }, words);
    const node = h(
        "section.cf-picked-panel",
        { "aria-label": "Picked images" },
        h(
            "div.cf-picked-head",
            {},
            title,
            button("JSON", () => save(`${file()}.json`, JSON.stringify(about(), null, 1), "application/json")),
            button("CSV", () => save(`${file()}.csv`, csv(table()), "text/csv")),
            button("Clear", () => app.pick([], "")),
        ),
        list.node,
        more,
    );
    function draw(most = FIRST) {
        const ids = [...app.picked];
        node.hidden = !ids.length;
        if (!ids.length) return list.show([]);
        title.textContent = `${app.pickedAs} · ${rolesOf(app.view, ids)}`;
        list.show(ids.slice(0, most));
        more.hidden = ids.length <= most;
        more.textContent = `Show all ${ids.length}`;
    }
    app.bus.on("picked", () => draw());
    draw();
    return node;
}
