// @ts-check
// The alpha bar: Gradio's own slider, our number box and buttons, and marks for the nodes and the suggested alpha.

import { h, icon, iconButton, set } from "../lib/dom.js";

/** Join the native slider to the page. Its input events are read where they arise, so none is queued or dropped. */
export function alphaBar(app) {
    const root = document.getElementById("cf-slider");
    const range = /** @type {HTMLInputElement} */ (root.querySelector("input[type=range]"));
    // In place of Gradio's, whose digits come and go, and which takes what is no alpha.
    const number = h("input.cf-alpha-number", {
        type: "number",
        min: 0,
        max: 1,
        step: 0.01,
        inputMode: "decimal",
        "aria-label": "alpha, as a number from 0 to 1",
        title: "alpha, from 0 to 1",
        onblur: () => showNumber(),
        onkeydown: (event) => {
            if (event.key === "Enter") showNumber();
        },
    });
    const showNumber = () => {
        number.value = (app.index / 100).toFixed(2);
        number.setAttribute("aria-invalid", "false");
    };
    let echo = false; // true while we tell Gradio a value that we set ourselves

    root.addEventListener(
        "input",
        (event) => {
            const text = /** @type {HTMLInputElement} */ (event.target).value;
            const value = Number(text);
            const wrong = text === "" || !(value >= 0 && value <= 1);
            number.setAttribute("aria-invalid", String(wrong));
            if (echo || wrong) return;
            app.stopPlay();
            app.setAlpha(Math.round(value * 100));
        },
        true,
    );
    set(range, { "aria-label": "alpha: share of the original model", "aria-describedby": "cf-ends" });

    const reset = iconButton("reset", "Back to the original: alpha 1 (r)", () => app.setAlpha(100));
    const play = h(
        "button.cf-button",
        { type: "button", id: "cf-play", title: "Play the sweep from 1 to 0 (space)", onclick: () => app.play() },
        icon("play"),
        "Play",
    );
    const best = h(
        "button.cf-button.cf-best",
        {
            type: "button",
            id: "cf-best",
            title: "The suggested alpha (.)",
            onclick: () => app.setAlpha(app.bestIndex()),
        },
        icon("star"),
        h("span", {}, "Suggested"),
    );
    reset.id = "cf-reset";
    document.getElementById("cf-alpha-tools").replaceChildren(reset, play, best);

    const marks = h("div.cf-marks", { "aria-hidden": "true" });
    const ends = h("div.cf-ends", { id: "cf-ends" }, h("span", {}, "0 unlearned"), h("span", {}, "1 original"));
    root.append(number, marks, ends);

    app.bus.on("open", () => {
        const view = app.view;
        const ticks = view.nodes.map((node) => h("i", { style: `left:${100 * node}%`, title: `exact at ${node}` }));
        marks.replaceChildren(
            ...ticks,
            h("b", { style: `left:${100 * view.best}%` }),
            ...(app.rival ? [h("b.cf-second", { style: `left:${100 * app.rival.view.best}%` })] : []),
        );
        best.lastChild.textContent = `Suggested ${view.best.toFixed(2)}`;
    });
    app.bus.on("alpha", (index) => {
        const value = (index / 100).toFixed(2);
        root.style.setProperty("--cf-fill", String(index));
        const words = { 0: "fully unlearned", 100: "the original" }[index] || "between unlearned and original";
        range.setAttribute("aria-valuetext", `${value}, ${words}`);
        if (document.activeElement !== number || Number(number.value) !== index / 100) showNumber();
        if (Number(range.value) === index / 100) return;
        echo = true;
        range.value = value;
        range.dispatchEvent(new Event("input", { bubbles: true }));
        echo = false;
    });
    app.bus.on("play", (on) => play.replaceChildren(icon(on ? "pause" : "play"), on ? "Pause" : "Play"));
}
