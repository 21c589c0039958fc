// @ts-check
// Fetch the thumbnails that the pack can show, a few at a time while the browser is idle.

import { imageUrl } from "./grid.js";

const AT_ONCE = 4; // HTTP/1.1 gives six connections a host; Gradio holds one
const idle = window.requestIdleCallback || ((work) => setTimeout(work, 60));
const seen = new Set();
let order = 0;

/** Prefetch every image in the packs, nearest to the present alpha first. A newer call ends an older one. */
export function prefetch(view, packs, index) {
    const mine = ++order;
    const rows = packs
        .flatMap((pack) => pack.after.ids.map((ids, i) => [Math.abs(i - index), ids]))
        .sort((a, b) => a[0] - b[0]);
    const wanted = new Set([...packs[0].before.ids, ...rows.flatMap(([, ids]) => ids)]);
    const addresses = [...wanted].map((id) => imageUrl(view, id)).filter((address) => !seen.has(address));
    const next = () => {
        const address = addresses.shift();
        if (mine !== order || address === undefined) return;
        seen.add(address);
        const image = new Image();
        image.onload = image.onerror = () => idle(next);
        image.src = address;
    };
    for (let i = 0; i < AT_ONCE; i++) idle(next);
}
