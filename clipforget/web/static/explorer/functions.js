// @ts-check
// The functions for programs: what the server says of its API, each with its parameters and an example to copy.

import { get } from "../lib/api.js";
import { copy, h, iconButton } from "../lib/dom.js";

/** A dialog that lists them; gives a function that opens it. */
export function functionsDialog() {
    const list = h("div.cf-functions");
    const said = h("p", { role: "status" }, "Asking the server…");
    const dialog = h(
        "dialog.cf-dialog.cf-api",
        {
            "aria-label": "Use via API",
            onclick: (event) => {
                if (event.target === dialog) dialog.close();
            },
        },
        h(
            "header",
            {},
            h("h2", {}, "Use via API"),
            iconButton("close", "Close", () => dialog.close()),
        ),
        said,
        list,
    );
    document.body.append(dialog);

    return async () => {
        dialog.showModal();
        if (list.childElementCount) return;
        try {
            const { named_endpoints: named } = await get("../gradio_api/info"); // Gradio's, beside our own routes
            list.replaceChildren(...Object.entries(named).map(([path, about]) => entry(path.slice(1), about)));
            said.textContent =
                `${list.childElementCount} functions that programs can call, in Python with the package ` +
                "gradio_client. Runs and searches are those of this page.";
        } catch (error) {
            said.textContent = error.message;
        }
    };
}

/** A function: what it does in a line, and behind that all that is known of it. */
function entry(name, { description, parameters, returns, code_snippets: snippets }) {
    const [first, ...rest] = description.split(/(?<=\.)\s+(?=[A-Z])/);
    const code = snippets.python.replaceAll("\t", "    ");
    return h(
        "details",
        { name: "cf-function" },
        h("summary", {}, h("code", {}, name), h("span", {}, first)),
        rest.length ? h("p", {}, rest.join(" ")) : null,
        parameters.length ? h("h3", {}, "Parameters") : null,
        h("dl", {}, parameters.flatMap(parameter)),
        h("h3", {}, "Returns"),
        returns.map((result) => {
            const about = result.type.description;
            return h("p", {}, about && `${about}: `, h("code", {}, result.python_type.type));
        }),
        h("h3", {}, "Example"),
        h("pre", {}, code),
        h(
            "button.cf-button",
            {
                type: "button",
                "aria-label": `Copy the example of ${name}`,
                onclick: () => copy(code, "Example copied"),
            },
            "Copy",
        ),
    );
}

function parameter({ parameter_name: name, python_type: { type, description }, ...given }) {
    const value = given.parameter_default === null ? "None" : JSON.stringify(given.parameter_default);
    const standard = given.parameter_has_default ? ` = ${value}` : "";
    return [
        h("dt", {}, h("code", {}, h("b", {}, name), `: ${type}${standard}`)),
        h("dd", {}, description),
    ];
}
