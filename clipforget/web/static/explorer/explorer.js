// @ts-check
// The explorer: joins the address, the routes and the parts of the page. Gradio mounts it once.

import { get, hitsString, onConnectionChange, post, queryString } from "../lib/api.js";
import { h, debounce, present, toast } from "../lib/dom.js";
import { auditStatus, followAudits } from "./audits.js";
import { blur } from "./blur.js";
import { figures } from "./figures.js";
import { stillFound } from "./found.js";
import { grids } from "./grid.js";
import { header } from "./header.js";
import { imagePage } from "./imagepage.js";
import { keys } from "./keys.js";
import { lightbox } from "./lightbox.js";
import { sweep } from "./play.js";
import { prefetch } from "./prefetch.js";
import { presentation } from "./present.js";
import { queryPacks, queryBar } from "./query.js";
import { whatChanged } from "../run/changed.js";
import { recentRuns } from "../run/list.js";
import { refreshRuns } from "../run/runs.js";
import { alphaBar } from "./slider.js";
import { addressOf, bus, FRESH, readAddress, writeAddress } from "../lib/state.js";
import { awayBanner } from "../run/states.js";
import { sideSwitch } from "./sides.js";
import { followRuns } from "../form/draft.js";
import { landmarks } from "../lib/landmarks.js";
import { makeStage } from "./stage.js";
import { tabs } from "./tabs.js";
import { theme } from "../lib/theme.js";
import { loadRival } from "./versus.js";

/** Everything the parts share. Index is alpha in hundredths; mode is what the main area shows. */
function makeApp(gradio) {
    const app = {
        bus: bus(),
        state: readAddress(),
        index: 100,
        mode: "",
        view: null,
        pack: null,
        rival: null,
        runs: [],
        deleting: new Set(), // runs that go for good unless somebody takes that back
        loaded: false, // whether the runs are known
        exact: null,
        exactPending: false,
        answered: null, // the last query that got an answer
        peeking: false,
        picked: new Set(), // gallery images, by lasso or from the matrix
        pickedAs: "",
        stages: gradio.props.stages || {},
        charts: gradio.props.charts || [],
        options: gradio.props.options || {},
    };
    const saveAddress = debounce(() => writeAddress(app.state, false), 200);

    app.setAlpha = (index) => {
        const next = Math.min(100, Math.max(0, Math.round(index)));
        if (next === app.index && app.state.alpha !== null) return;
        app.index = next;
        app.state.alpha = next / 100;
        app.bus.emit("alpha", next);
        saveAddress();
    };
    app.bestIndex = () => Math.round(100 * (app.view?.best ?? 1));
    app.exactNow = () => (app.exact?.index === app.index && app.exact.key === packKey() ? app.exact : null);
    const packKey = () => `${app.state.run} ${app.state.vs} ${hitsString(app.state)}`;
    const shownRuns = () => [app.state.run, ...(app.rival ? [app.state.vs] : [])];

    /** True while the grids still show another query than the bar: it is on its way, or could not be answered. */
    app.isStale = () => Boolean(app.pack) && app.pack.asked !== queryString(app.state);
    app.retry = () => {
        if (app.mode === "open" && app.pack?.key !== packKey()) loadPack();
    };

    const warm = new Map(); // run -> whether its model is loaded
    app.isWarm = () => shownRuns().every((run) => warm.get(run));
    /** Load the models of the open runs: somebody is about to search for something new. */
    app.warmUp = () => {
        for (const run of app.mode === "open" ? shownRuns() : []) {
            if (warm.has(run)) continue;
            warm.set(run, false);
            post(`runs/${encodeURIComponent(run)}/warm`).then(
                () => warm.set(run, true),
                () => warm.delete(run), // a search says why
            );
        }
    };

    app.askExact = async () => {
        if (app.exactPending || app.exactNow() || app.mode !== "open") return;
        const index = app.index;
        const key = packKey();
        app.exactPending = true;
        app.bus.emit("exact");
        try {
            const [answer, rival] = await Promise.all(
                shownRuns().map((run) =>
                    get(`runs/${encodeURIComponent(run)}/exact?alpha=${index / 100}&${hitsString(app.state)}`),
                ),
            );
            app.exact = { ...answer, rival, index, key };
        } catch (error) {
            toast(error.message);
        }
        app.exactPending = false;
        app.bus.emit("exact");
    };

    app.peek = (on) => {
        if (on === app.peeking || app.mode !== "open") return;
        app.peeking = on;
        app.bus.emit("peek");
    };

    app.firstQuery = () => app.view?.suggestions[0] ?? "";
    app.search = (query, push = true) => {
        Object.assign(app.state, query, { see: null, page: 0 });
        writeAddress(app.state, push);
        app.bus.emit("see");
        app.bus.emit("query");
        return loadPack();
    };

    /** Pick images of the gallery; `words` say which they are. */
    app.pick = (ids, words) => {
        app.picked = new Set(ids);
        app.pickedAs = words;
        app.bus.emit("picked");
    };
    /** Open the page of one image of the gallery; null is the way back to the search. */
    app.see = (id) => {
        app.state.see = id;
        writeAddress(app.state, true);
        app.bus.emit("see");
    };

    async function loadPack() {
        const key = packKey();
        app.bus.emit("asking", true);
        try {
            const packs = await queryPacks(shownRuns(), app.state);
            if (!packs) return;
            app.pack = { ...packs[0], key, asked: queryString(app.state) };
            app.answered = { q: app.state.q, img: app.state.img, up: app.state.up };
            if (app.rival) app.rival.pack = packs[1];
            app.bus.emit("pack");
            prefetch(app.view, packs, app.index);
        } catch (error) {
            const first = { q: app.firstQuery(), img: null, up: "" };
            if (!error.status) toast(error.message);
            else if (app.pack) {
                // A query that is refused stays in the box, to be mended, and leaves the address.
                Object.assign(app.state, app.answered);
                writeAddress(app.state, false);
                app.bus.emit("refused", error.message);
            } else if (queryString(first) !== queryString(app.state)) {
                // An address whose query cannot be answered: its upload is gone, or its text too long.
                toast(error.message);
                return app.search(first, false);
            }
        }
        app.bus.emit("asking", false);
    }

    app.setView = (view) => {
        app.state.view = view;
        writeAddress(app.state, false);
        app.bus.emit("view");
    };
    /** Change how many hits are shown, which page of all, or of which role. */
    app.setHits = (changes) => {
        Object.assign(app.state, { page: 0 }, changes);
        writeAddress(app.state, false);
        if (app.pack?.key === packKey()) app.bus.emit("pack");
        else loadPack();
    };
    app.link = () => new URL(addressOf(app.state), location.href).href;
    app.sampleRun = () => {
        const done = app.runs.filter((run) => run.state === "done" && run.best !== null);
        return done.find((run) => run.sample) || done.at(-1);
    };
    app.useSettings = (config) => {
        const parts = (config.soup ?? []).map((part) => part.split("="));
        if (parts.length)
            return app.openSoup(
                parts.map(([id]) => id),
                parts.map(([, alpha]) => alpha).join(","),
            );
        if (app.mode === "runs") app.open("");
        app.fillForm(config);
        app.toggleSetup(true);
        toast("The form now holds these settings");
    };

    app.setMode = (mode) => {
        app.mode = mode;
        for (const node of [document.body, document.getElementById("cf-main")]) node.dataset.mode = mode;
        app.bus.emit("mode", mode);
    };

    /** Open a run ("" is the start page) as a new step of the history, or two side by side. */
    app.open = (run, vs = "") => {
        Object.assign(app.state, { ...FRESH, run, vs });
        writeAddress(app.state, true);
        return show();
    };
    /** Open a comparison, or "list": all of them and the form for a new one. */
    app.openCompare = (compare) => {
        Object.assign(app.state, { ...FRESH, compare });
        writeAddress(app.state, true);
        return show();
    };
    /** Open the table of all runs. */
    app.openRuns = () => {
        Object.assign(app.state, { ...FRESH, list: "runs" });
        writeAddress(app.state, true);
        return show();
    };
    /** Open a soup of several finished runs; of none, how to come to one. */
    app.openSoup = (runs, alphas = "") => {
        Object.assign(app.state, { ...FRESH, soup: runs.length ? runs.join(",") : "new", alphas });
        writeAddress(app.state, true);
        return show();
    };
    /** Put a run beside the open one; "" is the way back to Before and After. */
    app.setRival = (vs) => {
        app.state.vs = vs;
        writeAddress(app.state, true);
        return show();
    };
    app.swapRuns = () => {
        const { run, vs } = app.state;
        Object.assign(app.state, { run: vs, vs: run });
        writeAddress(app.state, true);
        return show();
    };
    app.follow = async (run) => {
        if (matchMedia("(max-width: 760px)").matches) app.toggleSetup(false);
        await app.open(run);
    };

    /** Show what the address says. */
    async function show() {
        stage.end();
        play.stop();
        const wanted = app.state.run;
        app.bus.emit("run");
        if (app.state.compare) return stage.compare();
        if (app.state.list) return stage.runs();
        if (app.state.soup) return stage.soup();
        if (!wanted) return stage.empty();
        if (app.view?.id !== wanted) app.setMode("loading");
        try {
            const runs = await refreshRuns(app);
            if (app.state.run !== wanted) return;
            const run = runs.find((entry) => entry.id === wanted);
            if (!run) return stage.ended("missing", null);
            if (run.state === "damaged") return stage.ended("damaged", run);
            if (run.state === "done") return await showRun(wanted);
            stage.progress(run);
        } catch (error) {
            if (error.status === 0)
                return void setTimeout(() => {
                    if (app.state.run === wanted) show();
                }, 2000);
            stage.ended(
                "failed",
                app.runs.find((entry) => entry.id === wanted),
                error.message,
            );
        }
    }

    async function showRun(id) {
        if (app.view?.id !== id) {
            const view = await get(`runs/${encodeURIComponent(id)}/view`);
            if (app.state.run !== id) return;
            app.view = view;
            app.pack = app.answered = null;
            app.pick([], "");
        }
        await loadRival(app);
        if (app.state.run !== id) return;
        stage.node.replaceChildren();
        app.setMode("open");
        app.index = app.state.alpha === null ? app.bestIndex() : Math.round(100 * app.state.alpha);
        app.state.alpha = app.index / 100;
        if (!app.state.q && app.state.img === null && !app.state.up) app.state.q = app.firstQuery();
        if (app.state.img !== null && app.state.img >= app.view.gallery.items.length)
            Object.assign(app.state, { img: null, q: app.firstQuery() });
        if (app.state.see >= app.view.gallery.items.length) app.state.see = null;
        writeAddress(app.state, false);
        app.bus.emit("open");
        app.bus.emit("alpha", app.index);
        app.bus.emit("query");
        app.bus.emit("see");
        app.bus.emit("view");
        await loadPack();
    }

    const stage = makeStage(app);
    const play = sweep(app);
    app.play = play.play;
    app.stopPlay = play.stop;
    app.show = show;
    app.stage = stage.node;
    window.addEventListener("popstate", () => {
        app.state = readAddress();
        show();
    });
    return app;
}

/** Called by Gradio when the explorer's element is in the page. */
export async function mount(element, gradio) {
    await present(
        "#cf-main",
        "#cf-setup",
        "#cf-head-mount",
        "#cf-slider input[type=range]",
        "#cf-alpha-tools",
    );
    const app = makeApp(gradio);
    Object.assign(window, { clipforget: app });
    const banner = awayBanner();
    document.body.prepend(banner);
    onConnectionChange((gone) => {
        banner.hidden = !gone;
        if (!gone) app.retry();
    });
    theme(app);
    header(app);
    presentation(app);
    landmarks();
    keys(app);
    alphaBar(app);
    const parts = h("div", { id: "cf-open" });
    const [found, cards, notes, query, sides, both, lower] = [
        "cf-found",
        "cf-cards",
        "cf-notes",
        "cf-query-area",
        "cf-sides",
        "cf-both",
        "cf-tabs",
    ].map((id) => h("div", { id }));
    const image = h("section", { id: "cf-image", "aria-label": "One image", hidden: true });
    parts.append(image, whatChanged(app), found, query, sides, both, cards, notes, lower);
    const past = h("section", { id: "cf-past", hidden: true, "aria-label": "Runs so far" });
    const list = h("div");
    past.append(h("h2", {}, "Runs so far"), list);
    recentRuns(app, list);
    const showPast = () => {
        past.hidden = app.mode !== "empty" || !app.runs.length;
    };
    app.bus.on("mode", showPast);
    app.bus.on("runs", showPast);
    element.querySelector("#cf-explorer").replaceChildren(app.stage, past, parts);
    app.bus.on("open", () => {
        notes.hidden = !app.view.notes.length;
        notes.textContent = app.view.notes.join(" "); // what does not apply to the method
    });
    followAudits(app);
    const status = h("p", { id: "cf-audited" });
    stillFound(app, found, status);
    auditStatus(app, status);
    figures(app, cards);
    queryBar(app, query);
    const open = lightbox(app);
    grids(app, both, { open, see: app.see, search: (id) => app.search({ q: "", img: id, up: "" }) });
    blur(app);
    sideSwitch(app, sides, both);
    tabs(app, lower);
    imagePage(app, image);
    app.bus.on("asking", (on) => both.classList.toggle("cf-asking", on));
    followRuns(app);
    if (!app.state.run) refreshRuns(app).catch(() => {});
    await app.show();
}
