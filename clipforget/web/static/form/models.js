// @ts-check
// The model of a run: type to search all that can be named, see what each is; the chosen one is measured by itself.

import { ApiError, get, post } from "../lib/api.js";
import { debounce, h } from "../lib/dom.js";

const POLL = 600; // ms between two questions about a measurement at work
const PATH = /^[/.~]|:/; // what is no search: a path, a name of a hub or of a run's result
const GROUPS = { run: "Your runs", open_clip: "Published models" }; // by kind, where there are runs

/** Gradio mounts this on a component with the props value (a name), device, and public (only what is listed). */
export function mount(element, { props, trigger, watch }) {
    const list = h("ul.cf-model-list", {
        id: "cf-model-list",
        role: "listbox",
        "aria-label": "Models",
        hidden: true,
        tabIndex: -1, // no stop of its own, however long it is
    });
    const input = h("input", {
        id: "cf-model-input",
        type: "text",
        role: "combobox",
        autocomplete: "off",
        spellcheck: false,
        placeholder: "Search: vit b 32 openai",
        "aria-expanded": "false",
        "aria-controls": list.id,
        "aria-autocomplete": "list",
        onfocus: () => {
            input.select();
            look("");
        },
        oninput: () => search(),
        onkeydown: keys,
        onblur: leave,
    });
    const label = h("label", { htmlFor: input.id }, "CLIP model");
    const line = props.public ? "" : h("small", {}, "A name from the list, or a folder's path");
    const count = h("p.cf-model-count.cf-help", { role: "status", hidden: true });
    const facts = h("div.cf-help.cf-model-facts", { role: "status" });
    const measuring = h("div.cf-model-measure");
    const told = h("p.cf-help", { role: "status" });
    const button = h("button.cf-button", { type: "button" });
    const popup = h("div.cf-model-popup", { hidden: true }, list, count);
    const box = h("div.cf-model-box", {}, input, popup);
    const container = h("div.cf-field", {}, label, box, line, facts, measuring);
    let rows = [];
    let active = -1;
    let asked = 0;
    let described = "";
    let entered = ""; // what Enter looks up, which no search may overtake
    const tried = new Set(); // what was measured without being asked to
    let timer = 0;

    const value = () => props.value || "";
    const search = debounce(() => ![value(), entered].includes(input.value) && look(input.value), 120);

    /** Ask for the models that a text fits, and show them; the newest question counts. */
    async function look(text) {
        const mine = ++asked;
        const path = PATH.test(text);
        const found = await get(`models?q=${encodeURIComponent(path ? "" : text)}`).catch(unanswered);
        if (!found || mine !== asked || document.activeElement !== input) return;
        rows = path ? [] : found.models;
        show(text.trim() ? 0 : -1, !text.trim());
        count.hidden = false;
        count.textContent = path
            ? "Enter takes this as it is."
            : !rows.length
              ? "No model fits. Try fewer words, such as vit or convnext."
              : rows.length < found.total
                ? `${rows.length} of ${found.total} models; type to narrow.`
                : "";
    }

    const options = () => [...list.querySelectorAll(".cf-model-row")];

    function show(first, grouped) {
        list.replaceChildren(...rows.map(option));
        for (const [kind, title] of Object.entries(grouped && rows.some((row) => row.kind === "run") ? GROUPS : {})) {
            const first = rows.findIndex((row) => row.kind === kind);
            if (first >= 0) options()[first].before(h("li.cf-model-group", { role: "presentation" }, title));
        }
        list.hidden = !rows.length;
        popup.hidden = false;
        input.setAttribute("aria-expanded", "true");
        mark(rows.length ? first : -1);
    }

    function close() {
        asked += 1;
        popup.hidden = true;
        input.setAttribute("aria-expanded", "false");
        mark(-1);
    }

    function mark(index) {
        active = index;
        options().forEach((node, i) => node.setAttribute("aria-selected", String(i === active)));
        if (active < 0) return input.removeAttribute("aria-activedescendant");
        input.setAttribute("aria-activedescendant", options()[active].id);
        options()[active].scrollIntoView({ block: "nearest" });
    }

    function option(model, index) {
        return h(
            "li.cf-model-row",
            {
                id: `cf-model-${index}`,
                role: "option",
                "aria-selected": "false",
                "data-name": model.name,
                onmousedown: (event) => event.preventDefault(), // the text keeps the focus
                onclick: () => pick(model),
            },
            h("span.cf-model-name", {}, model.title || model.name),
            h("span.cf-model-where", { "data-disk": model.on_disk ? "yes" : null }, where(model)),
            h("span.cf-model-about", {}, [...(model.title ? [model.name] : []), ...about(model)].join(" · ")),
        );
    }

    const wrapped = (index) => (index + rows.length) % rows.length;

    function keys(event) {
        const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
        if (step && popup.hidden) look("");
        else if (step && rows.length) mark(active < 0 && step < 0 ? rows.length - 1 : wrapped(active + step));
        else if (event.key === "Escape" && !popup.hidden) restore();
        else if (event.key === "Enter" && !event.ctrlKey) {
            clearTimeout(timer);
            enter();
        } else return;
        event.preventDefault();
    }

    /** Enter: what is marked, or else the text as it is. What was typed last may not have been looked up yet. */
    async function enter() {
        const text = input.value.trim();
        if (active < 0 && text === value()) return close();
        if (PATH.test(text)) return choose(text);
        const marked = text === value() ? active : rows[active]?.name;
        if (typeof marked === "number") return pick(rows[marked]);
        entered = input.value;
        await look(text);
        entered = "";
        const again = rows.findIndex((row) => row.name === text || row.name === marked);
        if (rows.length) pick(rows[Math.max(again, 0)]);
        else choose(text);
    }

    function pick(model) {
        if (!model.name.endsWith("/")) return choose(model.name);
        input.value = model.name;
        input.focus();
        close();
        facts.replaceChildren("No weights are published: write the path of a checkpoint behind it.");
    }

    function choose(name) {
        close();
        input.value = name;
        if (!name || name === value()) return restore();
        props.value = name;
        describe();
        trigger("input");
    }

    function restore() {
        close();
        input.value = value();
        describe();
    }

    function leave() {
        const text = input.value.trim();
        if (PATH.test(text) || (text.includes("/") && !text.endsWith("/"))) choose(text);
        else restore();
    }

    /** Show what is known of the chosen model, and how its measurement stands. */
    async function describe() {
        const name = value();
        const device = props.device || "auto";
        described = JSON.stringify([name, device]);
        clearTimeout(timer);
        const query = `models/one?name=${encodeURIComponent(name)}&device=${encodeURIComponent(device)}`;
        const found = await get(query).catch(unanswered);
        if (!found || described !== JSON.stringify([name, device])) return;
        facts.classList.toggle("cf-error", Boolean(found.error));
        facts.replaceChildren(...(found.error ? [found.error] : long(found.model)));
        if (found.error) measuring.replaceChildren();
        else drawMeasuring(found.model, found.measuring);
    }

    function drawMeasuring(model, { state, note, seconds, measured }) {
        if (state === "running") {
            tell(`Measuring, ${note} (${Math.round(seconds)} s)`, "Stop", "models/measure/stop");
            timer = setTimeout(async () => {
                await describe();
                if (!button.isConnected) trigger("input"); // it is done: the estimate can tell more
            }, POLL);
        } else if (state === "done") {
            const [forward, training] = [measured.forward, measured.training].map(milliseconds);
            tell(`Measured here: ${forward} an image, ${training} to train on one.`);
        } else if (!model.on_disk) measuring.replaceChildren();
        else if (state === "failed") tell(`Measuring failed: ${note}`, "Measure", "models/measure");
        else {
            tell("Time and memory of a run are told once it is measured.", "Measure", "models/measure");
            if (!tried.has(described)) act("models/measure"); // by itself, once; what was stopped stays so
            tried.add(described);
        }
    }

    /** Say how the measurement stands and offer one thing to do; both nodes stay: no click falls between two. */
    function tell(text, action, path) {
        told.textContent = text;
        button.disabled = false;
        button.textContent = action || "";
        button.onclick = () => act(path);
        if (!told.isConnected) measuring.replaceChildren(told);
        if (!action) button.remove();
        else if (!button.isConnected) measuring.append(button);
    }

    async function act(path) {
        button.disabled = true;
        try {
            await post(path, { name: value(), device: props.device || "auto" });
            await describe();
        } catch (error) {
            if (!(error instanceof ApiError)) throw error;
            tell(error.message);
        }
    }

    function draw() {
        if (!container.isConnected) element.replaceChildren(container);
        if (document.activeElement !== input) input.value = value();
        if (described !== JSON.stringify([value(), props.device || "auto"])) describe();
    }

    watch(["value", "device"], draw);
    element.replaceChildren(container);
    draw();
}

/** What the server cannot answer now is asked again with the next key; the page says by itself that it is away. */
function unanswered(error) {
    if (!(error instanceof ApiError)) throw error;
    return null;
}

const millions = (number) => `${number < 1e7 ? (number / 1e6).toFixed(1) : Math.round(number / 1e6)} M`;
const milliseconds = (seconds) => `${Number((1000 * seconds).toPrecision(2))} ms`;
const bytes = (number) => (number < 1e9 ? `${Math.round(number / 1e6)} MB` : `${(number / 1e9).toFixed(1)} GB`);

function where({ on_disk, download, name, kind }) {
    if (kind === "run") return `alpha ${name.split("@")[1]}`;
    if (on_disk) return "on disk";
    return name.endsWith("/") ? "needs a file" : download ? `fetch ${bytes(download)}` : "fetch";
}

/** What is known of a model, the shortest words first. */
function about({ image_parameters, text_parameters, image_tower, norm, image_size, memory, licence }) {
    const texts = text_parameters ? "" : " + texts"; // whose size is not known
    return [
        image_parameters && millions(image_parameters + (text_parameters || 0)) + texts,
        image_tower,
        norm && `${norm} norm`,
        image_size && `${image_size} px`,
        memory && `${bytes(memory)} memory`,
        licence,
    ].filter(Boolean);
}

function long(model) {
    const { image_parameters, text_parameters, image_tower, text_tower, norm, image_size, memory, licence } = model;
    const towers = [
        image_tower && `Images: ${image_tower}${image_parameters ? `, ${millions(image_parameters)}` : ""}`,
        text_tower && `texts: ${text_tower}${text_parameters ? `, ${millions(text_parameters)}` : ""}`,
        image_size && `${image_size} px`,
        norm && `${norm} norm`,
        licence && `licence ${licence}`,
    ].filter(Boolean);
    const disk = model.on_disk
        ? "On this disk."
        : `To download${model.download ? `: about ${bytes(model.download)}` : ""}, by its first run.`;
    const needs = memory ? ` A run takes at least ${bytes(memory)} beside the program and its images.` : "";
    const first = [image_tower, image_size && `${image_size} px`].filter(Boolean).join(", ");
    return [
        h("span", {}, [first, disk].filter(Boolean).join(" · ")),
        h("details.cf-details", {}, h("summary", {}, "More on this model"), h("p", {}, towers.join(" · ")), needs),
    ];
}
