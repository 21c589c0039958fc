// @ts-check
// The routes of the server. Every address is relative to the page, so a sub-path behind a proxy works.

export const url = (path) => new URL(`clipforget/${path}`, document.baseURI).href;

/** An answer that is not the wanted one: `status` 0 where the server could not be reached. */
export class ApiError extends Error {
    constructor(message, status) {
        super(message);
        this.status = status;
    }
}

const watchers = new Set();
let away = false;

/** Be told when the server goes away (true) and comes back (false). */
export const onConnectionChange = (watcher) => watchers.add(watcher);

function tell(now) {
    if (now === away) return;
    away = now;
    watchers.forEach((watcher) => watcher(now));
}

async function call(path, options = {}) {
    let answer;
    try {
        answer = await fetch(url(path), { headers: { Accept: "application/json" }, ...options });
    } catch (error) {
        if (error.name === "AbortError") throw error;
        tell(true);
        throw new ApiError("The server does not answer.", 0);
    }
    tell(false);
    const body = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new ApiError(body.error || `The server answered ${answer.status}.`, answer.status);
    return body;
}

export const get = (path, options) => call(path, options);

export const post = (path, body = {}, options = {}) =>
    call(path, {
        method: "POST",
        body: JSON.stringify(body),
        headers: { "Content-Type": "application/json" },
        ...options,
    });

/** Send a file, or a piece of one, as it is. */
export const sendBytes = (path, blob) =>
    call(path, { method: "POST", body: blob, headers: { "Content-Type": blob.type || "application/octet-stream" } });

/** Send one image; gives its token and label. */
export const upload = (file) => sendBytes("upload", file);

/** The parameters of a query: what the visitor typed, an image of the gallery, or an uploaded one. */
export function queryString(query) {
    const [key, value] =
        query.img !== null ? ["image", query.img] : query.up ? ["upload", query.up] : ["text", query.q];
    return `${key}=${encodeURIComponent(value)}`;
}

export const PAGE = 48; // hits on a page of all of them

/** The parameters of the hits that are shown. 12 and 24 share an answer. */
export function hitsString(state) {
    const count = state.k === "all" ? PAGE : Math.max(state.k, 24);
    const more = { count: count === 24 ? 0 : count, first: state.page * PAGE, role: state.role };
    const parts = Object.entries(more).filter(([, value]) => value);
    return [queryString(state), ...parts.map(([key, value]) => `${key}=${value}`)].join("&");
}

// While the server is away, ask once in two seconds until it is back.
onConnectionChange((gone) => {
    if (!gone) return;
    const timer = setInterval(() => {
        get("runs").then(
            () => clearInterval(timer),
            () => {},
        );
    }, 2000);
});
