// @ts-check
// What was searched for with words, kept by this browser until it is cleared.

import { h, icon } from "../lib/dom.js";

const KEY = "clipforget-searches";
const MOST = 30;

function read() {
    try {
        const texts = JSON.parse(localStorage.getItem(KEY) ?? "[]");
        return Array.isArray(texts) ? texts.filter((text) => typeof text === "string").slice(0, MOST) : [];
    } catch {
        return []; // storage may be switched off
    }
}

function write(texts) {
    try {
        localStorage.setItem(KEY, JSON.stringify(texts.slice(0, MOST)));
    } catch {
        /* as above */
    }
}

/** Put a text in front of the others. */
export const remember = (text) => write([text, ...read().filter((other) => other !== text)]);

/** The menu of earlier searches; drawn anew each time it opens. */
export function historyMenu(app) {
    const items = h("div.cf-menu-items");
    const menu = h(
        "details.cf-menu",
        { id: "cf-history" },
        h("summary.cf-button", { title: "Earlier searches", "aria-label": "Earlier searches" }, icon("clock")),
        items,
    );
    const entry = (text, onclick, spec = "button") =>
        h(spec, { type: "button", title: text, onclick: () => ((menu.open = false), onclick()) }, text);
    menu.addEventListener("toggle", () => {
        if (!menu.open) return;
        const texts = read();
        items.replaceChildren(
            ...texts.map((text) => entry(text, () => app.search({ q: text, img: null, up: "" }))),
            texts.length ? entry("Clear these searches", () => write([]), "button.cf-clear") : h("p", {}, "None yet."),
        );
    });
    return menu;
}
