// @ts-check
// The query bar: words, chips, an uploaded picture, or an image of the gallery.

import { get, hitsString, upload, url } from "../lib/api.js";
import { h, icon, iconButton, toast, withArticle } from "../lib/dom.js";
import { about, imageUrl } from "./grid.js";
import { historyMenu, remember } from "./history.js";

const LARGEST = 10 * 2 ** 20; // bytes, as the server has it: a larger file need not travel

/** Fill `container` with the bar. Searching goes through app.search, which keeps only the newest answer. */
export function queryBar(app, container) {
    const input = h("input", {
        type: "search",
        id: "cf-query",
        autocomplete: "off",
        spellcheck: false,
        "aria-label": "Search the gallery",
        placeholder: "Words, “a dog - a sketch”, or paste or drop a picture",
        onfocus: () => app.warmUp(),
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
            onclick: () => {
                app.warmUp();
                file.click();
            },
        },
        icon("image"),
        h("span", {}, "Upload"),
    );
    const note = h("p.cf-query-note", { role: "status" });
    container.replaceChildren(h("div.cf-querybar", {}, form, historyMenu(app), button, file, by), chips, note);
    // A picture may be pasted or dropped anywhere but on the form, which takes files of its own.
    const free = (event) => app.mode === "open" && !event.target.closest?.("#cf-setup, dialog");
    const dropping = (on) => document.body.classList.toggle("cf-dropping", on);
    document.addEventListener("dragover", (event) => {
        const taken = free(event) && event.dataTransfer.types.includes("Files");
        dropping(taken);
        if (!taken) return;
        event.preventDefault();
        app.warmUp();
    });
    document.addEventListener("dragleave", (event) => dropping(Boolean(event.relatedTarget)));
    document.addEventListener("drop", () => dropping(false));
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
        const address = URL.createObjectURL(picture);
        showBy(address, "your picture", "sending your picture…");
        try {
            const { token } = await upload(picture);
            app.search({ q: "", img: null, up: token });
        } catch (error) {
            toast(error.message);
            app.bus.emit("query");
        }
        URL.revokeObjectURL(address);
    }

    /** Show a picture beside the box, and say what is done with it. */
    function showBy(address, alt, words) {
        by.hidden = false;
        by.replaceChildren(
            h("img", { src: address, alt, width: 36, height: 36 }),
            h("span", {}, words),
            iconButton("close", "Back to words", () => app.search({ q: app.firstQuery(), img: null, up: "" })),
        );
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
        if (app.state.q && !app.view.suggestions.includes(app.state.q)) remember(app.state.q);
    });
    let patience = 0;
    app.bus.on("asking", (on) => {
        clearTimeout(patience);
        if (!on || app.isWarm()) return;
        patience = setTimeout(() => {
            note.textContent = "Loading the model: the first new search of a run waits for it.";
        }, 700);
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
        if (img !== null) {
            const { full, short } = about(app.view, img);
            showBy(imageUrl(app.view, img), full, `like this ${short}`);
        } else if (up) showBy(url(`upload/${encodeURIComponent(up)}`), "your picture", "like your picture");
    });
}

let order = 0;

/** Ask runs for their packs of one query; resolves to null where a newer query has been asked meanwhile. */
export async function queryPacks(runs, query) {
    const mine = ++order;
    const packs = await Promise.all(
        runs.map((run) => get(`runs/${encodeURIComponent(run)}/query?${hitsString(query)}`)),
    );
    return mine === order ? packs : null;
}
