// @ts-check
// The form of a new comparison: which methods, what to forget, how many seeds, which settings.

import { get, post } from "../lib/api.js";
import { debounce, duration, h, iconButton, toast } from "../lib/dom.js";
import { selectionChips } from "../lib/selections.js";
import { moreOptions } from "./more.js";

const SUBJECTS = 3; // models that an audit measures of each run: the original, at the chosen alpha, at 0

const PRESETS = [
    ["default", "Defaults", "each method as it stands"],
    ["paper", "Paper", "what its authors used"],
    ["tuned", "Tuned", "found by the same number of trials each"],
];

/** The form; it asks the server for what can be chosen, and opens the comparison that it starts. */
export function compareForm(app) {
    const node = h(
        "form.cf-compare-form",
        {
            "aria-label": "New comparison",
            onsubmit: (event) => {
                event.preventDefault();
                start();
            },
        },
        h("p.cf-wait", {}, "Loading what can be chosen…"),
    );
    const plan = {
        methods: new Set(),
        audits: new Set(),
        preset: "default",
        data: "",
        targets: [],
        seeds: 0,
        goal: "",
    };
    const seconds = new Map(); // measured or guessed seconds of one run, by method, model, data and target
    let setup = null;
    let names = [];
    let first = [];
    let parts = {};
    let asked = 0;

    async function fill() {
        try {
            setup = await get("setup");
            // Every table has a row for doing nothing anyway.
            setup.methods = setup.methods.filter((method) => method.name !== "do_nothing");
        } catch (error) {
            node.replaceChildren(h("p.cf-wait", {}, error.message));
            return;
        }
        plan.methods = new Set(setup.first_methods);
        plan.seeds = setup.options.seeds.default;
        [plan.goal] = Object.keys(setup.goals);
        parts = {
            experiment: h(
                "select",
                { id: "cf-compare-experiment", onchange: drawExperiment },
                h("option", { value: "" }, "none: choose methods and targets below"),
                setup.experiments.map(({ name, title }) => h("option", { value: name }, `${name}: ${title}`)),
            ),
            experimentNote: h("p.cf-help", { hidden: true }),
            chosen: h("div.cf-compare-chosen"),
            model: field(
                "Model",
                "cf-compare-model",
                setup.models.map((model) => model.name),
                setup.public,
            ),
            data: field(
                "Images",
                "cf-compare-data",
                [...setup.data.map((data) => data.name), ...setup.recent.data],
                setup.public,
            ),
            selections: setup.public ? { node: "", picked: () => [] } : selectionChips(() => read()),
            more: moreOptions(setup, () => read()),
            methods: h("div.cf-checks"),
            counted: h("span.cf-help"),
            goalNote: h("p.cf-help"),
            chips: h("div.cf-targets"),
            target: null,
            device: h(
                "select",
                { id: "cf-compare-device" },
                setup.devices.map((name) => h("option", {}, name)),
            ),
            tolerance: numberInput("cf-compare-tolerance", setup.options.tolerance, "any"),
            gallery: numberInput("cf-compare-gallery", setup.options.gallery, "1"),
            title: h("input", {
                type: "text",
                id: "cf-compare-title",
                maxLength: 120,
                placeholder: "made from the choices",
            }),
            estimate: h("p.cf-compare-estimate", { role: "status" }),
            error: h("p.cf-message", { hidden: true, role: "alert" }),
        };
        parts.target = h("input", {
            id: "cf-compare-target",
            list: "cf-compare-targets",
            autocomplete: "off",
            placeholder: "another target",
            onkeydown: (event) => {
                if (event.key === "Enter") {
                    event.preventDefault();
                    add();
                }
            },
        });
        node.replaceChildren(...layout());
        parts.data.input.addEventListener("change", read);
        parts.model.input.addEventListener("change", drawMethods);
        drawMethods();
        await read();
    }

    function layout() {
        const all = (on) => () => {
            plan.methods = new Set(on ? setup.methods.map((method) => method.name) : []);
            drawMethods();
        };
        const text = (words, on) => h("button.cf-text", { type: "button", onclick: all(on) }, words);
        parts.titled = labelled("Title", parts.title);
        parts.sized = labelled("Gallery", parts.gallery, setup.options.gallery.help);
        parts.chosen.append(
            h("div.cf-two-columns", {}, parts.model.node, parts.data.node),
            parts.selections.node,
            h(
                "fieldset",
                {},
                h("legend", {}, "Methods"),
                h("div.cf-check-tools", {}, parts.counted, text("All", true), text("None", false)),
                parts.methods,
            ),
            h(
                "fieldset",
                {},
                h("legend", {}, "Forget"),
                h("p.cf-help", {}, "Each target is a column of its own; join with + what one run forgets together."),
                parts.chips,
                h("div.cf-add", {}, parts.target, h("button.cf-button", { type: "button", onclick: add }, "Add")),
                h("datalist", { id: "cf-compare-targets" }),
            ),
            h(
                "fieldset",
                {},
                h("legend", {}, "Goal"),
                choice(
                    "goal",
                    Object.entries(setup.goals).map(([name, about]) => [name, named(name), about]),
                    drawGoal,
                ),
                parts.goalNote,
            ),
            h(
                "fieldset",
                {},
                h("legend", {}, "Audits of every run"),
                h(
                    "p.cf-help",
                    {},
                    "Is it gone, or only hidden? None are done unless you choose some; each takes time.",
                ),
                h("div.cf-checks", {}, setup.audits.map(auditBox)),
            ),
        );
        parts.chosen.append(parts.more.node);
        drawGoal();
        return [
            h("h3", {}, "New comparison"),
            labelled("From the paper", parts.experiment),
            parts.experimentNote,
            parts.chosen,
            h(
                "div.cf-two-columns",
                {},
                h("fieldset", {}, h("legend", {}, "Settings"), choice("preset", PRESETS, drawMethods)),
                h(
                    "fieldset",
                    {},
                    h("legend", {}, "Seeds"),
                    choice(
                        "seeds",
                        [1, 2, 3, 4, 5].map((count) => [
                            count,
                            String(count),
                            `${count} run${count > 1 ? "s" : ""} of each`,
                        ]),
                        estimate,
                    ),
                ),
            ),
            h(
                "details.cf-advanced",
                {},
                h("summary", {}, "Advanced"),
                h(
                    "div.cf-two-columns",
                    {},
                    parts.titled,
                    labelled("Device", parts.device),
                    labelled("Tolerance", parts.tolerance, setup.options.tolerance.help),
                    parts.sized,
                ),
            ),
            parts.error,
            h(
                "footer",
                {},
                parts.estimate,
                h("button.cf-button.cf-primary.cf-large", { type: "submit", id: "cf-compare-start" }, "Start"),
            ),
        ];
    }

    function drawGoal() {
        parts.goalNote.textContent = setup.goals[plan.goal];
    }

    function auditBox({ name, title, question }) {
        const box = h("input", {
            type: "checkbox",
            value: name,
            onchange: () => {
                plan.audits[box.checked ? "add" : "delete"](name);
                estimate();
            },
        });
        return h("label", { title: question }, box, h("span", {}, title));
    }

    /** A row of buttons of which one is pressed. */
    function choice(key, options, changed) {
        const box = h(
            "div.cf-switch",
            { role: "group" },
            options.map(([value, words, title]) =>
                h(
                    "button",
                    {
                        type: "button",
                        title,
                        "data-value": value,
                        onclick: () => {
                            plan[key] = value;
                            draw();
                            changed();
                        },
                    },
                    words,
                ),
            ),
        );
        const draw = () => {
            for (const button of box.children)
                button.setAttribute("aria-pressed", String(button.dataset.value === String(plan[key])));
        };
        draw();
        return box;
    }

    const experiment = () => setup.experiments.find(({ name }) => name === parts.experiment.value);

    /** An experiment of the paper brings its own methods and targets, so there is nothing to choose of these. */
    function drawExperiment() {
        const { note } = experiment() || {};
        parts.experimentNote.hidden = !note;
        parts.experimentNote.textContent = note ? `On the embedded drawings: ${note}` : "";
        for (const part of [parts.chosen, parts.titled, parts.sized]) part.hidden = Boolean(note);
        show("");
        estimate();
    }

    function drawMethods() {
        parts.methods.replaceChildren(
            ...setup.methods.map((method) => {
                // The presets in the setup are those of its first model.
                const known = parts.model.input.value.trim() === setup.models[0]?.name;
                const lacks =
                    known &&
                    plan.preset !== "default" &&
                    !(method.presets || []).some((preset) => preset.name === plan.preset);
                const box = h("input", {
                    type: "checkbox",
                    value: method.name,
                    checked: plan.methods.has(method.name),
                    onchange: () => {
                        plan.methods[box.checked ? "add" : "delete"](method.name);
                        estimate();
                    },
                });
                return h(
                    "label",
                    { title: method.summary },
                    box,
                    h("span", {}, method.title, lacks ? h("small", {}, " defaults") : null),
                );
            }),
        );
        estimate();
    }

    /** The data set's names: what can be typed as a target, and one target to begin with. */
    async function read() {
        const wanted = parts.data.input.value.trim();
        const chosen = parts.selections.picked().map((name) => ["selection", name]);
        const query = new URLSearchParams([["name", wanted], ...chosen, ...Object.entries(parts.more.images())]);
        try {
            const data = await get(`setup/data?${query}`);
            if (parts.data.input.value.trim() !== wanted) return;
            names = data.targets;
            first = data.first_target;
            plan.data = wanted;
            show("");
        } catch (error) {
            names = [];
            show(error.message);
        }
        document
            .getElementById("cf-compare-targets")
            ?.replaceChildren(...names.map((name) => h("option", { value: name })));
        plan.targets = plan.targets.filter((target) => target.every((entry) => names.includes(entry)));
        if (!plan.targets.length && names.length) plan.targets = [first];
        drawTargets();
    }

    function drawTargets() {
        parts.chips.replaceChildren(
            ...plan.targets.map((target, i) =>
                h(
                    "span.cf-target",
                    {},
                    h("span", {}, target.join(" + ")),
                    iconButton(
                        "close",
                        `Take off ${target.join(" + ")}`,
                        () => {
                            plan.targets.splice(i, 1);
                            drawTargets();
                        },
                        "button.cf-remove",
                    ),
                ),
            ),
        );
        estimate();
    }

    function add() {
        const target = parts.target.value
            .split(" + ")
            .map((part) => part.trim())
            .filter(Boolean);
        const unknown = target.find((entry) => !names.includes(entry));
        if (unknown) return show(`There is no target '${unknown}' in these images; choose one from the list.`);
        if (target.length && !plan.targets.some((entry) => String(entry) === String(target))) plan.targets.push(target);
        parts.target.value = "";
        show("");
        drawTargets();
    }

    function show(message) {
        parts.error.hidden = !message;
        parts.error.textContent = message;
    }

    const shared = () => ({
        model: parts.model.input.value.trim(),
        data: parts.data.input.value.trim(),
        selections: parts.selections.picked(),
        device: parts.device.value,
        tolerance: Number(parts.tolerance.value),
        gallery: Number(parts.gallery.value),
    });

    /** How many runs, and how long they take together: one question for each method, asked once. */
    const estimate = debounce(async () => {
        asked += 1; // whatever is still being asked for is of older choices
        if (experiment()) {
            const { rows, targets } = experiment();
            parts.estimate.replaceChildren(...runCount(rows.length, targets.length, plan.seeds));
            return;
        }
        const methods = [...plan.methods];
        const targets = parts.more.count() || plan.targets.length;
        const runs = methods.length * targets * plan.seeds;
        parts.counted.textContent = `${methods.length} of ${setup.methods.length}`;
        parts.estimate.replaceChildren(...runCount(methods.length, targets, plan.seeds));
        // without a target there is nothing to ask for; and these may still be those of other images
        if (!runs || !plan.targets.length || plan.data !== parts.data.input.value.trim()) return;
        const mine = asked;
        const [forget] = plan.targets;
        const { model, data, device, selections } = shared();
        const { choice, ...more } = parts.more.fields();
        const key = (method) => [method, model, data, device, forget, selections, JSON.stringify(more)].join("|");
        try {
            for (const method of methods) {
                if (!node.isConnected || mine !== asked) return;
                if (seconds.has(key(method))) continue;
                const config = { model, data, selections, device, method, forget, ...more };
                seconds.set(key(method), (await post("estimate", config)).seconds);
            }
        } catch {
            return; // what is wrong is said at the start
        }
        const each = methods.map((method) => seconds.get(key(method)));
        if (each.includes(null)) {
            if (mine === asked) parts.estimate.append(", time unknown: measure the model in the set-up first");
            return;
        }
        const total = each.reduce((sum, one) => sum + one, 0) * targets * plan.seeds;
        const audits = setup.audits.filter(({ name }) => plan.audits.has(name)).map((audit) => audit.seconds);
        const audited = SUBJECTS * audits.reduce((sum, each) => sum + each, 0) * runs;
        if (mine === asked) parts.estimate.append(`, about ${duration(total + audited)}`);
    }, 250);

    async function start() {
        const { methods, preset, targets, seeds } = plan;
        try {
            if (experiment()) {
                const { device, tolerance } = shared();
                const body = { experiment: experiment().name, preset, seeds: range(seeds), device, tolerance };
                return app.openCompare((await post("comparisons", body)).id);
            }
            const title = parts.title.value.trim();
            const body = {
                ...shared(),
                ...parts.more.fields(),
                methods: setup.methods.map((method) => method.name).filter((name) => methods.has(name)),
                preset,
                targets: parts.more.count() ? [] : targets,
                seeds: range(seeds),
                goal: plan.goal,
                audits: [...plan.audits],
                ...(title ? { title } : {}),
            };
            app.openCompare((await post("comparisons", body)).id);
        } catch (error) {
            show(error.message);
            if (error.status === 0) toast(error.message);
        }
    }

    fill();
    return node;
}

/** "6 runs = 3 methods × 2 targets × 1 seed", the number of runs in bold. */
function runCount(methods, targets, seeds) {
    const words = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;
    const factors = [words(methods, "method"), words(targets, "target"), words(seeds, "seed")];
    return [h("strong", {}, words(methods * targets * seeds, "run")), ` = ${factors.join(" × ")}`];
}

const named = (goal) => goal[0].toUpperCase() + goal.slice(1).replaceAll("-", " ");

const range = (count) => Array.from({ length: count }, (_, i) => i);

const numberInput = (id, { default: value, low, high }, step) =>
    h("input", { type: "number", id, value, min: low, max: high, step });

function field(title, id, options, listed = false) {
    if (listed) {
        const input = h(
            "select",
            { id },
            options.map((name) => h("option", {}, name)),
        );
        return { input, node: labelled(title, input) };
    }
    const input = h("input", {
        id,
        list: `${id}-list`,
        autocomplete: "off",
        spellcheck: false,
        value: options[0] ?? "",
    });
    return {
        input,
        node: h(
            "div",
            {},
            labelled(title, input),
            h(
                "datalist",
                { id: `${id}-list` },
                options.map((name) => h("option", { value: name })),
            ),
        ),
    };
}

const labelled = (title, input, help = "") =>
    h("label.cf-labelled", {}, h("span", {}, title), help ? h("small", {}, help) : null, input);
