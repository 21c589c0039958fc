// @ts-check
// The dialog in which a run gets its name, tags and notes.

import { post } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { refreshRuns } from "./runs.js";

/** Show the dialog for a run; what is wrong is said in it, so that nothing typed is lost. */
export function annotateDialog(app, run) {
    const title = h("input", { type: "text", maxLength: 120, value: run.title, placeholder: "made from the settings" });
    const written = (run.tags ?? []).join(", ");
    const tags = h("input", { type: "text", value: written, placeholder: "for example: talk, seed 3" });
    const notes = h("textarea", { rows: 4, maxLength: 2000, value: run.notes ?? "" });
    const error = h("p.cf-message", { role: "alert", hidden: true });
    const save = async (event) => {
        event.preventDefault();
        const changes = { title: title.value, tags: tags.value.split(","), notes: notes.value };
        try {
            await post(`runs/${encodeURIComponent(run.id)}/annotate`, changes);
            dialog.close();
            if (app.view?.id === run.id) app.view.title = title.value;
            await refreshRuns(app).catch(() => {});
        } catch (problem) {
            error.hidden = false;
            error.textContent = problem.message;
        }
    };
    const dialog = h(
        "dialog.cf-dialog.cf-annotate",
        { "aria-label": "Name, tags and notes" },
        h(
            "form",
            { onsubmit: save },
            h("h2", {}, "Name, tags and notes"),
            h("label.cf-labelled", {}, h("span", {}, "Name"), title),
            h("label.cf-labelled", {}, h("span", {}, "Tags, with commas between them"), tags),
            h("label.cf-labelled", {}, h("span", {}, "Notes"), notes),
            error,
            h(
                "div.cf-dialog-buttons",
                {},
                h("button.cf-button", { type: "button", onclick: () => dialog.close() }, "Cancel"),
                h("button.cf-button.cf-primary", { type: "submit" }, "Save"),
            ),
        ),
    );
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
}
