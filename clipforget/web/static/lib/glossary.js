// @ts-check
// A few words of the field, each behind a "?" that touch, mouse and keyboard reach.

import { h, icon } from "./dom.js";

const WORDS = {
    alpha:
        "Alpha is the share of the original in the weights: 1 is the original model, 0 the unlearned one, and " +
        "between them the two are averaged. The suggested alpha is chosen on images that are not test images.",
    nodes:
        "Nodes are the alphas at which every image was embedded with the averaged weights; they are marked under the " +
        "slider. Between them features are interpolated: the error is the largest measured in accuracy, and " +
        "“hits” how many of the first 24 are the same as when embedded anew.",
    siblings: "Siblings are the other subgroups of the target's own class: they look alike and should stay.",
    others: "Others are all images of other classes: they should not notice.",
    H:
        "H is the harmonic mean of what is forgotten of the target and what is kept of the rest, from 0 to 100. It " +
        "is high only where both are; doing nothing has 0.",
    Score:
        "Score is the mean of the share forgotten and the shares kept, as the paper has it, from 0 to 100. Doing " +
        "nothing scores high in it, because it keeps everything.",
    tier:
        "The tier says what a method may use: 0 names alone, 1 the target's images, 2 its siblings' too, 3 all " +
        "labelled images. Compare methods of one tier first.",
};

const box = h("div.cf-explained", { popover: "auto", tabIndex: -1, role: "dialog" });

/** A "?" that explains words of the glossary. */
export const explain = (...names) => more(`What is ${names.join(", what is ")}?`, ...names.map((name) => WORDS[name]));

/** A "?" that shows what there is to say about something. */
export function more(label, ...texts) {
    const button = h(
        "button.cf-explain",
        {
            type: "button",
            "aria-label": label,
            onclick: () => {
                box.replaceChildren(...texts.map((text) => h("p", {}, text)));
                box.setAttribute("aria-label", label);
                document.body.append(box);
                box.showPopover();
                const at = button.getBoundingClientRect();
                const left = Math.min(at.left, innerWidth - box.offsetWidth - 10);
                const below = at.bottom + 6 + box.offsetHeight < innerHeight;
                box.style.left = `${Math.max(10, left)}px`;
                box.style.top = `${below ? at.bottom + 6 : Math.max(10, at.top - 6 - box.offsetHeight)}px`;
                box.focus();
            },
        },
        icon("help"),
    );
    return button;
}
