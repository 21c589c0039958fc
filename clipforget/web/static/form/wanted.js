// @ts-check
// How the page asks for the form to be filled.

let arrived;
const mounted = new Promise((resolve) => {
    arrived = resolve;
});

/** Gradio mounts this; its value {config, of, number} is what is to be filled in, see draft.js. */
export const mount = (element, gradio) => arrived(gradio);

/** Ask for the form to be filled, as soon as it is there. */
export async function ask(value) {
    const { props, trigger } = await mounted;
    props.value = value;
    trigger("input");
}
