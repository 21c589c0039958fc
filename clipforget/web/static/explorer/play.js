// @ts-check
// The sweep: alpha runs from 1 down to 0 and back up, once, at a speed the eye can follow.

const STEP = 45; // milliseconds for 0.01

/** Gives play() which starts or stops, and stop(). Respects a wish for less motion by taking bigger, slower steps. */
export function sweep(app) {
    let timer = 0;
    let direction = -1;
    const calm = matchMedia("(prefers-reduced-motion: reduce)");
    const stop = () => {
        if (!timer) return;
        clearTimeout(timer);
        timer = 0;
        app.bus.emit("play", false);
    };
    const step = () => {
        const by = calm.matches ? 10 : 1;
        if (app.index <= 0 && direction < 0) direction = 1;
        else if (app.index >= 100 && direction > 0) return stop();
        app.setAlpha(app.index + direction * by);
        const rest = app.index === 0 ? 500 : 0;
        timer = setTimeout(step, STEP * (calm.matches ? 12 : 1) + rest);
    };
    const play = () => {
        if (timer) return stop();
        direction = app.index > 0 ? -1 : 1;
        timer = setTimeout(step, 0);
        app.bus.emit("play", true);
    };
    return { play, stop };
}
