// @ts-check
// The saved selections: use one, open it to change it, rename, take it away as a file, load it again, delete it.

import { get, post, sendBytes, url } from "../lib/api.js";
import { h, iconButton, toast } from "../lib/dom.js";

const count = (number) => number.toLocaleString("en");

/** `use`, `open` and `gone` get a name. show() asks for the list. */
export function savedList({ use, open, gone }) {
    const list = h("ul.cf-saved");
    const file = h("input", {
        type: "file",
        accept: "application/json,.json",
        hidden: true,
        "aria-label": "An exported selection",
        onchange: () => load(file.files[0]),
    });
    const node = h(
        "details.cf-saved-box",
        { ontoggle: () => node.open && show() },
        h("summary", {}, "Saved selections"),
        list,
        h("button.cf-text", { type: "button", onclick: () => file.click() }, "Load a file"),
        file,
    );
    const act = async (work, said = "") => {
        try {
            await work();
            if (said) toast(said);
        } catch (error) {
            toast(error.message);
        }
        show();
    };
    const path = (name, more = "") => `selections/${encodeURIComponent(name)}${more}`;

    async function load(picked) {
        file.value = "";
        if (picked) await act(async () => toast(`Loaded “${(await sendBytes("selections/load", picked)).name}”.`));
    }

    async function show() {
        const { selections } = await get("selections").catch((error) => (toast(error.message), { selections: [] }));
        list.replaceChildren(...(selections.length ? selections.map(entry) : [h("li.cf-help", {}, "None yet.")]));
    }

    function entry({ name, target, images, siblings, error }) {
        const about = error || `${target}: ${count(images)} images, ${count(siblings)} siblings`;
        const rename = h("input", {
            type: "text",
            value: name,
            maxLength: 80,
            "aria-label": `Another name for ${name}`,
            onkeydown: (event) => {
                if (event.key === "Enter") act(() => post(path(name, "/rename"), { name: rename.value }));
                if (event.key === "Enter" || event.key === "Escape") {
                    event.preventDefault();
                    event.stopPropagation();
                    line.classList.remove("cf-renaming");
                }
            },
        });
        const tools = [
            iconButton("download", `Take ${name} away as a file`, () => location.assign(url(path(name, "/file")))),
            iconButton("trash", `Delete the selection ${name}`, () => {
                if (!line.classList.toggle("cf-sure")) return;
                setTimeout(() => line.classList.remove("cf-sure"), 4000);
            }),
        ];
        const sure = h(
            "button.cf-text.cf-sure-button",
            {
                type: "button",
                onclick: () => act(() => post(path(name, "/delete")), `Deleted “${name}”.`).then(() => gone(name)),
            },
            "Delete it",
        );
        const startRename = () => {
            line.classList.add("cf-renaming");
            rename.select();
        };
        const line = h(
            "li",
            {},
            h("strong", {}, name),
            rename,
            h("span.cf-help", {}, about),
            h(
                "div.cf-saved-tools",
                {},
                error ? null : h("button.cf-text", { type: "button", onclick: () => use(name) }, "Use"),
                error ? null : h("button.cf-text", { type: "button", onclick: () => open(name) }, "Open"),
                h("button.cf-text", { type: "button", onclick: () => startRename() }, "Rename"),
                ...tools,
                sure,
            ),
        );
        return line;
    }
    return { node, show };
}
