// @ts-check
// A grid of images that can be taken: a click takes or leaves one, with Shift all from the last one to here.

import { url } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { oneStop } from "../lib/stops.js";

const FIRST = 240; // images drawn before "Show more"

/**
 * `marked` tells whether an image is taken, `words` what is said of it, `take(images, on)` is called for a change.
 * show(images, fingerprint) puts images into the grid in this order; mark() draws the marks anew.
 */
export function imageGrid({ marked, words, take, label }) {
    const cells = [];
    const box = h("div.cf-choices", { role: "group", "aria-label": label });
    const refreshStop = oneStop(box, ".cf-choice");
    const more = h("button.cf-button.cf-choices-more", { type: "button", onclick: () => draw(count + FIRST) });
    const node = h("div.cf-choices-scroll", { tabIndex: -1 }, box, more);
    let images = [];
    let of = "";
    let count = FIRST;
    let last = -1; // the place that was clicked last

    function cell(place) {
        const size = { width: 96, height: 96, draggable: false };
        const picture = h("img", { ...size, loading: "lazy", decoding: "async", alt: "" });
        const said = h("span.cf-choice-words");
        const onclick = (event) => click(place, event);
        const button = h("button.cf-choice", { type: "button", tabIndex: -1, onclick }, picture, said);
        return { button, picture, said, image: -1, of: "" };
    }

    function click(place, event) {
        const on = !marked(images[place]);
        const start = event.shiftKey && last >= 0 ? last : place;
        last = place;
        take(images.slice(Math.min(start, place), Math.max(start, place) + 1), on);
    }

    function draw(wanted) {
        count = wanted;
        const shown = Math.min(count, images.length);
        while (cells.length < shown) {
            cells.push(cell(cells.length));
            box.append(cells.at(-1).button);
        }
        cells.forEach((made, place) => {
            made.button.hidden = place >= shown;
            if (made.button.hidden || (made.image === images[place] && made.of === of)) return;
            Object.assign(made, { image: images[place], of });
            made.picture.src = url(`images/${of}/${made.image}?size=96`);
        });
        refreshStop();
        more.hidden = shown >= images.length;
        more.textContent = `Show more: ${shown.toLocaleString("en")} of ${images.length.toLocaleString("en")}`;
        mark();
    }

    function mark() {
        for (const { button, said, image } of cells) {
            if (button.hidden) continue;
            const { name, note } = words(image);
            button.setAttribute("aria-pressed", String(marked(image)));
            button.setAttribute("aria-label", [name, note].filter(Boolean).join(", "));
            button.title = [name, note].filter(Boolean).join("\n");
            said.textContent = note;
        }
    }

    function show(list, fingerprint) {
        images = list;
        of = fingerprint;
        last = -1;
        node.scrollTop = 0;
        draw(FIRST);
    }

    return { node, show, mark, images: () => images };
}
