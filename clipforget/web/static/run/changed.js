// @ts-check
// What a finished run has changed, in one sentence at the top that follows alpha.

import { h, percent } from "../lib/dom.js";

/** The sentence for the open run; hidden while two are shown side by side. */
export function whatChanged(app) {
    const node = h("p", { id: "cf-changed" });
    const draw = (index) => {
        node.hidden = !app.view?.found.rows.length || Boolean(app.rival);
        if (!node.hidden) node.textContent = sentence(app.view, index);
    };
    app.bus.on("open", () => draw(app.index));
    let later = 0;
    app.bus.on("alpha", (index) => {
        clearTimeout(later); // a sentence that is read once alpha rests need not be laid out in every frame
        later = setTimeout(() => draw(index), 100);
    });
    return node;
}

/** The sentence at an alpha: what the first name still finds of the target, and how much accuracy the rest keeps. */
export function sentence({ found, rows, target }, index) {
    const [row] = found.rows;
    const kept = ["siblings", "others"].flatMap((key) => {
        const one = rows.find((each) => each.key === key);
        return one?.before.value ? [`${key} keep ${percent(Math.min(1, one.after[index] / one.before.value))}%`] : [];
    });
    const query = row.name ? `“${row.name}”` : "a picture of it";
    const finds = `${row.after[index].toFixed(0)} still show ${target} (${row.before.toFixed(0)} before)`;
    const keep = kept.length ? `; ${kept.join(", ")} of their accuracy` : "";
    return `Of the first ${found.k} results for ${query} ${finds}${keep}.`;
}
