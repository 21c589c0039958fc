// @ts-check
// No event of the form is lost, and no stream of events waits for ever. Runs before Gradio, which keeps fetch as it
// finds it.
//
// Gradio asks for a page's events by one stream, which the server ends after the last of them. Three of its races lose
// an event or hold a connection: an event that joins while the end is on its way is never heard of again; one whose
// end is heard before the answer to its joining opens a stream at which nothing will come; and a page that hangs up
// first has the server drop what has joined since. Here the stream goes on for as long as there are events, and ends
// only once the server's has.

(() => {
    const ask = window.fetch.bind(window);
    /** @type {Set<string>} */
    const joined = new Set(); // events that the stream has yet to end
    /** @type {Set<string>} */
    const ended = new Set(); // events that ended before the answer to their joining came
    let joining = Promise.resolve(); // until all answers have come

    /** @param {Parameters<typeof fetch>} request */
    async function join(...request) {
        const answer = await ask(...request);
        const { event_id: event } = await answer
            .clone()
            .json()
            .catch(() => ({}));
        if (event && !ended.delete(event)) joined.add(event);
        return answer;
    }

    /** @param {string} message @returns {boolean} whether Gradio is to hear it */
    function hear(message) {
        const { msg, event_id: event } = JSON.parse(message.slice(message.indexOf(":") + 1));
        if (msg === "process_completed" && !joined.delete(event)) ended.add(event);
        if (msg === "unexpected_error" && !event) joined.clear();
        return msg !== "close_stream";
    }

    async function known() {
        for (let last; last !== joining; ) await (last = joining);
        return joined.size;
    }

    /** @param {Parameters<typeof fetch>} request */
    async function* messages(...request) {
        while (await known()) {
            const asked = request[0] instanceof Request ? request[0].clone() : request[0];
            const { ok, body } = await ask(asked, request[1]);
            if (!ok || !body) throw new Error("The events cannot be followed.");
            const reader = body.pipeThrough(new TextDecoderStream()).getReader();
            let rest = "";
            for (let part = await reader.read(); !part.done; part = await reader.read()) {
                const blocks = (rest + part.value).split("\n\n");
                rest = blocks.pop() ?? "";
                for (const block of blocks) if (hear(block)) yield `${block}\n\n`;
            }
        }
        yield `data: ${JSON.stringify({ msg: "close_stream" })}\n\n`;
    }

    window.fetch = async (...request) => {
        const address = request[0] instanceof Request ? request[0].url : String(request[0]);
        if (address.includes("/gradio_api/queue/join")) {
            const answer = join(...request);
            joining = Promise.allSettled([joining, answer]).then(() => undefined);
            return answer;
        }
        if (!address.includes("/gradio_api/queue/data")) return ask(...request);
        const told = messages(...request);
        const body = new ReadableStream({
            async pull(controller) {
                const { value, done } = await told.next().catch((error) => {
                    joined.clear(); // by a server that is gone
                    throw error;
                });
                done ? controller.close() : controller.enqueue(value);
            },
        });
        const headers = { "Content-Type": "text/event-stream" };
        return new Response(body.pipeThrough(new TextEncoderStream()), { headers });
    };
})();
