// @ts-check
// One field of the form: its name, a line of help with more behind it, a box by its kind, and what is wrong with it.

import { more } from "../lib/glossary.js";
import { h } from "../lib/dom.js";

const LINE = 40; // characters of help that fit into a line

/** A line of help; what does not fit stands behind a "?". */
export const help = (name, text) =>
    text ? h("span.cf-helpline", {}, h("small", {}, text), text.length > LINE ? more(`About ${name}`, text) : "") : "";

/**
 * The field of an option (as the server describes them) with the value `now`; `changed` gets its value, or null where
 * it is left empty. What is out of bounds is handed on as well, marked, so that the server refuses it too.
 */
export function field(option, now, changed) {
    const words = option.name.replaceAll("_", " ");
    const name = option.label ?? words[0].toUpperCase() + words.slice(1);
    const id = `cf-setting-${option.name}`;
    const wrong = h("small.cf-wrong", { id: `${id}-wrong`, role: "alert" });
    const box = boxOf(option, now);
    box.id = id;
    const check = () => {
        wrong.textContent = problem(option, name, box);
        box.setAttribute("aria-invalid", String(Boolean(wrong.textContent)));
        if (wrong.textContent) box.setAttribute("aria-describedby", wrong.id);
        else box.removeAttribute("aria-describedby");
    };
    box.addEventListener("input", check);
    box.addEventListener("change", () => {
        check();
        changed(valueOf(option, box));
    });
    check();
    const label = h("label", { htmlFor: id }, name);
    const text = help(name, [option.help, limits(option) && `(${limits(option)})`].filter(Boolean).join(" "));
    const spec = { bool: ".cf-check", int: ".cf-short", float: ".cf-short" }[option.kind] ?? "";
    return h(`div.cf-field${option.choices.length ? "" : spec}`, {}, label, box, text, wrong);
}

function boxOf({ kind, choices, default: standard }, now) {
    if (kind === "bool") return h("input", { type: "checkbox", checked: Boolean(now) });
    if (choices.length) {
        const known = choices.includes(now) ? choices : [...choices, now];
        return h(
            "select",
            {},
            known.map((value) => h("option", { value, selected: value === now }, value)),
        );
    }
    if (kind === "tuple") return h("textarea", { rows: 2, value: now.join("\n"), placeholder: "NAME=PATH" });
    const numeric = kind !== "str";
    return h("input", {
        type: numeric ? "number" : "text",
        step: kind === "int" ? 1 : "any",
        value: now,
        placeholder: String(standard),
    });
}

function valueOf({ kind }, box) {
    if (kind === "bool") return box.checked;
    if (kind === "tuple")
        return box.value
            .split("\n")
            .map((line) => line.trim())
            .filter(Boolean);
    if (kind === "str") return box.value;
    return box.value === "" || !Number.isFinite(Number(box.value)) ? null : Number(box.value);
}

/** What is wrong with what a number's box holds, in a sentence; empty where nothing is. */
function problem(option, name, box) {
    if (!["int", "float"].includes(option.kind) || option.choices.length) return "";
    const value = Number(box.value);
    const isOut = value < (option.low ?? -Infinity) || value > (option.high ?? Infinity);
    const isWhole = option.kind !== "int" || Number.isInteger(value);
    const fits = !box.validity.badInput && (box.value === "" || (isWhole && !isOut));
    const noun = option.kind === "int" ? "a whole number" : "a number";
    return fits ? "" : `${name} takes ${[noun, limits(option)].filter(Boolean).join(" ")}.`;
}

function limits({ low, high }) {
    if (low !== null && high !== null) return `from ${low} to ${high}`;
    if (low !== null) return `at least ${low}`;
    return high !== null ? `at most ${high}` : "";
}
