// @ts-check
// The presentation view, for a room: both grids and the slider, large, and the keys.

import { h, icon, withArticle } from "../lib/dom.js";
import { writeAddress } from "../lib/state.js";

const KEYS = "← → move alpha · space plays · b shows Before · 1 to 9 ask other questions · Esc leaves";

/** Gives app.present(on) and app.presents(). It stands in the address, so a link or a reload brings it back. */
export function presentation(app) {
    const title = h("h2");
    const leave = h(
        "button.cf-button",
        { type: "button", id: "cf-leave", title: "Leave the presentation (Esc)", onclick: () => app.present(false) },
        icon("close"),
        "Leave",
    );
    const head = h("header.cf-present-head", {}, title, leave);
    const foot = h("p.cf-present-keys", {}, KEYS);
    document.getElementById("cf-main").prepend(head);
    document.getElementById("cf-main").append(foot);

    app.presents = () => Boolean(app.state.present) && app.mode === "open";
    app.present = (on = !app.state.present) => {
        if (app.mode !== "open") return;
        app.state.present = on ? "1" : "";
        if (on && app.state.see !== null) app.see(null);
        writeAddress(app.state, false);
        show();
        if (on) /** @type {HTMLElement} */ (document.querySelector("#cf-slider input[type=range]")).focus();
        else document.getElementById("cf-present").focus();
    };
    function show() {
        document.body.classList.toggle("cf-present", app.presents());
        if (!app.presents()) return;
        const { q, img } = app.state;
        const query = q ? `“${withArticle(q)}”` : `like ${img === null ? "the uploaded picture" : "this picture"}`;
        title.replaceChildren(query, h("small", {}, `forgotten: ${app.view.target}`));
    }
    for (const event of ["mode", "open", "query"]) app.bus.on(event, show);
}
