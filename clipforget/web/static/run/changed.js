// @ts-check
// What a finished run has changed, in one sentence at the top that follows alpha.

import { h, percent } from "../lib/dom.js";

/** The sentence for the open run; hidden while two are shown side by side. */
export function whatChanged(app) {
    const node = h("p", { id: "cf-changed" });
    const draw = (index) => {
        node.textContent = app.view && !app.rival ? sentence(app.view, index) : "";
        node.hidden = !node.textContent;
    };
    app.bus.on("open", () => draw(app.index));
    let later = 0;
    app.bus.on("alpha", (index) => {
        clearTimeout(later); // a sentence that is read once alpha rests need not be laid out in every frame
        later = setTimeout(() => draw(index), 100);
    });
    return node;
}

/** The sentence at an alpha: how often the target is named right, and how much accuracy the rest keeps. */
function sentence({ rows, target }, index) {
    const forget = rows.find((row) => row.key === "forget");
    if (!forget) return "";
    const kept = ["siblings", "others"].flatMap((key) => {
        const one = rows.find((each) => each.key === key);
        return one?.before.value ? [`${key} keep ${percent(Math.min(1, one.after[index] / one.before.value))}%`] : [];
    });
    const keep = kept.length ? `; ${kept.join(", ")} of their accuracy` : "";
    const [before, after] = [percent(forget.before.value), percent(forget.after[index])];
    return `The model names ${after}% of the images of ${target} right, ${before}% before${keep}.`;
}
