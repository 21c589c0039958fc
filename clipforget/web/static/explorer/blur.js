// @ts-check
// Sensitive images: blurred for a whole data set, as this browser remembers, until one is clicked to see it.

const KEY = "clipforget-blurred";
const WHERE = "#cf-explorer, dialog"; // where a click shows an image instead of doing what it does otherwise

/** Blur the images of the data sets that are marked so, wherever they stand; gives app.blurred and app.toggleBlur. */
export function blur(app) {
    const sheet = new CSSStyleSheet();
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
    const seen = new Set(); // addresses of images, without their size
    let sets = read();

    function read() {
        try {
            const names = JSON.parse(localStorage.getItem(KEY) ?? "[]");
            return new Set(names.filter((name) => /^[\w-]+$/.test(name)));
        } catch {
            return new Set(); // storage may be switched off
        }
    }
    function draw() {
        const rule = (address, look) => `img[src*="/images/${address}"] { ${look} }`;
        const rules = [
            ...[...sets].map((set) => rule(`${set}/`, "filter: blur(14px); clip-path: inset(0 round 6px);")),
            ...[...seen].map((address) => rule(`${address}?`, "filter: none;")),
        ];
        sheet.replaceSync(rules.join("\n"));
        app.bus.emit("blur");
    }
    const shown = () => app.view?.gallery.data;
    app.blurred = () => sets.has(shown());
    app.toggleBlur = () => {
        sets = read();
        if (!sets.delete(shown())) sets.add(shown());
        seen.clear();
        try {
            localStorage.setItem(KEY, JSON.stringify([...sets]));
        } catch {
            /* as above */
        }
        draw();
    };
    /** Show the image that is clicked, or whose button is pressed by a key. */
    document.addEventListener(
        "click",
        (event) => {
            const target = /** @type {Element} */ (event.target);
            if (!sets.size || !target.closest(WHERE)) return;
            const image = target.matches("img") ? target : target.closest(".cf-thumb")?.querySelector("img");
            const [, address, set] = /\/images\/(([\w-]+)\/\d+)/.exec(image?.getAttribute("src") ?? "") ?? [];
            if (!sets.has(set) || seen.has(address)) return;
            event.preventDefault();
            event.stopPropagation();
            seen.add(address);
            draw();
        },
        true,
    );
    draw();
}
