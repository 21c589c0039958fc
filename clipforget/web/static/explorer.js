// The explorer: joins the address, the routes and the parts of the page. Gradio mounts it once.

import { get, onAway, queryString } from "./api.js";
import { h, later, present, toast } from "./dom.js";
import { figures } from "./figures.js";
import { grids } from "./grid.js";
import { header } from "./header.js";
import { keys } from "./keys.js";
import { lightbox } from "./lightbox.js";
import { sweep } from "./play.js";
import { prefetch } from "./prefetch.js";
import { follow, progressPanel } from "./progress.js";
import { ask, queryBar } from "./query.js";
import { refreshRuns, runsTable } from "./runs.js";
import { alphaBar } from "./slider.js";
import { addressOf, bus, readAddress, writeAddress } from "./state.js";
import { awayBanner, emptyState, endState } from "./states.js";
import { tabs } from "./tabs.js";
import { theme } from "./theme.js";

/** Everything the parts share. Index is alpha in hundredths; mode is what the main area shows. */
function makeApp(gradio) {
  const app = {
    bus: bus(), state: readAddress(), index: 100, mode: "", view: null, pack: null, runs: [], loaded: false,
    exact: null, exactPending: false, peeking: false, stages: gradio.props.stages || {},
  };
  let endFollow = () => {};
  const saveAddress = later(() => writeAddress(app.state, false), 200);

  app.setAlpha = (index) => {
    const next = Math.min(100, Math.max(0, Math.round(index)));
    if (next === app.index && app.state.alpha !== null) return;
    app.index = next;
    app.state.alpha = next / 100;
    app.bus.emit("alpha", next);
    saveAddress();
  };
  app.bestIndex = () => Math.round(100 * (app.view?.best ?? 1));
  app.afterNow = () => {
    if (app.peeking) return app.pack.before;
    return app.exactNow() || { ids: app.pack.after.ids[app.index], cosines: app.pack.after.cosines[app.index] };
  };
  app.exactNow = () => (app.exact?.index === app.index && app.exact.key === packKey() ? app.exact : null);
  const packKey = () => `${app.state.run} ${queryString(app.state)}`;

  /** True while the grids still show another query than the bar: it is on its way, or could not be answered. */
  app.isStale = () => Boolean(app.pack) && app.pack.key !== packKey();
  app.retry = () => { if (app.mode === "open" && (!app.pack || app.isStale())) loadPack(); };

  app.askExact = async () => {
    if (app.exactPending || app.exactNow() || app.mode !== "open") return;
    const index = app.index, key = packKey();
    app.exactPending = true;
    app.bus.emit("exact");
    try {
      const answer = await get(`runs/${encodeURIComponent(app.state.run)}/exact?alpha=${index / 100}&${queryString(app.state)}`);
      app.exact = { ...answer, index, key };
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
    Object.assign(app.state, query);
    if (push) writeAddress(app.state, true);
    app.bus.emit("query");
    return loadPack();
  };

  async function loadPack() {
    const key = packKey();
    app.bus.emit("asking", true);
    try {
      const pack = await ask(app.state.run, app.state);
      if (!pack) return;
      app.pack = { ...pack, key };
      app.bus.emit("pack");
      prefetch(app.view, pack, app.index);
    } catch (error) {
      toast(error.message);
    }
    app.bus.emit("asking", false);
  }

  app.setView = (view) => {
    app.state.view = view;
    writeAddress(app.state, false);
    app.bus.emit("view");
  };
  app.setK = (k) => {
    app.state.k = k;
    writeAddress(app.state, false);
    app.bus.emit("pack");
  };
  app.link = () => new URL(addressOf(app.state), location.href).href;
  app.sampleRun = () => {
    const done = app.runs.filter((run) => run.state === "done" && run.best !== null);
    return done.find((run) => run.sample) || done.at(-1);
  };
  app.useSettings = (config) => {
    gradio.trigger("use", { config });
    app.toggleSetup(true);
    toast("The form now holds these settings");
  };

  const setMode = (mode) => {
    app.mode = mode;
    document.getElementById("cf-main").dataset.mode = mode;
    app.bus.emit("mode", mode);
  };

  /** Open a run ("" is the start page) as a new step of the history. */
  app.open = (run) => {
    Object.assign(app.state, { run, alpha: null, q: "", img: null, up: "" });
    writeAddress(app.state, true);
    return show();
  };
  app.follow = async (run) => {
    if (matchMedia("(max-width: 760px)").matches) app.toggleSetup(false);
    await app.open(run);
  };

  /** Show what the address says. */
  async function show() {
    endFollow();
    play.stop();
    const wanted = app.state.run;
    app.bus.emit("run");
    if (!wanted) return showEmpty();
    if (app.view?.id !== wanted) setMode("loading");
    try {
      const runs = await refreshRuns(app);
      if (app.state.run !== wanted) return;
      const run = runs.find((one) => one.id === wanted);
      if (!run) return showEnd("missing", null);
      if (run.state === "done") return await showRun(wanted);
      showProgress(run);
    } catch (error) {
      if (error.status === 0) return void setTimeout(() => { if (app.state.run === wanted) show(); }, 2000);
      showEnd("failed", app.runs.find((one) => one.id === wanted), error.message);
    }
  }

  function showEmpty() {
    app.view = app.pack = null;
    stage.replaceChildren(emptyState(app));
    setMode("empty");
  }

  function showEnd(state, run, message = run?.error, log = []) {
    app.view = app.pack = null;
    stage.replaceChildren(endState(app, state, run, message, log));
    setMode("end");
  }

  function showProgress(run) {
    app.view = app.pack = null;
    const stages = app.stages[run.config.method] || [];
    const panel = progressPanel(app, run.id, stages);
    stage.replaceChildren(panel.node);
    setMode("running");
    let before = run.state;
    endFollow = follow(run.id, (state, events, answer) => {
      panel.update(state, events);
      if (state !== before && state === "running") refreshRuns(app).catch(() => {});
      before = state;
      if (state === "queued" || state === "running") return;
      endFollow();
      finished(run, state, events, answer);
    });
  }

  async function finished(run, state, events, answer) {
    if (state === "done") {
      if (document.hidden) document.title = "✓ ClipForget";
      return show();
    }
    await refreshRuns(app).catch(() => {});
    const now = await get(`runs/${encodeURIComponent(run.id)}/view`).catch(() => run);
    if (app.state.run !== run.id) return;
    const end = events.findLast((event) => event.kind === "end");
    showEnd(state, now, now.error || answer.error || end?.note, now.log ? now.log.split("\n") : []);
    if (state === "stopped" && events.length > 1) {
      const panel = progressPanel(app, run.id, app.stages[run.config.method] || []);
      panel.update(state, events);
      stage.append(h("section.cf-progress", { "aria-label": "What was done" }, panel.node.querySelector(".cf-stages"), panel.node.querySelector(".cf-live")));
    }
  }

  async function showRun(id) {
    if (app.view?.id !== id) {
      const view = await get(`runs/${encodeURIComponent(id)}/view`);
      if (app.state.run !== id) return;
      app.view = view;
      app.pack = null;
    }
    stage.replaceChildren();
    setMode("open");
    app.index = app.state.alpha === null ? app.bestIndex() : Math.round(100 * app.state.alpha);
    app.state.alpha = app.index / 100;
    if (!app.state.q && app.state.img === null && !app.state.up) app.state.q = app.firstQuery();
    if (app.state.img !== null && app.state.img >= app.view.gallery.items.length) Object.assign(app.state, { img: null, q: app.firstQuery() });
    writeAddress(app.state, false);
    app.bus.emit("open");
    app.bus.emit("alpha", app.index);
    app.bus.emit("query");
    app.bus.emit("view");
    await loadPack();
  }

  const stage = h("div", { id: "cf-stage" });
  const play = sweep(app);
  app.play = play.play;
  app.stopPlay = play.stop;
  app.show = show;
  app.stage = stage;
  window.addEventListener("popstate", () => {
    app.state = readAddress();
    show();
  });
  app.bus.on("runs", () => { if (app.mode === "empty") stage.replaceChildren(emptyState(app)); });
  return app;
}

/** Called by Gradio when the explorer's element is in the page. */
export async function mount(element, gradio) {
  await present("#cf-main", "#cf-setup", "#cf-head-mount", "#cf-slider input[type=range]", "#cf-slider input[type=number]", "#cf-alpha-tools");
  const app = makeApp(gradio);
  window.clipforget = app;
  const banner = awayBanner();
  document.body.prepend(banner);
  onAway((gone) => {
    banner.hidden = !gone;
    if (!gone) app.retry();
  });
  theme(app);
  header(app);
  keys(app);
  alphaBar(app);
  const parts = h("div", { id: "cf-open" });
  const [notes, cards, query, sides, both, lower] = ["cf-notes", "cf-cards", "cf-query-area", "cf-sides", "cf-both", "cf-tabs"].map((id) => h("div", { id }));
  parts.append(notes, cards, query, sides, both, lower);
  const past = h("section", { id: "cf-past", hidden: true, "aria-label": "Runs so far" }), list = h("div");
  past.append(h("h2", {}, "Runs so far"), list);
  runsTable(app, list);
  const showPast = () => { past.hidden = app.mode !== "empty" || !app.runs.length; };
  app.bus.on("mode", showPast);
  app.bus.on("runs", showPast);
  element.querySelector("#cf-explorer").replaceChildren(app.stage, past, parts);
  app.bus.on("open", () => {
    notes.hidden = !app.view.notes.length;
    notes.textContent = app.view.notes.join(" "); // what does not apply to the method
  });
  figures(app, cards);
  queryBar(app, query);
  const open = lightbox(app);
  grids(app, both, { open, search: (id) => app.search({ q: "", img: id, up: "" }) });
  sideSwitch(app, sides, both);
  tabs(app, lower);
  app.bus.on("asking", (on) => both.classList.toggle("cf-asking", on));
  if (!app.state.run) refreshRuns(app).catch(() => {});
  await app.show();
}

/** Above the grids: on a phone Before or After, everywhere how many images. */
function sideSwitch(app, place, both) {
  const choose = (side) => {
    both.dataset.side = side;
    for (const button of sides.children) button.setAttribute("aria-pressed", String(button.dataset.side === side));
  };
  const sides = h("div.cf-switch.cf-phone", { role: "group", "aria-label": "Side" }, ["before", "after"].map((side) =>
    h("button", { type: "button", "data-side": side, onclick: () => choose(side) }, side === "before" ? "Before" : "After")));
  const sizes = h("div.cf-switch", { role: "group", "aria-label": "Images shown" }, [12, 24].map((k) =>
    h("button", { type: "button", "data-k": k, onclick: () => app.setK(k) }, String(k))));
  const legend = h("div.cf-legend", {}, ["forget", "sibling", "other"].map((role) => {
    const entry = h("span", {}, h("i.cf-key", { "aria-hidden": "true" }), { forget: "to forget", sibling: "siblings", other: "everything else" }[role]);
    entry.classList.add(`cf-${role}`);
    return entry;
  }));
  place.replaceChildren(legend, sides, sizes);
  app.bus.on("pack", () => { for (const button of sizes.children) button.setAttribute("aria-pressed", String(Number(button.dataset.k) === app.state.k)); });
  choose("after");
}
