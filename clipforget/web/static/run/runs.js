// @ts-check
// The list of past runs: open, star, use again, delete.

import { get, post } from "../lib/api.js";
import { h, iconButton, ordinal, percent, toast } from "../lib/dom.js";

const HEADS = ["Star", "Run", "State", "Images", "Best α", "Forget", "Siblings", "Others", "When", "Actions"];

/** "14:02" for today, else the date and time, in the visitor's own zone. */
export function when(iso) {
    const date = new Date(iso);
    if (Number.isNaN(date.getTime())) return "";
    const time = date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    return date.toDateString() === new Date().toDateString()
        ? time
        : `${date.toLocaleDateString([], { month: "short", day: "numeric" })}, ${time}`;
}

/** Ask the server for the runs and tell the page. */
export async function refreshRuns(app) {
    const { runs } = await get("runs");
    app.runs = runs;
    app.bus.emit("runs", runs);
    return runs;
}

/** A table of the runs in `container`. */
export function runsTable(app, container) {
    const body = h("tbody");
    const table = h(
        "table.cf-table.cf-runlist",
        {},
        h(
            "thead",
            {},
            h(
                "tr",
                {},
                HEADS.map((name) => h("th", { scope: "col" }, name)),
            ),
        ),
        body,
    );
    const none = h("p.cf-wait", {}, "No runs yet.");
    let all = false;
    const more = h("button.cf-text.cf-more-runs", {
        type: "button",
        onclick: () => {
            all = !all;
            draw();
        },
    });
    container.replaceChildren(h("div.cf-scroll", {}, table), none, more);
    const draw = () => {
        const shown = app.runs.filter((run) => all || run.starred || !run.comparison);
        const count = app.runs.filter((run) => run.comparison).length;
        none.hidden = shown.length > 0;
        table.hidden = !none.hidden;
        more.hidden = !count;
        more.textContent = all
            ? "Hide the runs of comparisons"
            : `Show also ${count} run${count === 1 ? "" : "s"} of comparisons`;
        shown.sort((a, b) => Number(b.starred) - Number(a.starred));
        body.replaceChildren(...shown.map((run) => row(app, run)));
    };
    app.bus.on("runs", draw);
    draw();
    return { show: () => refreshRuns(app).catch(() => {}) };
}

function row(app, run) {
    const { config, headline } = run;
    const damaged = run.state === "damaged";
    const others = run.own === false; // another visitor's
    const star = iconButton("star", run.starred ? "Remove the star" : "Star this run", () =>
        act(app, () => post(`runs/${run.id}/star`, { starred: !run.starred })),
    );
    star.setAttribute("aria-pressed", String(run.starred));
    const open = h(
        "button.cf-text.cf-open",
        { type: "button", title: run.title || run.id, onclick: () => app.open(run.id) },
        run.title || run.id,
    );
    const figure = (key) =>
        headline?.[key] ? `${percent(headline[key].before)} → ${percent(headline[key].after)}` : "";
    const cells = [
        run.sample ? "sample" : damaged || others ? "" : star,
        run.own ? h("span", {}, open, h("small.cf-own", {}, "yours")) : open,
        stateChip(run.state, run.position),
        damaged
            ? h("span.cf-clip", { title: run.error }, run.error)
            : h("span.cf-clip", { title: config.data }, config.data.split("/").filter(Boolean).at(-1)),
        run.best === null || run.best === undefined ? "" : run.best.toFixed(2),
        figure("forget"),
        figure("siblings"),
        figure("others"),
        when(run.created),
        h(
            "span.cf-actions",
            {},
            damaged
                ? null
                : h("button.cf-text", { type: "button", onclick: () => app.useSettings(config) }, "Use"),
            run.sample || others
                ? null
                : iconButton("trash", "Delete this run", () =>
                      confirmDialog(
                          "Delete this run?",
                          `${run.title || run.id} and its files are removed for good.`,
                          "Delete",
                          () =>
                              act(app, async () => {
                                  await post(`runs/${run.id}/delete`);
                                  if (run.id === app.state.run) app.open("");
                              }),
                      ),
                  ),
        ),
    ];
    const line = h(
        "tr",
        {},
        cells.map((cell, i) =>
            h(
                "td",
                i > 3 && i < 8 ? { "data-head": HEADS[i] } : {},
                typeof cell === "string" ? h("span.cf-clip", { title: cell }, cell) : cell,
            ),
        ),
    );
    if (run.id === app.state.run) line.setAttribute("aria-current", "true");
    return line;
}

/** A run's state as a small chip, with its place in line while it waits. */
export function stateChip(state, position = null) {
    const chip = h("span.cf-state", {}, position ? `${state}, ${ordinal(position)}` : state);
    chip.dataset.state = state;
    return chip;
}

async function act(app, work) {
    try {
        await work();
        await refreshRuns(app);
    } catch (error) {
        toast(error.message);
    }
}

/** Ask before something that cannot be undone; `work` runs on yes. */
export function confirmDialog(title, text, yes, work) {
    const dialog = h(
        "dialog.cf-dialog",
        { "aria-label": title },
        h("h2", {}, title),
        h("p", {}, text),
        h(
            "div.cf-dialog-buttons",
            {},
            h("button.cf-button", { type: "button", onclick: () => dialog.close() }, "Keep"),
            h(
                "button.cf-button.cf-danger",
                {
                    type: "button",
                    onclick: () => {
                        dialog.close();
                        work();
                    },
                },
                yes,
            ),
        ),
    );
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
}
