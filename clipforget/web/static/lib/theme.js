// @ts-check
// Dark or light: Gradio marks the body with the class "dark"; a visitor's own choice is remembered.

const KEY = "clipforget-theme";
const SETUP = "clipforget-setup";

/** Apply the remembered choice and tell the page of every change, whoever makes it. */
export function theme(app) {
    const body = document.body;
    const dark = () => body.classList.contains("dark");
    let stored = null;
    try {
        stored = localStorage.getItem(KEY);
    } catch {
        /* storage may be switched off */
    }
    if (stored) body.classList.toggle("dark", stored === "dark");
    app.toggleTheme = () => {
        body.classList.toggle("dark");
        try {
            localStorage.setItem(KEY, dark() ? "dark" : "light");
        } catch {
            /* as above */
        }
    };
    const tell = () => {
        document.documentElement.style.colorScheme = dark() ? "dark" : "light";
        app.bus.emit("theme", dark());
    };
    let last = null;
    new MutationObserver(() => {
        if (dark() !== last) {
            last = dark();
            tell();
        }
    }).observe(body, { attributes: true, attributeFilter: ["class"] });
    setTimeout(tell, 0);

    const setup = document.getElementById("cf-setup");
    const narrow = matchMedia("(max-width: 760px)");
    app.toggleSetup = (open = setup.classList.contains("cf-closed")) => {
        setup.classList.toggle("cf-closed", !open);
        try {
            sessionStorage.setItem(SETUP, open ? "open" : "closed"); // as long as the tab is open
        } catch {
            /* as above */
        }
        document.getElementById("cf-setup-toggle")?.setAttribute("aria-expanded", String(open));
        if (open && narrow.matches) setup.scrollIntoView({ block: "start" });
        requestAnimationFrame(() => window.dispatchEvent(new Event("resize")));
    };
    let kept = null;
    try {
        kept = sessionStorage.getItem(SETUP);
    } catch {
        /* as above */
    }
    if (kept ? kept === "closed" : narrow.matches) setup.classList.add("cf-closed");
    narrow.addEventListener("change", () => {
        if (!narrow.matches) return; // else somebody zoomed in
        setup.classList.add("cf-closed");
        document.getElementById("cf-setup-toggle")?.setAttribute("aria-expanded", "false");
    });
}
