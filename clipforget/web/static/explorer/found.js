// @ts-check
// The first look at a run: how much of the target its names and its pictures still find.

import { h, onAlpha, write } from "../lib/dom.js";
import { sparkline } from "./figures.js";

/** Fill `container` for the open run and keep it at the present alpha; `status` stands beside the heading. */
export function stillFound(app, container, status) {
    const head = h("h2");
    const list = h("ul.cf-found-rows");
    container.append(h("header", {}, head, status), list);
    let update = (/** @type {number} */ _) => {};
    app.bus.on("open", () => {
        const { found, target } = app.view;
        const views = [app.view, ...(app.rival ? [app.rival.view] : [])];
        head.replaceChildren(
            `Still found: ${[...new Set(views.map((view) => view.target))].join(" | ")} `,
            h("small", {}, `of the first ${found.k} results; chance finds ${found.chance.toFixed(1)}`),
        );
        list.classList.toggle("cf-two", Boolean(app.rival));
        const lines = found.rows.map((row) => line(app, views, row));
        list.replaceChildren(...lines.map(({ node }) => node));
        container.title =
            `How many of the first ${found.k} results show ${target}. By picture: the mean over its test images.`;
        update = (index) => {
            for (const each of lines) each.update(index);
        };
    });
    onAlpha(app, container, (index) => update(index));
}

/** One way to ask: its count at alpha, for each of the runs shown, with a line over alpha. */
function line(app, views, row) {
    const curves = views.map((view) => view.found.rows.find((other) => other.by === row.by)?.after ?? []);
    const digits = row.by === "picture" ? 1 : 0;
    const numbers = curves.map((_, which) => h("b", { "data-side": curves.length > 1 ? "AB"[which] : "" }));
    const spark = sparkline(
        "forget",
        ...curves.map((values) => values.map((value) => value / views[0].found.k)),
    );
    const picture = app.view.gallery.items.findIndex((item) => app.view.gallery.roles[item[4]] === "forget");
    const query = row.by === "picture" ? { q: "", img: picture, up: "" } : { q: row.prompt, img: null, up: "" };
    const node = h(
        "li.cf-forget",
        {},
        h("span.cf-found-value", {}, numbers),
        h(
            "span.cf-found-by",
            {},
            "by ",
            h(
                "button.cf-text",
                { type: "button", title: row.prompt || "Search by one of them", onclick: () => app.search(query) },
                row.by === "picture" ? "picture" : `“${row.name}”`,
            ),
            h("small", {}, ` was ${row.before.toFixed(digits)}`),
        ),
        spark.node,
    );
    const update = (index) => {
        curves.forEach((values, which) => {
            write(numbers[which], values[index]?.toFixed(digits) ?? "–");
        });
        spark.move(index);
    };
    return { node, update };
}
