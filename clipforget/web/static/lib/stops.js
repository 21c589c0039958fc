// @ts-check
// Many buttons as one stop of the tab key: the arrow keys walk among them as they lie, Home and End to the ends.

const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * The buttons are those of `box` that match `selector`; make them with a tabIndex of -1. `always`: keys walk from a
 * button that the mouse has left, too. Returns what to call when buttons have come or gone: it makes sure that there is
 * one stop.
 */
export function oneStop(box, selector, always = true) {
    let reached = false; // by the keyboard
    /** @type {HTMLElement | undefined} */
    let stop;
    const shown = () => [...box.querySelectorAll(selector)].filter((button) => button.checkVisibility());
    const move = (/** @type {HTMLElement} */ button) => {
        if (stop) stop.tabIndex = -1;
        stop = button;
        button.tabIndex = 0;
    };
    box.addEventListener("focusin", (event) => {
        reached = event.target.matches(":focus-visible");
        if (event.target.matches(selector)) move(event.target);
    });
    box.addEventListener("keydown", (event) => {
        const end = { Home: 0, End: -1 }[event.key];
        const way = WAYS[event.key];
        if (!(way || end !== undefined) || !event.target.matches(selector) || !(always || reached)) return;
        event.stopPropagation(); // the arrows move alpha elsewhere
        const next = way ? nearest(event.target, shown(), way) : shown().at(end);
        if (!next) return;
        event.preventDefault();
        next.focus();
    });
    return () => {
        if (stop?.isConnected && stop.checkVisibility()) return;
        const first = shown()[0] ?? box.querySelector(selector);
        if (first) move(first);
    };
}

/** The button that lies nearest on the way; along a row, in that row. */
function nearest(here, all, [right, down]) {
    const { x, y, height } = here.getBoundingClientRect();
    let [best, least] = [undefined, Infinity];
    for (const button of all) {
        const box = button.getBoundingClientRect();
        const [along, aside] = right ? [(box.x - x) * right, box.y - y] : [(box.y - y) * down, box.x - x];
        if (along < 1 || (right && Math.abs(aside) > height / 2)) continue;
        const far = along + (right ? 0 : Math.abs(aside) / 1000); // the next row first, then the nearest of it
        if (far < least) [best, least] = [button, far];
    }
    return best;
}
