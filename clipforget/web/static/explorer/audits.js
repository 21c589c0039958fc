// @ts-check
// The audits of the open run: begun, followed and stopped; a tab with all of them, and a line at the top of the page.

import { get, post } from "../lib/api.js";
import { clock, h, icon, toast } from "../lib/dom.js";
import { redrawer, workLine } from "../lib/redraw.js";
import { auditEntry, isMeasured } from "./audit.js";
import { chart } from "./charts.js";
import { onlyA } from "./versus.js";

const EVERY = { queued: 700, running: 700, lost: 5000 }; // milliseconds to the next look; a slow start looks lost
const ENDS = {
    stopped: "Stopped. The audits that were done are kept; audit again to go on.",
    lost: "The worker of these audits is gone. What it had done is kept; audit again to go on.",
};

const path = (app, more = "") => `runs/${encodeURIComponent(app.view.id)}/audits${more}`;
const atWork = (app) => ["queued", "running"].includes(app.audits?.work?.state);

/** Keep app.audits with the open run (null until they are known), look again while they are at work: event "audits". */
export function followAudits(app) {
    let timer = 0;
    let looks = 0;
    async function look() {
        clearTimeout(timer);
        const mine = ++looks;
        const { id } = app.view;
        const outdated = () => mine !== looks || app.view?.id !== id;
        try {
            const page = await get(path(app));
            if (outdated()) return;
            app.audits = page;
            app.view.audits = page.summary;
        } catch (error) {
            if (outdated()) return;
            if (error.status) app.audits = { audits: [], problem: error.message, work: null, summary: app.view.audits };
        }
        const again = app.audits ? EVERY[app.audits.work?.state] : EVERY.lost;
        if (again) timer = setTimeout(() => !outdated() && look(), again);
        app.bus.emit("audits");
    }
    const ask = async (more, body) => {
        await post(path(app, more), body).catch((error) => toast(error.message));
        await look();
    };
    app.audit = (names, again = false) => ask("", { names, again });
    app.stopAudits = () => ask("/stop", {});
    app.bus.on("open", () => {
        app.audits = null;
        app.bus.emit("audits");
        look();
    });
}

/** The audits that a press of the button makes: the cheap ones that are missing, else all that are, else all again. */
function nextAudits({ audits }) {
    const missing = audits.filter((entry) => !isMeasured(entry));
    const cheap = missing.filter((entry) => entry.cheap);
    const some = cheap.length ? cheap : missing;
    const names = (some.length ? some : audits).map((entry) => entry.name);
    const words = !missing.length ? "Audit again" : some === cheap ? "Audit this run" : "Run the slow audits";
    return { names, words, again: !missing.length };
}

function auditButton(app, spec) {
    const { names, words, again } = nextAudits(app.audits);
    return h(spec, { type: "button", onclick: () => app.audit(names, again) }, words);
}

/** What the work is at, in words. */
function wordsOf({ work, audits }) {
    const { event, position } = work;
    const title = audits.find((entry) => entry.name === event?.stage)?.title;
    if (!event) return position ? `Waiting: number ${position} in line` : "Starting…";
    return title ? `${title}: ${event.note}` : event.note || "Loading model and images";
}

/** The line at the top: what the audits come to, and the way to them or a button that begins them. */
export function auditStatus(app, container) {
    const said = h("span");
    const redraw = redrawer(container);
    const draw = () => {
        const summary = app.view?.audits;
        if (!summary) return;
        container.dataset.found = summary.hidden ? "hidden" : "";
        const busy = atWork(app);
        const known = app.audits;
        const begins = known && !known.problem && !summary.audited && !busy;
        const left = known?.work?.event?.eta ? `, ${clock(known.work.event.eta)} left` : "…";
        said.textContent = (app.rival ? "A: " : "") + (busy ? `Auditing${left}` : summary.sentence);
        redraw(JSON.stringify([summary, begins && nextAudits(known)]), () => {
            const see = h("button.cf-text", { type: "button", onclick: () => app.setView("audits") });
            see.textContent = summary.audited ? "See the audits" : "What are audits?";
            const button = begins ? auditButton(app, "button.cf-button") : see;
            container.replaceChildren(summary.hidden ? icon("alert") : "", said, button);
        });
    };
    app.bus.on("open", draw);
    app.bus.on("audits", draw);
}

/** The tab: all audits of the run with their figures, which follow alpha where they are known along it. */
export function auditsTab(app, container) {
    let entries = [];
    const head = h("div.cf-audit-head");
    const list = h("div.cf-audit-list");
    const stages = h("div.cf-audit-stages", { hidden: true });
    const alone = onlyA();
    container.replaceChildren(alone, head, list, stages);
    const redraw = redrawer(container);
    const [nodes, tell] = workLine("Progress of the audits", () => app.stopAudits());
    const line = h("div.cf-audit-work", {}, ...nodes);
    const version = () => app.audits?.audits.map(({ seconds }) => seconds).join();
    const charts = app.charts
        .filter(({ of }) => of === "audits")
        .map((about) => {
            const box = h("div");
            stages.append(h("section.cf-audit", { "aria-label": about.title }, h("h4", {}, about.title), box));
            return chart(app, { ...about, version }, box);
        });
    const draw = () => {
        if (container.hidden || !app.view) return;
        alone.hidden = !app.rival;
        const page = app.audits;
        if (!page) return redraw("", () => head.replaceChildren(h("p.cf-wait", {}, "Reading the audits…")));
        const { work, summary } = page;
        const busy = atWork(app);
        if (busy) tell(wordsOf(page), work.event);
        redraw(JSON.stringify([{ ...page, work: busy || work }, app.view.id]), () => drawAll(page, busy));
        stages.hidden = !summary.audited;
        if (summary.audited) for (const { show } of charts) show();
        follow();
    };
    const drawAll = (page, busy) => {
        const { work, problem, summary, audits } = page;
        const failed = work?.state === "failed" ? `The audits failed. ${work.error}` : "";
        const note = problem || failed || ENDS[work?.state] || "";
        const open = new Set(entries.filter(({ isOpen }) => isOpen()).map(({ name }) => name));
        head.replaceChildren(
            h(
                "div",
                {},
                h("h3", {}, summary.sentence),
                h(
                    "p",
                    {},
                    "An audit asks a model whether the target is gone or only hidden. The yardstick is a model that " +
                        "never saw the target, not zero: an audit that such a model fails proves nothing.",
                ),
                page.no_reference ? h("p", {}, page.no_reference) : "",
                note ? h("p.cf-message", {}, note) : "",
            ),
            busy ? line : problem || !audits.length ? "" : auditButton(app, "button.cf-button.cf-primary"),
        );
        const place = (entry) => (entry.passed === false ? 0 : isMeasured(entry) ? 1 : 2);
        const sorted = [...audits].sort((a, b) => place(a) - place(b)); // what still finds it comes first
        entries = sorted.map((entry) => auditEntry(app, entry, page, open.has(entry.name)));
        list.replaceChildren(...entries.map(({ node }) => node));
        follow();
    };
    const follow = () => entries.forEach(({ update }) => update(app.index));
    app.bus.on("audits", draw);
    app.bus.on("alpha", () => {
        if (!container.hidden) follow();
    });
    return { show: draw };
}
