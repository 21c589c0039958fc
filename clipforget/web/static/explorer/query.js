// @ts-check
// The query bar: words, chips, an uploaded picture, or an image of the gallery.

import { get, queryString, upload } from "../lib/api.js";
import { h, icon, iconButton, toast, withArticle } from "../lib/dom.js";
import { about, imageUrl } from "./grid.js";

const LARGEST = 10 * 2 ** 20; // bytes, as the server has it: a larger file need not travel

/** Fill `container` with the bar. Searching goes through app.search, which keeps only the newest answer. */
export function queryBar(app, container) {
    const input = h("input", {
        type: "search",
        id: "cf-query",
        autocomplete: "off",
        spellcheck: false,
        "aria-label": "Search the gallery",
        placeholder: "Search with words, or paste or drop a picture",
        list: "cf-query-history",
    });
    const form = h(
        "form.cf-search",
        {
            role: "search",
            onsubmit: (event) => {
                event.preventDefault();
                if (!input.value.trim()) return toast("Write what to look for.");
                app.search({ q: input.value.trim(), img: null, up: "" });
            },
        },
        icon("search"),
        input,
        h("button.cf-button.cf-primary", { type: "submit" }, "Search"),
    );
    const file = h("input", {
        type: "file",
        accept: "image/*",
        hidden: true,
        "aria-label": "Upload an image to search by",
        onchange: () => send(file.files[0]),
    });
    const by = h("div.cf-by", { hidden: true });
    const chips = h("div.cf-chips", { role: "group", "aria-label": "Suggested queries" });
    const button = h(
        "button.cf-button",
        {
            type: "button",
            title: "Search by a picture of yours",
            "aria-label": "Upload an image to search by",
            onclick: () => file.click(),
        },
        icon("image"),
        h("span", {}, "Upload"),
    );
    const note = h("p.cf-query-note", { role: "status" });
    const history = h("datalist", { id: "cf-query-history" });
    const pictures = new Map(); // uploads of this page, by their tokens
    container.replaceChildren(h("div.cf-querybar", {}, form, button, file, by), chips, note, history);
    // A picture may be pasted or dropped anywhere but on the form, which takes files of its own.
    const free = (event) => app.mode === "open" && !event.target.closest?.("#cf-setup, dialog");
    document.addEventListener("dragover", (event) => {
        if (free(event) && event.dataTransfer.types.includes("Files")) event.preventDefault();
    });
    for (const type of ["drop", "paste"])
        document.addEventListener(type, (event) => {
            const [picture] = (event.dataTransfer ?? event.clipboardData)?.files ?? [];
            if (!picture || !free(event)) return;
            event.preventDefault();
            send(picture);
        });

    async function send(picture) {
        file.value = "";
        if (!picture) return;
        if (picture.size > LARGEST) return toast("The image is larger than 10 MiB; reduce it first.");
        try {
            const { token } = await upload(picture);
            pictures.set(token, URL.createObjectURL(picture));
            app.search({ q: "", img: null, up: token });
        } catch (error) {
            toast(error.message);
        }
    }

    // A chip asks for the bare name: its text features lie with the run, so that no model need be loaded.
    app.bus.on("open", () => {
        chips.replaceChildren(
            ...app.view.suggestions.slice(0, 12).map((name) =>
                h(
                    "button.cf-chip",
                    {
                        type: "button",
                        "data-name": name,
                        onclick: () => app.search({ q: name, img: null, up: "" }),
                    },
                    name,
                ),
            ),
        );
    });
    app.bus.on("pack", () => {
        note.textContent = app.pack.note || "";
        const { q } = app.state;
        if (q && app.firstQuery() !== q && ![...history.children].some((one) => one.value === q))
            history.prepend(h("option", { value: q }));
    });
    const press = () => {
        for (const chip of chips.children) chip.setAttribute("aria-pressed", String(app.state.q === chip.dataset.name));
    };
    app.bus.on("refused", (message) => {
        note.textContent = message;
        press();
        input.focus();
    });
    app.bus.on("query", () => {
        const { q, img, up } = app.state;
        input.value = withArticle(q);
        note.textContent = "";
        press();
        by.hidden = img === null && !up;
        if (by.hidden) return;
        const picture =
            img !== null
                ? h("img", { src: imageUrl(app.view, img), alt: about(app.view, img).full, width: 32, height: 32 })
                : pictures.has(up)
                  ? h("img", { src: pictures.get(up), alt: "your picture", width: 32, height: 32 })
                  : icon("image");
        const words = img !== null ? `like this ${about(app.view, img).short}` : "like your picture";
        by.replaceChildren(
            picture,
            h("span", {}, words),
            iconButton("close", "Back to words", () => app.search({ q: app.firstQuery(), img: null, up: "" })),
        );
    });
}

let order = 0;

/** Ask runs for their packs of one query; resolves to null where a newer query has been asked meanwhile. */
export async function queryPacks(runs, query) {
    const mine = ++order;
    const packs = await Promise.all(
        runs.map((run) => get(`runs/${encodeURIComponent(run)}/query?${queryString(query)}`)),
    );
    return mine === order ? packs : null;
}
