// @ts-check
// One image large, with its ranks on both sides; arrows walk through the list, Esc closes.

import { h, icon, iconButton } from "../lib/dom.js";
import { about, imageUrl, rankOf, shownOf } from "./grid.js";
import { sides } from "./versus.js";

/** Gives open(side, rank). The dialog is the browser's own, so focus and Esc are handled. */
export function lightbox(app) {
    let side = "after";
    let rank = 0;
    const image = h("img", { alt: "", width: 384, height: 384 });
    const name = h("h2");
    const facts = h("dl.cf-facts");
    const search = h(
        "button.cf-button.cf-primary",
        {
            type: "button",
            onclick: () => {
                dialog.close();
                app.search({ q: "", img: list().ids[rank], up: "" });
            },
        },
        icon("search"),
        "Search by this image",
    );
    const page = h(
        "button.cf-button",
        {
            type: "button",
            onclick: () => {
                dialog.close();
                app.see(list().ids[rank]);
            },
        },
        icon("panel"),
        "All about this image",
    );
    const previous = iconButton("left", "Previous image", () => step(-1));
    const next = iconButton("right", "Next image", () => step(1));
    const dialog = h(
        "dialog.cf-lightbox",
        {
            "aria-label": "Image",
            onclick: (event) => {
                if (event.target === dialog) dialog.close();
            },
        },
        h(
            "div.cf-lightbox-inner",
            {},
            previous,
            image,
            h("div.cf-lightbox-side", {}, name, facts, search, page),
            next,
            iconButton("close", "Close", () => dialog.close(), "button.cf-button.cf-quiet.cf-close"),
        ),
    );
    document.body.append(dialog);
    dialog.addEventListener("keydown", (event) => {
        if (event.key === "ArrowLeft") step(-1);
        else if (event.key === "ArrowRight") step(1);
        else return;
        event.preventDefault();
    });

    const list = () => sides(app)[side].list;
    const count = () => shownOf(list(), app.state);

    function step(by) {
        rank = (rank + by + count()) % count();
        show();
    }

    function show() {
        const { before, after } = sides(app);
        const { view } = sides(app)[side];
        const id = list().ids[rank];
        const { full, role } = about(view, id);
        image.src = imageUrl(view, id, 384);
        image.alt = full;
        dialog.dataset.role = role;
        name.textContent = full;
        facts.replaceChildren(
            ...pair("Role", role),
            ...pair(`${before.name}, ${before.sub}`, rankIn(before.list, id, app.state.page)),
            ...pair(`${after.name}, ${after.sub}`, rankIn(after.list, id, app.state.page)),
        );
    }

    app.bus.on("alpha", () => {
        if (!dialog.open) return;
        if (!count()) return dialog.close(); // refused at this alpha
        rank = Math.min(rank, count() - 1);
        show();
    });
    return (where, at) => {
        side = where;
        rank = at;
        show();
        dialog.showModal();
    };
}

const pair = (term, text) => [h("dt", {}, term), h("dd", {}, text)];

function rankIn(list, id, page) {
    const place = list.ids.indexOf(id);
    if (place >= 0) return `rank ${rankOf(list, place, page)}, cosine ${list.cosines[place].toFixed(3)}`;
    return page || list.ranks ? "not on this page" : `not among the first ${list.ids.length}`;
}
