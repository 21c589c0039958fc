// @ts-check
// Send pictures, or one archive of them: picked, or dropped on the page; piece by piece, with progress and a way out.

import { post, sendBytes } from "../lib/api.js";
import { clock, h, icon, toast } from "../lib/dom.js";

const SHOWN = 3; // files named that were left out
const AT_ONCE = 4; // requests; a browser has six
const LARGEST = 8 * 2 ** 30; // bytes

/** `done` gets the path of the data set that the pictures are. Gives its button, its progress, and listen(where). */
export function sender(done) {
    const input = h("input", {
        type: "file",
        multiple: true,
        hidden: true,
        accept: "image/*,.zip,.tar,.gz,.tgz,.bz2,.xz,.zst",
        "aria-label": "Pictures to send",
        onchange: () => send([...input.files].map((file) => [file.webkitRelativePath || file.name, file])),
    });
    const button = h(
        "button.cf-button",
        { type: "button", title: "Pictures, or one .zip", onclick: () => input.click() },
        icon("image"),
        "Send pictures",
    );
    const fill = h("i");
    const words = h("span", { role: "status" });
    const stop = h("button.cf-text", { type: "button", onclick: () => (stopped = true) }, "Stop");
    const scale = { "aria-valuemin": 0, "aria-valuemax": 100 };
    const bar = h("div.cf-bar", { role: "progressbar", "aria-label": "Sent", ...scale }, fill);
    const node = h("div.cf-sending", { hidden: true }, words, stop, bar);
    let stopped = false;
    let busy = false;

    async function send(files) {
        input.value = "";
        if (!files.length || busy) return;
        const total = files.reduce((sum, [, file]) => sum + file.size, 0);
        if (total > LARGEST) return toast("An upload has at most 8 GiB; send fewer pictures, or name their folder.");
        busy = true;
        stopped = false;
        button.disabled = true;
        node.hidden = false;
        const begun = performance.now();
        let sent = 0;
        const left = [];
        let token = "";
        try {
            const [folder, ...inside] = files[0][0].split("/");
            const title = files.length === 1 ? folder.replace(/\.[^.]*$/, "") : inside.length ? folder : "pictures";
            const start = await post("pictures", { name: title, bytes: Math.max(total, 1) });
            token = start.token;
            const sendFile = async ([name, file]) => {
                let at = 0;
                do {
                    if (stopped) throw new Error("Stopped; nothing is kept.");
                    const end = Math.min(at + start.piece, file.size);
                    const last = String(Number(end === file.size));
                    const query = new URLSearchParams({ name, offset: String(at), last });
                    const { problem } = await sendBytes(`pictures/${token}?${query}`, file.slice(at, end));
                    if (problem) left.push(`${name} ${problem}`);
                    sent += problem ? file.size - at : end - at;
                    show(sent, total, (performance.now() - begun) / 1000);
                    at = problem ? file.size : end;
                } while (at < file.size);
            };
            const waiting = files.values(); // shared by those that send
            const senders = Array.from({ length: AT_ONCE }, async () => {
                for (const file of waiting) await sendFile(file);
            });
            await Promise.all(senders);
            words.textContent = "Reading the images…";
            const kept = await post(`pictures/${token}/finish`);
            const more = left.length > SHOWN ? ` and ${left.length - SHOWN} more` : "";
            toast(
                `${kept.images.toLocaleString("en")} images are here.` +
                    (left.length ? ` Left out: ${left.slice(0, SHOWN).join("; ")}${more}.` : ""),
            );
            done(kept.data);
        } catch (error) {
            if (token) await post(`pictures/${token}/cancel`).catch(() => {});
            toast(error.message);
        } finally {
            busy = false;
            button.disabled = false;
            node.hidden = true;
        }
    }

    function show(sent, total, seconds) {
        const share = sent / Math.max(total, 1);
        fill.style.transform = `scaleX(${share})`;
        bar.setAttribute("aria-valuenow", String(Math.round(100 * share)));
        const left = share > 0 ? `, ${clock((seconds * (1 - share)) / share)} left` : "";
        words.textContent = `Sending: ${(sent / 2 ** 20).toFixed(1)} of ${(total / 2 ** 20).toFixed(1)} MiB${left}`;
    }

    /** Take what is dropped on `where`, folders with what they hold. */
    function listen(where) {
        where.addEventListener("dragover", (event) => {
            event.preventDefault();
            where.classList.add("cf-over");
        });
        where.addEventListener("dragleave", () => where.classList.remove("cf-over"));
        where.addEventListener("drop", async (event) => {
            event.preventDefault();
            where.classList.remove("cf-over");
            const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
            const files = [...event.dataTransfer.files].map((file) => [file.name, file]);
            send(entries.some((entry) => entry.isDirectory) ? (await Promise.all(entries.map(filesOf))).flat() : files);
        });
    }
    node.append(input);
    return { button, node, listen };
}

/** The files of a dropped file or folder, with their paths. */
async function filesOf(entry) {
    if (entry.isFile) {
        const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
        return [[entry.fullPath.slice(1), file]];
    }
    const reader = entry.createReader();
    const entries = [];
    for (;;) {
        const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
        if (!some.length) break;
        entries.push(...some);
    }
    return (await Promise.all(entries.map(filesOf))).flat();
}
