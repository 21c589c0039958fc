// @ts-check
// Building blocks of the page. Text only ever enters through textContent, so a hostile name stays a name.

const SVG = "http://www.w3.org/2000/svg";

/** h("button.cf-icon", {title, onclick, "aria-label": ...}, ...children): strings become text nodes. */
export function h(spec, props = {}, ...children) {
    const [tag, ...classes] = spec.split(".");
    const node = document.createElement(tag || "div");
    if (classes.length) node.className = classes.join(" ");
    set(node, props);
    node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
    return node;
}

/** Set properties: on* are listeners, data-* and aria-* attributes, the rest properties or attributes. */
export function set(node, props) {
    for (const [name, value] of Object.entries(props)) {
        if (value === null || value === undefined) continue;
        if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
        else if (name in node && !name.includes("-") && name !== "list") node[name] = value;
        else node.setAttribute(name, value);
    }
    return node;
}

/** Write text that changes in every frame of a drag: its one text node stays, and nothing is laid out for the same. */
export function write(node, text) {
    const words = node.firstChild;
    if (!words) node.append(text);
    else if (words.nodeValue !== text) words.nodeValue = text;
}

/** Call `update` at each alpha while `node` is on the screen; else once alpha rests, as nobody sees the way there. */
export function onAlpha(app, node, update) {
    let seen = true;
    const rest = debounce(() => app.view && update(app.index), 100); // the run may have been left meanwhile
    const eye = new IntersectionObserver((entries) => {
        seen = entries.at(-1).isIntersecting;
    });
    eye.observe(node);
    app.bus.on("open", () => {
        seen = true; // what is drawn anew has its first figures at once
        eye.unobserve(node);
        eye.observe(node);
    });
    app.bus.on("alpha", (index) => (seen ? update(index) : rest()));
}

/** svg("path", {d: ...}): the same for SVG. */
export function svg(tag, attributes = {}, ...children) {
    const node = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children);
    return node;
}

const ICONS = {
    link: "M9 15l6-6M8 12l-2 2a4 4 0 0 0 6 6l2-2M16 12l2-2a4 4 0 0 0-6-6l-2 2",
    download: "M12 4v11m0 0l-4-4m4 4l4-4M5 19h14",
    moon: "M20 14.5A8 8 0 0 1 9.5 4 8 8 0 1 0 20 14.5z",
    sun:
        "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2m0 16v2M2 12h2m16 0h2" +
        "M5 5l1.4 1.4m11.2 11.2L19 19M5 19l1.4-1.4M17.6 6.4L19 5",
    help: "M9 9a3 3 0 1 1 4.2 2.7c-.8.4-1.2 1-1.2 1.8v.5M12 17.5v.1",
    panel: "M4 5h16v14H4zM9.5 5v14",
    search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5L20 20",
    image: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.5 9.5v.1",
    play: "M8 5.5v13l10-6.5z",
    pause: "M8 5v14M16 5v14",
    reset: "M5 12a7 7 0 1 0 2.3-5.2M5 4v4h4",
    star: "M12 4l2.5 5.2 5.7.8-4.1 4 1 5.6-5.1-2.7-5.1 2.7 1-5.6-4.1-4 5.7-.8z",
    trash: "M5 7h14M10 7V5h4v2M7 7l1 12h8l1-12",
    edit: "M4 20h4L19.5 8.5l-4-4L4 16zM13 7l4 4",
    close: "M6 6l12 12M18 6L6 18",
    left: "M14.5 5L8 12l6.5 7",
    right: "M9.5 5L16 12l-6.5 7",
    list: "M9 6h11M9 12h11M9 18h11M4.5 6v.1M4.5 12v.1M4.5 18v.1",
    table: "M4 5h16v14H4zM4 10h16M10 5v14",
    swap: "M7 8h12l-3-3M17 16H5l3 3",
    check: "M5 12.5l4.5 4.5L19 7.5",
    copy: "M9 9h10v11H9zM6 15H5V4h10v2",
    alert: "M12 4L2.5 20h19zM12 10v4.5M12 17v.1",
    stop: "M7 7h10v10H7z",
    clock: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 8v4.5l3 2",
    eye: "M2.5 12C6 5.5 18 5.5 21.5 12 18 18.5 6 18.5 2.5 12zM12 9.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z",
    screen: "M3 4h18M4 4v11h16V4M12 15v3m-4 3l4-3 4 3",
    target: "M12 5a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM12 2v5m0 10v5M2 12h5m10 0h5",
};

/** 1st, 2nd, 3rd, 4th, 11th ... */
export function ordinal(number) {
    const teens = [11, 12, 13].includes(number % 100);
    return `${number}${(!teens && ["", "st", "nd", "rd"][number % 10]) || "th"}`;
}

/** A line icon, 24 x 24 units, in the text's colour. */
export function icon(name) {
    const path = svg("path", {
        d: ICONS[name],
        fill: "none",
        stroke: "currentColor",
        "stroke-width": "1.8",
        "stroke-linecap": "round",
        "stroke-linejoin": "round",
    });
    return svg("svg", { viewBox: "0 0 24 24", class: "cf-icon", "aria-hidden": "true" }, path);
}

/** An icon button with a name for everyone: a tooltip and an accessible label. */
export function iconButton(name, label, onclick, spec = "button.cf-button.cf-quiet") {
    return h(spec, { type: "button", title: label, "aria-label": label, onclick }, icon(name));
}

/**
 * A share as per cent with one digit: 0.042 -> "4.2". A tie goes to the even digit, as on the command line:
 * 6.25 -> "6.2".
 */
export function percent(share) {
    const value = 100 * share;
    // toFixed takes the larger digit; .75 has the even one there.
    return (value % 1 === 0.25 ? value - 0.05 : value).toFixed(1);
}

/** A signed difference in points: -0.921 -> "−92.1". */
export function points(difference) {
    const text = Math.abs(100 * difference).toFixed(1);
    if (text === "0.0") return "±0.0";
    return (difference < 0 ? "−" : "+") + text;
}

/** Seconds in words a person uses: 75 -> "1:15". */
export function clock(seconds) {
    const whole = Math.max(0, Math.round(seconds));
    return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** A time in words: 14 s, 2 min 5 s, 22 min, 1 h 12 min. */
export function duration(seconds) {
    const whole = Math.max(0, Math.round(seconds));
    const minutes = Math.floor(whole / 60);
    if (whole < 90) return `${whole} s`;
    if (minutes < 10) return `${minutes} min${whole % 60 ? ` ${whole % 60} s` : ""}`;
    return whole < 5400 ? `${Math.round(whole / 60)} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A prompt as it is read: "a photo of an airplane", whatever the template makes of the name. */
export const withArticle = (text) => text.replace(/\ba (?=[aeiou])(?!uni|use|eur|one\b)/gi, (a) => `${a[0]}n `);

/** Call `work` once, `wait` ms after the last call. */
export function debounce(work, wait) {
    let timer = 0;
    return (...values) => {
        clearTimeout(timer);
        timer = setTimeout(() => work(...values), wait);
    };
}

let away = () => {}; // takes the toast that is shown off the page

/**
 * A short message that goes away by itself, one at a time; read out by screen readers. With a `label` it has a button
 * that does `act` instead of what happens when the message is `gone`, be it by time, the next one or another page.
 */
export function toast(text, { label = "", act = () => {}, gone = () => {} } = {}) {
    away();
    let box = document.getElementById("cf-toasts");
    box ??= h("div", { id: "cf-toasts", role: "status", "aria-live": "polite" });
    // A dialog covers everything outside it.
    (document.querySelector("dialog[open]") ?? document.body).append(box);
    const leave = (then) => {
        away = () => {};
        clearTimeout(timer);
        note.remove();
        then();
    };
    const note = h(
        "div.cf-toast",
        {},
        h("span", {}, text),
        label ? h("button.cf-toast-act", { type: "button", onclick: () => leave(act) }, label) : null,
        label ? iconButton("close", "Dismiss", () => away(), "button.cf-toast-act") : null,
    );
    away = () => leave(gone);
    const reading = Math.max(label ? 9000 : 3200, 90 * text.length); // as long as it takes to read
    const timer = setTimeout(() => away(), reading);
    box.replaceChildren(note);
}
window.addEventListener("pagehide", () => away());

/** Copy text and say so. */
export async function copy(text, message) {
    try {
        await navigator.clipboard.writeText(text);
    } catch {
        // Without a secure context there is no clipboard: fall back to a selection.
        const area = h("textarea", { value: text, "aria-label": "Copied text" });
        document.body.append(area);
        area.select();
        document.execCommand("copy");
        area.remove();
    }
    toast(message);
}

/**
 * Resolves once every selector finds an element: Gradio puts its components into the page in no fixed order.
 * @returns {Promise<void>}
 */
export function present(...selectors) {
    return new Promise((resolve) => {
        const look = () =>
            selectors.every((selector) => document.querySelector(selector)) ? resolve() : setTimeout(look, 20);
        look();
    });
}
