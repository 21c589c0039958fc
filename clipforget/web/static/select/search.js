// @ts-check
// Find images by words or by a picture; the threshold is followed here, without asking the server.

import { get, upload } from "../lib/api.js";
import { h, icon, iconButton, toast } from "../lib/dom.js";

/** `path` makes the address of a request about the images, `choice` is what is chosen. */
export function searchBar(path, choice) {
    const input = h("input", {
        type: "search",
        id: "cf-choose-text",
        autocomplete: "off",
        maxLength: 300,
        placeholder: "What to look for, e.g. a red car",
        "aria-label": "What to look for",
    });
    const file = h("input", {
        type: "file",
        accept: "image/*",
        hidden: true,
        "aria-label": "A picture to look for",
        onchange: () => byPicture(file.files[0]),
    });
    const form = h(
        "form.cf-choose-search",
        {
            onsubmit: (event) => {
                event.preventDefault();
                const text = input.value.trim();
                if (text) ask(`text=${encodeURIComponent(text)}`, `“${text}”`, { text });
            },
        },
        input,
        h("button.cf-button.cf-primary", { type: "submit" }, icon("search"), "Find"),
        h(
            "button.cf-button",
            { type: "button", title: "Find images like a picture", onclick: () => file.click() },
            icon("image"),
            "Picture",
        ),
        file,
    );
    const slider = h("input", {
        type: "range",
        id: "cf-threshold",
        step: "any",
        "aria-label": "Least cosine",
        oninput: () => choice.follow(-Number(slider.value)),
    });
    const words = h("span.cf-threshold-words", { role: "status" });
    const close = iconButton("close", "Leave this query; what it chose stays", () => choice.forget());
    const note = h("p.cf-help", { role: "status", hidden: true });
    const bar = h("div.cf-threshold", { hidden: true }, words, slider, close);
    const node = h("div.cf-choose-query", {}, form, bar, note);

    async function ask(query, said, how) {
        try {
            const found = await get(path("choosing/similar", query));
            const bytes = Uint8Array.from(atob(found.cosines), (sign) => sign.charCodeAt(0));
            const cosines = Float32Array.from(new Int16Array(bytes.buffer), (step) => step / found.steps);
            note.textContent = found.note;
            note.hidden = !found.note;
            choice.ask(said, how, cosines);
        } catch (error) {
            toast(error.message);
        }
    }
    async function byPicture(picture) {
        file.value = "";
        if (!picture) return;
        try {
            const { token } = await upload(picture);
            ask(`upload=${token}`, picture.name, { picture: picture.name });
        } catch (error) {
            toast(error.message);
        }
    }
    choice.on("query", () => {
        bar.hidden = !choice.query;
        if (!choice.query) return;
        const { low, high, threshold } = choice.query;
        slider.min = String(-high - 0.01); // the end at which nothing is chosen; to the right takes more
        slider.max = String(-low);
        slider.value = String(-threshold);
    });
    choice.on("chosen", () => {
        if (!choice.query) return;
        const { cosines, threshold, high } = choice.query;
        const count = cosines.reduce((sum, cosine) => sum + Number(cosine >= threshold), 0);
        const least = threshold > high ? "none" : `${count.toLocaleString("en")} of at least ${threshold.toFixed(3)}`;
        words.textContent = `${choice.query.words}: ${least}`;
        slider.setAttribute("aria-valuetext", least);
    });
    const enable = (on) => form.querySelectorAll("input, button").forEach((part) => (part.disabled = !on));
    return { node, enable };
}
