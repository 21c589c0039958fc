// @ts-check
// The start page's example: one search of the sample run, before and after, with a small slider of its own.

import { get } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { about, imageUrl } from "./grid.js";

const SHOWN = 6; // hits on each side
const made = new Map(); // run -> its example, so that the start page can be drawn again

/** The example of a run; empty until its images are there, and where they cannot be had. */
export function demo(app, run) {
    if (!made.has(run.id)) {
        const node = h("section.cf-demo", { "aria-label": "An example", hidden: true });
        made.set(run.id, node);
        fill(app, run.id, node).catch(() => made.delete(run.id));
    }
    return made.get(run.id);
}

async function fill(app, run, node) {
    const path = `runs/${encodeURIComponent(run)}`;
    const view = await get(`${path}/view`);
    const words = view.suggestions[0];
    if (!words) return;
    const pack = await get(`${path}/query?text=${encodeURIComponent(words)}`);
    const side = (title) => {
        const image = () => h("img", { width: 96, height: 96, alt: "", draggable: false });
        const images = Array.from({ length: SHOWN }, image);
        const head = h("strong");
        const count = h("span.cf-demo-count");
        const figure = h("figure", {}, h("figcaption", {}, head, count), h("div.cf-demo-images", {}, images));
        const show = (ids, name) => {
            head.textContent = `${title} · ${name}`;
            const targets = ids.filter((id) => about(view, id).role === "forget").length;
            count.textContent = ` ${targets} of the first ${ids.length} show ${view.target}`;
            images.forEach((image, i) => {
                image.hidden = i >= ids.length;
                if (image.hidden) return;
                image.src = imageUrl(view, ids[i]);
                image.alt = about(view, ids[i]).full;
                image.dataset.role = about(view, ids[i]).role;
            });
        };
        return { figure, show };
    };
    const [before, after] = [side("Before"), side("After")];
    const range = h("input", {
        type: "range",
        min: 0,
        max: 100,
        value: Math.round(100 * view.best),
        "aria-label": "alpha of the example: share of the original model",
        oninput: () => move(),
    });
    const move = () => {
        const index = Number(range.value);
        range.setAttribute("aria-valuetext", (index / 100).toFixed(2));
        range.style.setProperty("--cf-fill", String(index));
        after.show(pack.after.ids[index], `alpha ${(index / 100).toFixed(2)}`);
    };
    before.show(pack.before.ids, "original model");
    move();
    node.replaceChildren(
        h("div.cf-demo-sides", {}, before.figure, after.figure),
        h("label.cf-demo-slider", {}, h("span", {}, "0 unlearned"), range, h("span", {}, "1 original")),
        h(
            "p",
            {},
            `Both rows answer the search “${words}”: above the original model, below the same model after it was ` +
                `made to forget ${view.target}. Drag the slider, and the original comes back a hundredth at a time.`,
        ),
    );
    node.hidden = false;
}
