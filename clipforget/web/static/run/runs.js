// @ts-check
// What all lists of runs share: asking for them, their states and dates in words, and deleting them with a way back.

import { get, post } from "../lib/api.js";
import { h, ordinal, toast } from "../lib/dom.js";

/** "14:02" for today, else the date and time, in the visitor's own zone. */
export function when(iso) {
    const date = new Date(iso);
    if (Number.isNaN(date.getTime())) return "";
    const time = date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    return date.toDateString() === new Date().toDateString()
        ? time
        : `${date.toLocaleDateString([], { month: "short", day: "numeric" })}, ${time}`;
}

/** Ask the server for the runs and tell the page; those being deleted are gone already. */
export async function refreshRuns(app) {
    const { runs } = await get("runs");
    app.runs = runs.filter((run) => !app.deleting.has(run.id));
    app.loaded = true;
    app.bus.emit("runs", app.runs);
    return app.runs;
}

/** A run's state as a small chip, with its place in line while it waits. */
export function stateChip(state, position = null) {
    const chip = h("span.cf-state", {}, position ? `${state}, ${ordinal(position)} in line` : state);
    chip.dataset.state = state;
    return chip;
}

/** Do something to runs, then show what has become of them. */
export async function act(app, work) {
    try {
        await work();
    } catch (error) {
        toast(error.message);
    }
    await refreshRuns(app).catch(() => {});
}

/** Take runs off the page at once, and off the disk when the message with its Undo is gone. */
export async function deleteRuns(app, ids) {
    for (const id of ids) app.deleting.add(id);
    if (ids.includes(app.state.run)) await app.open("");
    const back = () => ids.forEach((id) => app.deleting.delete(id));
    const remove = () =>
        act(app, async () => {
            const sent = ids.map((id) => post(`runs/${encodeURIComponent(id)}/delete`, {}, { keepalive: true }));
            await Promise.all(sent).finally(back);
        });
    toast(ids.length === 1 ? "The run is deleted." : `${ids.length} runs are deleted.`, {
        label: "Undo",
        act: () => act(app, async () => back()),
        gone: remove,
    });
    await refreshRuns(app).catch(() => {});
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
