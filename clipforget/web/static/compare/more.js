// @ts-check
// What a comparison needs now and then: a second data set, levels, targets by a rule, evaluation sets.

import { h } from "../lib/dom.js";

const KINDS = [
    ["", "those named above"],
    ["development", "development: methods may be tuned on them"],
    ["reported", "reported: never tuned on"],
];

/**
 * The folded part of the form. `images()` are the fields that change which images and names there are, `fields()` all
 * that differ from the defaults; `count()` is how many targets a rule picks, 0 where they are named.
 */
export function moreOptions(setup, changed) {
    const options = [...setup.data.map((data) => data.name), ...setup.recent.data];
    const onchange = () => changed();
    const others = setup.public
        ? h("select", { id: "cf-compare-others", onchange }, h("option", { value: "" }, "none"), options.map(named))
        : text("cf-compare-others", "a name, or the path of a folder", "cf-compare-data-list");
    const levels = text("cf-compare-levels", "as found; or superclass,style");
    const kind = h(
        "select",
        { id: "cf-compare-kind", onchange },
        KINDS.map(([value, words]) => h("option", { value }, words)),
    );
    const most = h("input", { id: "cf-compare-most", type: "number", min: 1, step: 1, value: 10, onchange });
    const sets = h("textarea", { id: "cf-compare-eval", rows: 3, spellcheck: false, onchange });
    const role = h("select", { id: "cf-compare-eval-target", onchange }, ["kept", "forgotten"].map(named));

    function text(id, placeholder, list = "") {
        const input = h("input", { id, type: "text", autocomplete: "off", spellcheck: false, placeholder, onchange });
        if (list) input.setAttribute("list", list);
        return input;
    }

    const images = () => filled({ others: others.value.trim(), levels: levels.value.trim() });
    const evaluation = () =>
        sets.value
            .split("\n")
            .map((line) => line.trim())
            .filter(Boolean);

    const trusted = [
        labelled("Levels of the folders", levels, "What they mean, from the outside in."),
        labelled("Targets", kind, "A rule picks subgroups that the model knows, at most so many:"),
        labelled("At most", most),
        labelled("Evaluation sets", sets, "One a line, food=food-101/: images that no method saw."),
        labelled("The target's images there", role),
    ];
    const node = h(
        "details.cf-advanced",
        { id: "cf-compare-more" },
        h("summary", {}, setup.public ? "More images" : "More images, targets by a rule, evaluation sets"),
        h(
            "div.cf-two-columns",
            {},
            labelled("Others", others, "A second data set, to tell the superclasses apart from."),
            setup.public ? "" : trusted,
        ),
    );
    return {
        node,
        images,
        count: () => (kind.value ? Math.max(1, Math.round(Number(most.value)) || 1) : 0),
        fields() {
            const choice = kind.value ? `${kind.value}:${this.count()}` : "";
            const found = evaluation();
            const judged = found.length ? { eval: found, eval_target: role.value } : {};
            return { ...images(), ...filled({ choice }), ...judged };
        },
    };
}

const named = (name) => h("option", { value: name }, name);
const filled = (fields) => Object.fromEntries(Object.entries(fields).filter(([, value]) => value));
const labelled = (title, input, help = "") =>
    h("label.cf-labelled", {}, h("span", {}, title), help ? h("small", {}, help) : null, input);
