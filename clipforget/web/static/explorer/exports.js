// @ts-check
// The export menu: the model at an alpha in a format, what this search finds, and the files of the run.

import { get, queryString, url } from "../lib/api.js";
import { h, icon } from "../lib/dom.js";

const FORMATS = [
    ["open_clip", "For open_clip", "A folder; also the next run's model"],
    ["transformers", "For transformers", "A folder for Hugging Face's CLIPModel"],
    ["patch", "Patch", "Only what changed, for clipforget apply"],
];
const RESULTS = [
    ["results.png", "Both grids (PNG)"],
    ["results.csv", "Results (CSV)"],
    ["results.json", "Results (JSON)"],
];
const FILES = [
    ["scores.csv", "Scores (CSV)"],
    ["scores.json", "Scores (JSON)"],
    ["delta.safetensors", "Changed weights (safetensors)"],
    ["run.json", "Recipe (JSON)"],
    ["run.zip", "Everything (zip)"],
];

/** Bytes in words: 20059780 -> "19 MB" of 2^20 bytes. */
function size(bytes) {
    if (bytes >= 2 ** 30) return `${(bytes / 2 ** 30).toFixed(1)} GB`;
    return bytes < 10 * 2 ** 20 ? `${(bytes / 2 ** 20).toFixed(1)} MB` : `${Math.round(bytes / 2 ** 20)} MB`;
}

/** The menu in the header. What it offers is made anew each time it opens: alpha and query are those of the page. */
export function exportMenu(app) {
    const items = h("div.cf-menu-items.cf-exports");
    const menu = h(
        "details.cf-menu",
        { id: "cf-export" },
        h("summary.cf-button.cf-quiet", { title: "Save the results" }, icon("download"), h("span", {}, "Export")),
        items,
    );
    menu.addEventListener("toggle", () => {
        if (!menu.open) return;
        const run = `runs/${encodeURIComponent(app.state.run)}`;
        const alpha = app.index / 100;
        const asked = `alpha=${alpha}&${queryString(app.state)}`;
        const link = (path, title) => h("a", { href: url(`${run}/${path}`), download: "" }, title);
        items.replaceChildren(
            modelForm(run, alpha),
            h("h3", {}, `This search at alpha ${alpha.toFixed(2)}`),
            ...RESULTS.map(([file, title]) => link(`results/${file}?${asked}`, title)),
            h("h3", {}, "This run"),
            link(`results/report.html?${asked}`, "Report (HTML)"),
            ...FILES.map(([file, title]) => link(`export/${file}`, title)),
            app.view?.audits?.audited ? link("export/audits.json", "Audits (JSON)") : "",
        );
    });
    return menu;
}

/** Alpha, format and size of the model, and the link that downloads it. */
function modelForm(run, start) {
    const alpha = h("input", {
        type: "number",
        id: "cf-export-alpha",
        min: 0,
        max: 1,
        step: 0.01,
        value: start.toFixed(2),
        oninput: () => draw(),
    });
    const rows = FORMATS.map(([name, title, about]) => {
        const input = h("input", {
            type: "radio",
            name: "cf-export-format",
            value: name,
            checked: name === "open_clip",
            onchange: () => draw(),
        });
        const bytes = h("span.cf-export-size", {}, "…");
        const note = h("small", {}, about);
        return { name, input, bytes, note, node: h("label", {}, input, h("span", {}, title, note), bytes) };
    });
    const save = h("a.cf-button.cf-primary", { download: "" });
    const problem = h("p.cf-export-problem", { role: "status", hidden: true });
    let known = null;

    function draw() {
        const chosen = rows.find((row) => row.input.checked);
        const valid = alpha.value !== "" && alpha.validity.valid;
        const bytes = known?.[chosen.name]?.bytes;
        const ready = valid && Boolean(bytes);
        save.textContent = !valid ? "Alpha is 0 to 1" : ready ? `Download .zip, ${size(bytes)}` : "Loading the model…";
        save.setAttribute("aria-disabled", String(!ready));
        if (ready) save.href = url(`${run}/model.zip?alpha=${Number(alpha.value)}&format=${chosen.name}`);
        else save.removeAttribute("href");
    }

    async function ask() {
        try {
            known = await get(`${run}/model`);
        } catch (error) {
            problem.textContent = error.message;
            problem.hidden = false;
            for (const row of rows) row.bytes.textContent = "";
            save.hidden = true;
            return;
        }
        for (const row of rows) {
            const { bytes, refused } = known[row.name];
            row.bytes.textContent = bytes ? size(bytes) : "";
            row.input.disabled = Boolean(refused);
            if (refused) row.note.textContent = refused;
        }
        draw();
    }
    draw();
    ask();
    return h(
        "section.cf-export-model",
        { "aria-label": "The model" },
        h("h3", {}, "The model"),
        h("label.cf-export-alpha", {}, "Alpha, the share of the original", alpha),
        h("div", { role: "radiogroup", "aria-label": "Format" }, ...rows.map((row) => row.node)),
        problem,
        save,
    );
}
