// @ts-check
// The drawing of the map: points on a canvas at any alpha, and which of them lie where. It knows no page and no server.

const PAD = 22; // pixels between the outermost point and the edge
const NEAR = 14; // pixels from a point that still hit it
const LABELS = 16; // names written at most

/** The L x N x 2 coordinates of the server, 0 to 1, as at(index, out): all N at an alpha in hundredths. */
export function placer(map) {
    const bytes = Uint8Array.from(atob(map.points), (sign) => sign.charCodeAt(0));
    const raw = new Uint16Array(bytes.buffer);
    const size = raw.length / map.alphas.length;
    const at = (index, out) => {
        const alpha = index / 100;
        let high = map.alphas.findIndex((node) => node >= alpha);
        if (high < 1) high = 1;
        const [a, b] = [map.alphas[high - 1], map.alphas[high]];
        const t = (alpha - a) / (b - a);
        const [low, up] = [(high - 1) * size, high * size];
        for (let i = 0; i < size; i++) out[i] = (raw[low + i] * (1 - t) + raw[up + i] * t) / 65535;
    };
    /** The way of one point from alpha 1 down to the present: its places at the nodes between. */
    const trail = (point, index) => {
        const places = [];
        for (let node = map.alphas.length - 1; node >= 0 && map.alphas[node] > index / 100; node--)
            places.push([raw[node * size + 2 * point] / 65535, raw[node * size + 2 * point + 1] / 65535]);
        return places;
    };
    return { count: size / 2, at, trail };
}

/** A shape around x, y as part of a path: circles for others, triangles for siblings, diamonds for forget. */
const SHAPES = {
    others: (path, x, y, r) => {
        path.moveTo(x + r, y);
        path.arc(x, y, r, 0, 7);
    },
    siblings: (path, x, y, r) =>
        polygon(path, [x, y - 1.25 * r], [x + 1.15 * r, y + 0.8 * r], [x - 1.15 * r, y + 0.8 * r]),
    forget: (path, x, y, r) =>
        polygon(path, [x, y - 1.35 * r], [x + 1.35 * r, y], [x, y + 1.35 * r], [x - 1.35 * r, y]),
};
const RADIUS = { others: 2.6, siblings: 3.4, forget: 4.2 };

function polygon(path, first, ...rest) {
    path.moveTo(...first);
    for (const point of rest) path.lineTo(...point);
    path.closePath();
}

/**
 * A map on a canvas. `scene` is what it shows, changed from outside: place (of placer), index, roles (a name for each
 * point), hidden (roles), hits, picked, lit, lasso, names (of groups: {name, role, members}), trails.
 */
export function drawing(canvas) {
    const ctx = canvas.getContext("2d");
    const scene = {
        place: null,
        index: 100,
        roles: [],
        hidden: new Set(),
        hits: [],
        picked: new Set(),
        lit: -1,
        lasso: [],
        names: [],
        trails: true,
    };
    let spots = new Float32Array(0);
    let colours = {};
    let [width, height] = [0, 0];
    const x = (share) => PAD + share * (width - 2 * PAD);
    const y = (share) => height - PAD - share * (height - 2 * PAD);
    const shown = (id) => !scene.hidden.has(scene.roles[id]);

    function resize() {
        const ratio = devicePixelRatio || 1;
        [width, height] = [canvas.clientWidth, canvas.clientHeight];
        canvas.width = Math.round(width * ratio);
        canvas.height = Math.round(height * ratio);
        ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
        recolour(); // a new size forgets the font
    }
    function recolour() {
        const style = getComputedStyle(canvas);
        for (const name of ["forget", "siblings", "others", "surface", "text", "soft", "accent", "forget-ink"])
            colours[name] = style.getPropertyValue(`--cf-${name}`).trim();
        ctx.font = `600 13px ${style.fontFamily}`;
    }
    function ring(ids, radius, line, colour) {
        ctx.beginPath();
        for (const id of ids) if (id >= 0 && shown(id)) SHAPES.others(ctx, spots[2 * id], spots[2 * id + 1], radius);
        ctx.lineWidth = line;
        ctx.strokeStyle = colour;
        ctx.stroke();
    }
    function draw() {
        ctx.clearRect(0, 0, width, height);
        if (!scene.place || !width) return;
        const { place, roles } = scene;
        if (spots.length !== 2 * place.count) spots = new Float32Array(2 * place.count);
        place.at(scene.index, spots);
        for (let i = 0; i < place.count; i++) {
            spots[2 * i] = x(spots[2 * i]);
            spots[2 * i + 1] = y(spots[2 * i + 1]);
        }
        if (scene.trails && !scene.hidden.has("forget")) trails();
        for (const role of ["others", "siblings", "forget"]) {
            if (scene.hidden.has(role)) continue;
            ctx.beginPath();
            for (let i = 0; i < place.count; i++)
                if (roles[i] === role) SHAPES[role](ctx, spots[2 * i], spots[2 * i + 1], RADIUS[role]);
            ctx.globalAlpha = role === "others" ? 0.6 : 0.9;
            ctx.fillStyle = colours[role];
            ctx.fill();
            ctx.globalAlpha = 1;
        }
        ring(scene.hits, 7, 1.6, colours.text);
        ring(scene.picked, 5.5, 2, colours.accent);
        labels();
        if (scene.lit >= 0) ring([scene.lit], 11, 3, colours.text);
        if (scene.lasso.length > 1) {
            ctx.beginPath();
            polygon(ctx, ...scene.lasso);
            ctx.fillStyle = ctx.strokeStyle = colours.accent;
            ctx.lineWidth = 1.5;
            ctx.stroke();
            ctx.globalAlpha = 0.12;
            ctx.fill();
            ctx.globalAlpha = 1;
        }
    }
    function trails() {
        ctx.beginPath();
        scene.roles.forEach((role, id) => {
            if (role !== "forget") return;
            ctx.moveTo(spots[2 * id], spots[2 * id + 1]);
            for (const [a, b] of scene.place.trail(id, scene.index).reverse()) ctx.lineTo(x(a), y(b));
        });
        ctx.lineWidth = 1;
        ctx.strokeStyle = colours.forget;
        ctx.globalAlpha = 0.28;
        ctx.stroke();
        ctx.globalAlpha = 1;
    }
    /** Names amid their points; one that would cover another is moved down, at last left out. */
    function labels() {
        const boxes = [];
        ctx.lineJoin = "round";
        for (const { name, role, members } of scene.names.slice(0, LABELS)) {
            if (scene.hidden.has(role)) continue;
            let [left, top] = [0, 0];
            for (const id of members) {
                left += spots[2 * id] / members.length;
                top += spots[2 * id + 1] / members.length;
            }
            const half = ctx.measureText(name).width / 2 + 4;
            left = Math.min(width - half, Math.max(half, left));
            const free = (at) =>
                boxes.every((box) => Math.abs(box[0] - left) > box[2] + half || Math.abs(box[1] - at) > 16);
            const place = [top, top + 17, top - 17].find(free);
            if (place === undefined) continue;
            boxes.push([left, place, half]);
            ctx.textAlign = "center";
            ctx.textBaseline = "middle";
            ctx.lineWidth = 4;
            ctx.strokeStyle = colours.surface;
            ctx.strokeText(name, left, place);
            ctx.fillStyle = role === "forget" ? colours["forget-ink"] : colours.text;
            ctx.fillText(name, left, place);
        }
    }
    /** The point at a place of the canvas, or -1. */
    function hit(px, py) {
        let [best, found] = [NEAR * NEAR, -1];
        for (let id = 0; id < spots.length / 2; id++) {
            const distance = (spots[2 * id] - px) ** 2 + (spots[2 * id + 1] - py) ** 2;
            if (distance <= best && shown(id)) [best, found] = [distance, id];
        }
        return found;
    }
    /** The points inside the lasso. */
    function inside(corners) {
        const ids = [];
        for (let id = 0; id < spots.length / 2; id++)
            if (shown(id) && within(corners, spots[2 * id], spots[2 * id + 1])) ids.push(id);
        return ids;
    }
    /** The nearest point in a direction (dx, dy of -1, 0, 1) from another; the same where there is none. */
    function next(from, dx, dy) {
        let [best, found] = [Infinity, from];
        for (let id = 0; id < spots.length / 2; id++) {
            const [right, down] = [spots[2 * id] - spots[2 * from], spots[2 * id + 1] - spots[2 * from + 1]];
            const along = right * dx + down * dy;
            const across = Math.abs(right * dy) + Math.abs(down * dx);
            if (id === from || along <= 0 || across > along || !shown(id)) continue;
            if (along + 2 * across < best) [best, found] = [along + 2 * across, id];
        }
        return found;
    }
    const spot = (id) => [spots[2 * id], spots[2 * id + 1]];
    return { scene, draw, resize, recolour, hit, inside, next, spot };
}

/** Whether a point lies inside a polygon, by the edges that a ray from it crosses. */
function within(corners, px, py) {
    let inside = false;
    corners.forEach(([ax, ay], i) => {
        const [bx, by] = corners.at(i - 1);
        if (ay > py !== by > py && px < ax + ((py - ay) * (bx - ax)) / (by - ay)) inside = !inside;
    });
    return inside;
}
