// @ts-check
// The keyboard: what each key does, and the dialog that lists them.

import { h, iconButton } from "../lib/dom.js";
import { functionsDialog } from "./functions.js";

const HELP = [
    ["← →  or  [ ]", "move alpha by 0.01 (with Shift by 0.10)"],
    ["space", "play or pause the sweep"],
    ["r  ·  .", "original (alpha 1)  ·  suggested alpha"],
    ["b held", "peek: After shows Before"],
    ["e", "compute exactly at this alpha"],
    ["p", "present: grids and slider, large; 1 to 9 ask the suggested queries, Esc leaves"],
    ["/", "search"],
    ["s on an image", "search by it"],
    ["i on an image", "all about it"],
    ["arrows on an image", "walk through the grid, which is one stop of the tab key"],
    ["Enter on an image", "look at it large, or show it where it is blurred; arrows walk on, Esc closes"],
    ["Ctrl + Enter", "run, or start a comparison (not from a field of another form)"],
    ["d", "dark or light"],
    ["?", "this list"],
];

const typing = (target) =>
    target.closest?.(
        "input:not([type=range]):not([type=checkbox]), textarea, select, dialog, [contenteditable=true], " +
            "[role=listbox]",
    );

const KEY = "clipforget-one-key";

/** Whether keys without Ctrl or Alt do something: who dictates, or types by accident, can switch them off. */
function oneKey() {
    let on = true;
    try {
        on = localStorage.getItem(KEY) !== "off";
    } catch {
        /* storage may be switched off */
    }
    const box = h("input", {
        type: "checkbox",
        id: "cf-one-key",
        checked: on,
        onchange: () => {
            on = box.checked;
            try {
                localStorage.setItem(KEY, on ? "on" : "off");
            } catch {
                /* as above */
            }
        },
    });
    return { label: h("label.cf-check", {}, box, "Shortcuts of a single letter, digit or sign"), on: () => on };
}

/** Close the open menus of which `wanted` says so. */
const closeMenus = (wanted) =>
    document.querySelectorAll("details.cf-menu[open]").forEach((/** @type {HTMLDetailsElement} */ menu) => {
        if (wanted(menu)) menu.open = false;
    });

/** Listen on the whole page. */
export function keys(app) {
    const single = oneKey();
    const showFunctions = functionsDialog();
    const leave = () => {
        dialog.close();
        showFunctions();
    };
    const dialog = h(
        "dialog.cf-dialog",
        { "aria-label": "Keyboard shortcuts" },
        h(
            "header",
            {},
            h("h2", {}, "Keyboard"),
            iconButton("close", "Close", () => dialog.close()),
        ),
        h(
            "dl.cf-keys",
            {},
            HELP.flatMap(([key, does]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, does)]),
        ),
        single.label,
        h("div.cf-buttons", {}, h("button.cf-button", { type: "button", onclick: leave }, "Use via API")),
    );
    dialog.addEventListener("click", (event) => {
        if (event.target === dialog) dialog.close();
    });
    document.body.append(dialog);
    app.showHelp = () => dialog.showModal();

    const move = (by) => {
        app.stopPlay();
        app.setAlpha(app.index + by);
    };
    const actions = {
        ArrowLeft: (shift) => move(shift ? -10 : -1),
        ArrowRight: (shift) => move(shift ? 10 : 1),
        "[": () => move(-1),
        "]": () => move(1),
        "{": () => move(-10),
        "}": () => move(10),
        " ": () => app.play(),
        r: () => app.setAlpha(100),
        ".": () => app.setAlpha(app.bestIndex()),
        e: () => app.askExact(),
        p: () => app.present(),
        "/": () => document.getElementById("cf-query")?.focus(),
    };

    document.addEventListener("keydown", (event) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
            event.preventDefault();
            const field = /** @type {HTMLInputElement} */ (event.target);
            // In a field of something else, a search say, it is that which is sent.
            if (typing(field) && !field.closest("#cf-setup, .cf-compare-form")) return field.form?.requestSubmit();
            // Leave the field first, so that its last value counts.
            /** @type {HTMLElement} */ (document.activeElement)?.blur?.();
            setTimeout(
                () => document.getElementById(app.mode === "compare" ? "cf-compare-start" : "cf-run")?.click(),
                150,
            );
            return;
        }
        if (event.key === "Escape") {
            closeMenus((menu) => menu.firstChild.focus() || true);
            if (app.presents() && !document.querySelector("dialog[open]")) app.present(false);
        }
        if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
        if (event.key.length === 1 && !single.on()) return;
        if (event.key === "?") return app.showHelp();
        if (event.key === "d") return app.toggleTheme();
        if (app.mode !== "open") return;
        if (event.key === "b" && !event.repeat) return app.peek(true);
        const target = /** @type {HTMLInputElement} */ (event.target);
        const press = event.key === " " && target.closest("button, a, summary, [role=tab]");
        const native = target.type === "range" && event.key.startsWith("Arrow") && !event.shiftKey;
        const asked = app.presents() && app.view.suggestions[Number(event.key) - 1];
        if (asked) return void app.search({ q: asked, img: null, up: "" });
        if (press || native || !actions[event.key]) return;
        event.preventDefault();
        actions[event.key](event.shiftKey);
    });
    document.addEventListener("click", (event) =>
        closeMenus((menu) => !menu.contains(event.target) || /** @type {Element} */ (event.target).closest("a")),
    );
    document.addEventListener("keyup", (event) => {
        if (event.key === "b") app.peek(false);
    });
    window.addEventListener("blur", () => app.peek(false));
}
