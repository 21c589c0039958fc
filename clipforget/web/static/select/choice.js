// @ts-check
// What is chosen, and how it came to be: by clicks, and by a query whose threshold may still move. It knows no page.

import { bus } from "../lib/state.js";

const FIRST = 30; // images that a first query chooses, until the threshold is moved
const NONE = 1.01; // a threshold that no cosine reaches

/** Tells "chosen" after every change, "siblings" when these change, "query" when there is another one or none. */
export function choice() {
    const events = bus();
    const clicks = { on: new Set(), off: new Set() }; // since the query began
    const edited = { on: new Set(), off: new Set() }; // of the siblings, which may be proposed anew
    let before = new Set(); // what was chosen when the query began
    let undone = [];
    const self = {
        on: events.on,
        chosen: new Set(),
        proposed: new Map(), // siblings as they were proposed, with their cosines
        siblings: new Set(),
        copies: [], // images that nearly repeat a chosen one
        query: null, // {words, how, cosines, low, high, threshold}
        how: {},
        count: { added: 0, removed: 0 },

        /** Take or leave images, as clicks and the lasso do. */
        take(images, on) {
            remember();
            for (const image of images) {
                if (on !== self.chosen.has(image)) self.count[on ? "added" : "removed"]++;
                self.chosen[on ? "add" : "delete"](image);
                clicks[on ? "on" : "off"].add(image);
                clicks[on ? "off" : "on"].delete(image);
            }
            tell();
        },
        /** Choose exactly these. */
        set(images, how = {}) {
            remember();
            self.chosen = new Set(images);
            self.how = how;
            self.count = { added: 0, removed: 0 };
            settle();
            self.query = null;
            events.emit("query");
            tell();
        },
        /** Begin with a query: what was chosen stays, and the threshold adds to it. */
        ask(words, how, cosines) {
            remember();
            const sorted = Float32Array.from(cosines).sort().reverse();
            const first = self.chosen.size ? NONE : sorted[Math.min(FIRST, sorted.length) - 1];
            settle();
            self.query = { words, how, cosines, high: sorted[0], low: sorted.at(-1), threshold: first };
            events.emit("query");
            self.follow(first);
        },
        /** Leave the query; what it chose stays. */
        forget() {
            settle();
            self.query = null;
            events.emit("query");
        },
        /** Follow the threshold. */
        follow(threshold) {
            const { cosines, how } = self.query;
            self.query.threshold = threshold;
            self.chosen = new Set(before);
            cosines.forEach((cosine, image) => cosine >= threshold && self.chosen.add(image));
            clicks.on.forEach((image) => self.chosen.add(image));
            clicks.off.forEach((image) => self.chosen.delete(image));
            if (threshold < NONE) self.how = { ...self.how, ...how, threshold: Math.round(threshold * 1e4) / 1e4 };
            tell();
        },
        undo() {
            if (!undone.length) return;
            self.chosen = undone.pop();
            settle();
            if (self.query) self.query.threshold = NONE;
            events.emit("query");
            tell();
        },
        undoable: () => undone.length > 0,

        /** Siblings as they are proposed; those that were edited stay as they are. */
        propose({ siblings, copies }) {
            self.proposed = new Map(siblings.map((entry) => [entry.image, entry]));
            self.copies = copies;
            draw();
        },
        takeSibling(images, on) {
            for (const image of images) {
                edited[on ? "on" : "off"].add(image);
                edited[on ? "off" : "on"].delete(image);
            }
            draw();
        },
        setSiblings(images) {
            edited.on = new Set(images);
            edited.off = new Set();
            draw();
        },
    };

    function draw() {
        const all = [...self.proposed.keys(), ...edited.on];
        const held = new Set([...self.chosen, ...self.copies]);
        self.siblings = new Set(all.filter((image) => !edited.off.has(image) && !held.has(image)));
        events.emit("siblings");
    }
    function remember() {
        undone = [...undone.slice(-49), new Set(self.chosen)];
    }
    function settle() {
        before = new Set(self.chosen);
        clicks.on.clear();
        clicks.off.clear();
    }
    function tell() {
        events.emit("chosen");
        draw();
    }
    return self;
}
