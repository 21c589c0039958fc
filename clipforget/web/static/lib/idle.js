// @ts-check
// A page at which nobody looks costs nothing. Runs before Gradio, which keeps requestAnimationFrame as it finds it.
//
// Its start screen counts its seconds in every frame and is not stopped as it goes: 5 % of a core for ever.

(() => {
    const counting = /^\(\)\s*=>\s*\{.*\(performance\.now\(\)\s*-.*\/\s*1e3\)/;
    const frame = window.requestAnimationFrame.bind(window);
    const started = () => document.querySelector("#cf-main[data-mode]");
    window.requestAnimationFrame = (callback) => (counting.test(String(callback)) && started() ? 0 : frame(callback));
})();
