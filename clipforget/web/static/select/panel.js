// @ts-check
// Name what is chosen: a name, the class it belongs to, which images of that class are to stay; and save it.

import { post } from "../lib/api.js";
import { debounce, h, toast } from "../lib/dom.js";

const WAIT = 500; // milliseconds without a change until captions and siblings are proposed
const count = (number) => number.toLocaleString("en");

/** `ready` tells whether the images have been looked at; `saved` gets {name} of what was saved. */
export function namePanel({ path, choice, ready, saved, look }) {
    const name = h("input", {
        type: "text",
        id: "cf-selection-name",
        maxLength: 80,
        autocomplete: "off",
        oninput: () => {
            tell("");
            draw();
        },
    });
    const caption = h("input", {
        type: "text",
        id: "cf-selection-caption",
        maxLength: 80,
        autocomplete: "off",
        oninput: () => {
            typed = true;
            ask();
            draw();
        },
    });
    const offered = h("div.cf-chips", { role: "group", "aria-label": "Proposed classes" });
    const siblings = h("button.cf-text", { type: "button", onclick: () => look("siblings") });
    const copies = h("p.cf-help");
    const problem = h("p.cf-message", { role: "alert", hidden: true });
    const chosen = h("p.cf-chosen-count", { role: "status" });
    const save = h("button.cf-button.cf-primary", { type: "submit" }, "Save and use");
    const instead = h("button.cf-text", { type: "button", hidden: true, onclick: () => keep(true) }, "Replace it");
    let typed = false; // the caption is the visitor's own
    let opened = ""; // the selection that was opened, which is replaced
    let asked = 0;

    const field = (id, label, input, help) =>
        h("div.cf-name-field", {}, h("label", { htmlFor: id }, label), input, help);
    const node = h(
        "form.cf-name-panel",
        {
            onsubmit: (event) => {
                event.preventDefault();
                keep();
            },
        },
        chosen,
        field(name.id, "Name", name, h("p.cf-help", {}, "What is on them, e.g. red cars")),
        field(caption.id, "Class", caption, h("p.cf-help", {}, "What they are a kind of, e.g. car")),
        offered,
        h("p.cf-help", {}, siblings, " Images of the class that are to stay."),
        copies,
        problem,
        instead,
        save,
    );

    const ask = debounce(async () => {
        if (!choice.chosen.size || !ready()) return;
        const mine = ++asked;
        try {
            const body = { images: [...choice.chosen], caption: typed ? caption.value.trim() : "" };
            const proposal = await post(path("choosing/propose"), body);
            if (mine !== asked) return;
            if (!typed) caption.value = proposal.caption;
            offered.replaceChildren(
                ...proposal.captions.map((word) =>
                    h(
                        "button.cf-chip",
                        {
                            type: "button",
                            onclick: () => {
                                typed = true;
                                caption.value = word;
                                ask();
                                draw();
                            },
                        },
                        word,
                    ),
                ),
            );
            choice.propose(proposal);
            draw();
        } catch (error) {
            if (mine === asked) tell(error.message);
        }
    }, WAIT);

    async function keep(replace = opened !== "" && opened === name.value.trim()) {
        const body = {
            name: name.value,
            caption: caption.value,
            images: [...choice.chosen],
            siblings: [...choice.siblings],
            how: { ...choice.how, ...Object.fromEntries(Object.entries(choice.count).filter(([, number]) => number)) },
            replace,
        };
        save.disabled = true;
        try {
            const kept = await post(path("selections"), body);
            const more = kept.copies ? ` ${count(kept.copies)} near-duplicates were chosen too.` : "";
            toast(`Saved “${kept.name}”: ${count(kept.images)} images.${more}`);
            saved(kept.name);
        } catch (error) {
            tell(error.message);
            instead.hidden = !error.message.includes("already");
        } finally {
            draw();
        }
    }

    function tell(message) {
        problem.textContent = message;
        problem.hidden = !message;
        instead.hidden = true;
    }
    function draw() {
        const some = `${count(choice.chosen.size)} images are chosen.`;
        chosen.textContent = choice.chosen.size ? some : "No image is chosen yet.";
        siblings.textContent = `${count(choice.siblings.size)} siblings.`;
        const near = choice.copies.length;
        copies.hidden = !near;
        const repeat = near === 1 ? "image nearly repeats" : "images nearly repeat";
        copies.textContent = `${count(near)} ${repeat} a chosen one, and will be chosen too.`;
        for (const chip of offered.children)
            chip.setAttribute("aria-pressed", String(chip.textContent === caption.value.trim()));
        save.disabled = !(choice.chosen.size && name.value.trim() && caption.value.trim());
    }
    choice.on("chosen", () => {
        tell("");
        ask();
        draw();
    });
    choice.on("siblings", draw);
    draw();
    return {
        node,
        ask,
        /** Show a selection that was opened. */
        open(selection) {
            opened = name.value = selection.name;
            caption.value = selection.caption;
            typed = true;
            draw();
        },
    };
}
