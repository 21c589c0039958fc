// @ts-check
// What the visitor looks at. All of it stands in the address, so a link or a reload brings back the same view.

/** The parts of a state that belong to one run or comparison, as they are when another is opened. */
export const FRESH = {
    run: "",
    vs: "",
    compare: "",
    list: "", // "runs": all of them as a table
    soup: "", // runs parted by commas, or "new"
    alphas: "", // theirs
    of: "",
    sort: "",
    alpha: null,
    q: "",
    img: null,
    up: "",
    see: null,
    page: 0, // of all hits
    role: "", // only hits of this role
};
const DEFAULTS = { ...FRESH, view: "alpha", k: 24, present: "" };
const SIZES = ["12", "24", "48", "all"];

/** Read the address; anything malformed falls back to its default. */
export function readAddress() {
    const query = new URLSearchParams(location.search);
    const alpha = query.has("alpha") ? Number(query.get("alpha")) : NaN;
    const number = (key) => (/^\d{1,7}$/.test(query.get(key) || "") ? Number(query.get(key)) : null);
    return {
        run: query.get("run") || "",
        vs: query.get("vs") || "",
        compare: query.get("compare") || "",
        list: query.get("list") || "",
        soup: query.get("soup") || "",
        alphas: query.get("alphas") || "",
        of: query.get("of") || "",
        sort: query.get("sort") || "",
        alpha: alpha >= 0 && alpha <= 1 ? Math.round(alpha * 100) / 100 : null,
        q: query.get("q") || "",
        img: number("img"),
        up: query.get("up") || "",
        see: number("see"),
        view: query.get("view") || DEFAULTS.view,
        k: SIZES.includes(query.get("k")) ? Number(query.get("k")) || "all" : DEFAULTS.k,
        page: query.get("k") === "all" ? (number("page") ?? 0) : 0,
        role: ["forget", "siblings", "others"].includes(query.get("role")) ? query.get("role") : "",
        present: query.get("present") ? "1" : "",
    };
}

/** The address of a state; values at their default are left out, other people's parameters stay. */
export function addressOf(state) {
    const query = new URLSearchParams(location.search);
    for (const [key, standard] of Object.entries(DEFAULTS)) {
        const value = state[key];
        if (value === standard || value === null || value === "") query.delete(key);
        else query.set(key, key === "alpha" ? value.toFixed(2) : String(value));
    }
    const text = query.toString();
    return location.pathname + (text ? `?${text}` : "") + location.hash;
}

/** Put a state into the address: as a new step of the history, or in place of the present one. */
export function writeAddress(state, push) {
    const address = addressOf(state);
    if (address === location.pathname + location.search + location.hash) return;
    history[push ? "pushState" : "replaceState"](history.state, "", address);
}

/** What a selection is called; one of an earlier run is named by its file, NAME-HASH.json. */
export const selectionName = (text) =>
    text.endsWith(".json") ? text.split("/").at(-1).replace(/(-[0-9a-f]{16})?\.json$/, "") : text;

/** A tiny event bus: on(name, listener), which gives a function that takes it off again; emit(name, ...values). */
export function bus() {
    const listeners = new Map();
    return {
        on(name, listener) {
            if (!listeners.has(name)) listeners.set(name, []);
            listeners.get(name).push(listener);
            return () =>
                listeners.set(
                    name,
                    listeners.get(name).filter((other) => other !== listener),
                );
        },
        emit(name, ...values) {
            (listeners.get(name) || []).forEach((listener) => listener(...values));
        },
    };
}
