// @ts-check
// The images on a plane: draw around points to take them, with Alt to leave them; a click takes or leaves one.

import { url } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { drawing, placer } from "../explorer/mapdraw.js";

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** `marked`, `words` and `take` as of imageGrid. show(points, fingerprint) draws; mark() draws the marks anew. */
export function choiceMap({ marked, words, take }) {
    const canvas = h("canvas.cf-map.cf-lasso", {
        tabIndex: 0,
        role: "application",
        "aria-label": "Map of the images",
        "aria-describedby": "cf-choice-map-help",
    });
    const tip = h("div.cf-tip", { hidden: true });
    const said = h("p.cf-unseen", { role: "status" });
    const help = h(
        "p.cf-help",
        { id: "cf-choice-map-help" },
        "Draw around points to take them, with Alt to leave them; click one, or use arrows and Space. " +
            "Near on the map need not be near for the model.",
    );
    const node = h("div.cf-choice-map", {}, h("div.cf-mapbox", {}, canvas, tip), help, said);
    const map = drawing(canvas);
    const { scene } = map;
    let of = "";
    let start = null;

    function light(image, speak = false) {
        if (scene.lit === image) return;
        scene.lit = image;
        tip.hidden = image < 0;
        if (image >= 0) {
            const { name } = words(image);
            tip.replaceChildren(
                h("img", { src: url(`images/${of}/${image}?size=96`), alt: "", width: 96, height: 96 }),
                h("strong", {}, name),
                h("span", {}, marked(image) ? "chosen" : "not chosen"),
            );
            const [x, y] = map.spot(image);
            const left = x + 18 + tip.offsetWidth < canvas.clientWidth ? x + 18 : Math.max(0, x - 18 - tip.offsetWidth);
            const top = Math.min(Math.max(0, y - tip.offsetHeight / 2), canvas.clientHeight - tip.offsetHeight);
            tip.style.transform = `translate(${left}px,${top}px)`;
            if (speak) said.textContent = `${name}, ${marked(image) ? "chosen" : "not chosen"}`;
        }
        map.draw();
    }
    const at = (event) => [event.offsetX, event.offsetY];
    canvas.addEventListener("pointerdown", (event) => {
        if (event.button !== 0 || !scene.place) return;
        start = at(event);
        canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
        if (!scene.place) return;
        if (!start) return light(map.hit(...at(event)));
        light(-1);
        scene.lasso.push(at(event));
        map.draw();
    });
    canvas.addEventListener("pointerup", (event) => {
        if (!start) return;
        const corners = scene.lasso;
        const moved = Math.hypot(event.offsetX - start[0], event.offsetY - start[1]) >= 8 || corners.length > 8;
        start = null;
        scene.lasso = [];
        const image = map.hit(...at(event));
        if (corners.length > 3 && moved) take(map.inside(corners), !event.altKey);
        else if (image >= 0) take([image], !marked(image));
        map.draw();
    });
    for (const end of ["pointercancel", "pointerleave"])
        canvas.addEventListener(end, () => {
            start = null;
            scene.lasso = [];
            light(-1);
        });
    canvas.addEventListener("keydown", (event) => {
        if (!scene.place || event.ctrlKey || event.metaKey) return;
        if (ARROWS[event.key]) light(scene.lit < 0 ? 0 : map.next(scene.lit, ...ARROWS[event.key]), true);
        else if (event.key === " " && scene.lit >= 0) take([scene.lit], !marked(scene.lit));
        else return;
        event.preventDefault();
        event.stopPropagation();
    });

    function mark() {
        if (!scene.place) return;
        scene.roles = Array.from({ length: scene.place.count }, (_, image) => (marked(image) ? "forget" : "others"));
        map.draw();
    }
    function show(points, fingerprint) {
        of = fingerprint;
        scene.place = placer(points);
        scene.trails = false;
        map.resize();
        mark();
    }
    new ResizeObserver(() => {
        if (!scene.place || !canvas.clientWidth) return;
        map.resize();
        map.draw();
    }).observe(canvas);
    return { node, show, mark };
}
