// @ts-check
// "Choose images": all images of a data set to choose from by words, clicks, groups and on a map; then named and saved.

import { get, post, url } from "../lib/api.js";
import { h, iconButton, toast } from "../lib/dom.js";
import { workLine } from "../lib/redraw.js";
import { choice as newChoice } from "./choice.js";
import { imageGrid } from "./grid.js";
import { choiceMap } from "./map.js";
import { namePanel } from "./panel.js";
import { savedList } from "./saved.js";
import { searchBar } from "./search.js";

const LOOK = 700; // milliseconds between two looks at the work
const GROUPS = 12;
const SAMPLES = 4; // pictures shown of a group
const TABS = { images: "Images", map: "Map", groups: "Groups", chosen: "Chosen", siblings: "Siblings" };
const ENDED = {
    stopped: "Stopped. Without it images can be clicked, but not searched.",
    lost: "Its worker is gone. Without it images can be clicked, but not searched.",
    none: "",
};
const count = (number) => number.toLocaleString("en");

/** `of` is {model, data, device}; `use` and `gone` get the name of a selection to use, and of one that was deleted. */
export async function openChooser({ of, use, gone }) {
    const choice = newChoice();
    const path = (route, query = "") => `${route}?${new URLSearchParams(of)}${query && `&${query}`}`;
    let page = null;
    let tab = "images";
    let group = null; // the group that is looked at
    let groups = null;
    let points = null;
    let timer = 0;

    const words = (image) => {
        const label = page.names.length > 1 ? page.names[page.labels[image]] : "";
        const entry = tab === "siblings" ? choice.proposed.get(image) : null;
        const reason = entry && `caption ${entry.to_caption.toFixed(2)}, chosen ${entry.to_chosen.toFixed(2)}`;
        const cosine = choice.query?.cosines[image];
        const note = reason || (tab !== "siblings" && cosine !== undefined ? cosine.toFixed(3) : "");
        return { name: [`image ${image + 1}`, label].filter(Boolean).join(": "), note };
    };
    const marked = (image) => (tab === "siblings" ? choice.siblings : choice.chosen).has(image);
    const take = (images, on) => (tab === "siblings" ? choice.takeSibling(images, on) : choice.take(images, on));
    const grid = imageGrid({ marked, words, take, label: "Images to choose from" });
    const map = choiceMap({ marked, words, take });
    const cards = h("div.cf-groups");
    const search = searchBar(path, choice);
    const title = h("h2", {}, "Choose images");
    const work = h("div.cf-choose-work", { hidden: true });
    const stop = () => post(path("choosing/stop")).catch((error) => toast(error.message));
    const [line, tell] = workLine("Progress", stop);
    const tabs = Object.fromEntries(
        Object.keys(TABS).map((name) => [
            name,
            h("button.cf-toggle", { type: "button", onclick: () => look(name) }, TABS[name]),
        ]),
    );
    const button = (words, onclick) => h("button.cf-text", { type: "button", onclick }, words);
    const all = button("Take all", () => take(grid.images(), true));
    const none = button("Leave all", () => take(grid.images(), false));
    const undo = button("Undo", () => choice.undo());
    const clear = button("Choose none", () => choice.set([]));
    const back = button("All groups", () => look("groups"));
    const saved = savedList({
        use: (name) => finish(name),
        open: openSelection,
        gone: (name) => gone(name),
    });
    const panel = namePanel({
        path,
        choice,
        ready: () => page?.work.state === "done",
        saved: (name) => finish(name),
        look: (name) => look(name),
    });
    const empty = h("p.cf-wait", { role: "status" }, "Reading the images…");
    const dialog = h(
        "dialog.cf-choose",
        { "aria-label": "Choose images", onclose: () => (clearTimeout(timer), dialog.remove()) },
        h("header", {}, title, iconButton("close", "Close", () => dialog.close())),
        h(
            "div.cf-choose-body",
            {},
            h(
                "div.cf-choose-main",
                {},
                search.node,
                work,
                h(
                    "div.cf-choose-tools",
                    {},
                    h("div.cf-choose-tabs", { role: "group", "aria-label": "What is shown" }, Object.values(tabs)),
                    h("div.cf-choose-acts", {}, back, all, none, undo, clear),
                ),
                empty,
                grid.node,
                map.node,
                cards,
            ),
            h("aside.cf-choose-side", {}, panel.node, saved.node),
        ),
    );
    document.body.append(dialog);
    dialog.addEventListener("keydown", (event) => {
        event.stopPropagation(); // the page has shortcuts of its own
        if (event.key === "z" && (event.ctrlKey || event.metaKey) && event.target.tagName !== "INPUT") choice.undo();
    });
    dialog.showModal();

    function finish(name) {
        dialog.close();
        use(name);
    }
    async function openSelection(name) {
        try {
            const opened = await get(path(`selections/${encodeURIComponent(name)}`));
            choice.set(opened.images, opened.how);
            choice.setSiblings(opened.siblings);
            panel.open(opened);
            if (opened.missing) toast(`${count(opened.missing)} images of “${name}” are not here any more.`);
            look("chosen");
        } catch (error) {
            toast(error.message);
        }
    }

    /** The images in the order in which the grid shows them. */
    function shown() {
        const every = [...Array(page.images).keys()];
        if (group) return group.images;
        if (tab === "chosen") return every.filter((image) => choice.chosen.has(image));
        if (tab === "siblings") {
            const near = (image) => -(choice.proposed.get(image)?.to_chosen ?? 2);
            return [...choice.siblings].sort((a, b) => near(a) - near(b));
        }
        const cosines = choice.query?.cosines;
        return cosines ? every.sort((a, b) => cosines[b] - cosines[a]) : every;
    }

    async function look(name, one = null) {
        tab = name;
        group = one;
        if (!page) return;
        const ready = page.work.state === "done";
        const needed = (name === "map" || name === "groups") && !ready;
        grid.node.hidden = name === "map" || (name === "groups" && !one) || needed;
        map.node.hidden = name !== "map" || needed;
        cards.hidden = name !== "groups" || Boolean(one) || needed;
        empty.hidden = !needed;
        empty.textContent = "The images have to be looked at first.";
        for (const [key, part] of Object.entries(tabs)) part.setAttribute("aria-pressed", String(key === name));
        all.hidden = none.hidden = grid.node.hidden;
        back.hidden = !one;
        draw();
        if (needed) return;
        if (!grid.node.hidden) return showGrid();
        try {
            if (name === "map") map.show((points ??= await get(path("choosing/map"))), page.fingerprint);
            else drawGroups((groups ??= (await get(path("choosing/clusters", `count=${GROUPS}`))).clusters));
        } catch (error) {
            toast(error.message);
        }
    }
    function showGrid() {
        const images = shown();
        grid.show(images, page.fingerprint);
        empty.hidden = images.length > 0;
        const none = "No siblings are proposed; choose images and a class first.";
        empty.textContent = tab === "siblings" ? none : "No image is chosen yet.";
    }
    function drawGroups(found) {
        cards.replaceChildren(
            ...found.map((one) => {
                const step = Math.max(1, Math.floor(one.images.length / SAMPLES));
                const samples = one.images.filter((_, i) => i % step === 0).slice(0, SAMPLES);
                const inside = one.images.filter((image) => choice.chosen.has(image)).length;
                return h(
                    "section.cf-group",
                    {},
                    h(
                        "div.cf-samples",
                        { "aria-hidden": "true" },
                        samples.map((image) =>
                            h("img", { src: pictureOf(image), alt: "", width: 64, height: 64, loading: "lazy" }),
                        ),
                    ),
                    h("strong", {}, one.words[0] || "alike"),
                    h("span.cf-help", {}, one.words.slice(1).join(", ")),
                    h("span.cf-help", {}, `${count(one.images.length)} images, ${count(inside)} chosen`),
                    h(
                        "div",
                        {},
                        button("Look", () => look("groups", one)),
                        button(inside === one.images.length ? "Leave all" : "Take all", () => {
                            choice.how = { ...choice.how, cluster: one.words[0] || "" };
                            choice.take(one.images, inside !== one.images.length);
                        }),
                    ),
                );
            }),
        );
    }
    const pictureOf = (image) => url(`images/${page.fingerprint}/${image}?size=96`);

    /** Draw what follows from what is chosen; pictures stay in their places. */
    function draw() {
        tabs.chosen.textContent = `Chosen ${count(choice.chosen.size)}`;
        tabs.siblings.textContent = `Siblings ${count(choice.siblings.size)}`;
        undo.disabled = !choice.undoable();
        clear.disabled = !choice.chosen.size;
        if (!page) return;
        if (!grid.node.hidden) grid.mark();
        if (!map.node.hidden) map.mark();
        if (!cards.hidden && groups) drawGroups(groups);
    }
    choice.on("chosen", draw);
    choice.on("siblings", () => (tab === "siblings" && !choice.siblings.size ? showGrid() : draw()));
    choice.on("query", () => (choice.query ? look("images") : page && !grid.node.hidden && showGrid()));

    async function follow() {
        clearTimeout(timer);
        if (!dialog.isConnected) return;
        const before = page.work.state;
        page.work = await get(path("choosing/work")).catch(() => page.work);
        drawWork();
        if (["queued", "running"].includes(page.work.state)) timer = setTimeout(follow, LOOK);
        else if (before !== "done" && page.work.state === "done") {
            look(tab);
            panel.ask();
        }
    }
    async function begin() {
        await post(path("choosing/start")).catch((error) => toast(error.message));
        follow();
    }
    function drawWork() {
        const { state, error, event, position } = page.work;
        search.enable(state === "done");
        work.hidden = state === "done";
        if (work.hidden) return;
        if (!["queued", "running"].includes(state)) {
            work.replaceChildren(h("span", {}, error || ENDED[state] || ""), button("Look at the images", begin));
            return;
        }
        const images = event?.stage === "images" ? `: ${count(event.step)} of ${count(event.total)}` : "";
        const said = event ? event.note + images : position ? `Waiting: number ${position} in line` : "Starting…";
        tell(said, event);
        if (!line[0].isConnected) work.replaceChildren(...line);
    }

    grid.node.hidden = map.node.hidden = cards.hidden = back.hidden = true;
    search.enable(false);
    try {
        page = await get(path("choosing"));
        title.textContent = `Choose images of ${page.title}`;
        look("images");
        drawWork();
        if (page.work.state === "none" || page.work.state === "lost") begin();
        else follow();
    } catch (error) {
        empty.textContent = error.message;
    }
}
