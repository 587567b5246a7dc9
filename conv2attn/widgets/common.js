/* What every widget needs: numbers as text, colours, canvases, the pieces of a form, and bench(), which ties them
   to the model. A widget imports from here by name; conv2attn/widgets/base.py joins the files into one module. */

/* ── Numbers and bytes ───────────────────────────────────────────────────────────────────────────────── */

/** A number as text: five decimals, or a power of ten where that would show too little. */
export function format(value) {
  if (value === 0) return "0";
  const [digits, exponent] = value.toExponential(3).split("e");
  const small = Math.abs(value) < 1e-3;
  const text = small ? `${digits} × 10${superscript(exponent)}` : value.toFixed(5);
  return text.replace("-", "−");
}
const superscript = (exponent) => [...exponent].map((c) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[c] ?? (c === "-" ? "⁻" : "")).join("");

/** A number as text, in three digits. */
export const short = (value) => {
  const text = value !== 0 && Math.abs(value) < 1e-3 ? format(value) : String(Number(value.toPrecision(3)));
  return text.replace("-", "−");
};

/** A share as text, in percent. */
export const percent = (share) => `${short(100 * share)} %`;

/** A place as text: (row, column). */
export const pair = ([row, column]) => `(${row}, ${column})`.replaceAll("-", "−");

/** The largest of |values|. */
export function largest(values) {
  let most = 0;
  for (let i = 0; i < values.length; i++) most = Math.max(most, Math.abs(values[i]));
  return most;
}

/** Δ of every tap of a K×K kernel, row by row, counted from its middle. */
export function taps(K) {
  const R = (K - 1) / 2;
  return Array.from({ length: K * K }, (_, h) => [Math.floor(h / K) - R, (h % K) - R]);
}

/** Bytes from base64, as Python writes them, and back. */
export const decode = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
export const encode = (bytes) => btoa(String.fromCharCode(...bytes));

/* ── Colours and canvases ────────────────────────────────────────────────────────────────────────────── */

/** 256 colours between anchors, as canvas pixels. */
export function ramp(anchors) {
  const colours = anchors.map((hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)));
  return Uint32Array.from({ length: 256 }, (_, i) => {
    const at = (i / 255) * (anchors.length - 1);
    const low = Math.min(Math.floor(at), anchors.length - 2);
    const [r, g, b] = colours[low].map((c, k) => Math.round(c + (at - low) * (colours[low + 1][k] - c)));
    return (255 << 24) | (b << 16) | (g << 8) | r;
  });
}

/** Where a signed value lies between -limit (0) and limit (1). */
export const signed = (limit) => (value) => (limit ? (value / limit + 1) / 2 : 0.5);

/** Paint values as pixels of a canvas of their size: fraction(value) in [0, 1] picks the colour, NaN none. */
export function paint(canvas, side, values, colours, fraction = (value) => value) {
  if (canvas.width !== side) canvas.width = canvas.height = side;
  const pixels = new Uint32Array(side * side);
  for (let i = 0; i < values.length; i++) {
    const at = fraction(values[i]);
    if (at >= 0) pixels[i] = colours[Math.min(255, Math.floor(at * 256))];
  }
  canvas.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(pixels.buffer), side, side), 0, 0);
}

/** Give an element the colour of a fraction as its ground, and black or white text, whichever has more contrast. */
export function shade(element, colours, fraction) {
  const colour = colours[Math.min(255, Math.floor(fraction * 256))];
  const rgb = [colour & 255, (colour >> 8) & 255, (colour >> 16) & 255];
  const luminance = rgb.reduce((sum, c, k) => sum + [0.2126, 0.7152, 0.0722][k] * (c / 255) ** 2.2, 0);
  element.style.background = `rgb(${rgb})`;
  element.style.color = luminance < 0.18 ? "#ffffff" : "#000000";
}

/* ── Pieces of a form, as HTML ───────────────────────────────────────────────────────────────────────── */

/** A place for a text. An output speaks up at every change unless told not to; sliders say their value themselves,
    and the summary says the rest once things are still. */
export const output = (name, kind = "") => `<output data-of="${name}" aria-live="off" class="${kind}"></output>`;

/** A slider with its name and its value. */
export const slider = (name, label, range) => `
  <div class="c2a-slider">
    <label><span>${label}</span><input type="range" name="${name}" ${range}></label>${output(name)}
  </div>`;

/** Words for screen readers alone. */
export const hidden = (text) => `<span class="c2a-hidden">${text}</span>`;

/** A colour bar, of "grey", "weight" or "signed" colours, with marks below it. */
export const scale = (kind, low, middle, high) => `
  <p class="c2a-scale" data-scale="${kind}"><i class="c2a-bar"></i>${low}${middle}${high}</p>`;

/** The colour bar of signed values; its ends are the outputs name-low and name-high. */
export const symmetric = (name) => scale("signed",
  output(`${name}-low`), "<span>0</span>", output(`${name}-high`));

/** Where the sentence stands that says what is to be seen. */
export const summary = '<p class="c2a-summary" aria-live="polite"></p>';

/* ── The bench ───────────────────────────────────────────────────────────────────────────────────────── */

/** Put a form with this HTML into `el` and tie it to the model. What comes back:

    controls            the form's controls by their name
    canvases            its canvases by their data-canvas
    colours             ramps for paint(): grey, weight, signed
    now                 what is shown; put numbers here for tests and for the curious (el.conv2attn)
    all(selector)       the form's elements, as an array
    say(name, text)     write an output
    show(name, value, text)   put a slider to a value, and say it
    style(name, value)  set the custom property --c2a-name for the style sheet
    on(target, event, act)    listen until the widget is closed
    set(changes)        what every control does: write to the model
    start(traits, draw, summarise)   draw, and again in the next frame after a control or Python changed one of the
                        traits; say what summarise() returns when nothing has moved for half a second. Returns what
                        render() returns: the function that closes the widget. */
export function bench({ model, el }, html) {
  el.innerHTML = `<form class="c2a-widget">${html}</form>`;
  const form = el.firstElementChild;
  const all = (selector) => [...form.querySelectorAll(selector)];
  const canvases = Object.fromEntries(all("[data-canvas]").map((canvas) => [canvas.dataset.canvas, canvas]));
  const outputs = Object.fromEntries(all("[data-of]").map((node) => [node.dataset.of, node]));
  const sentence = form.querySelector(".c2a-summary");
  const controls = form.elements;
  const now = { frames: 0 };
  el.conv2attn = now;

  const write = (node, text) => { if (node.textContent !== text) node.textContent = text; };
  const say = (name, text) => write(outputs[name], text);
  const show = (name, value, text) => {
    controls[name].value = value;
    controls[name].setAttribute("aria-valuetext", text);
    say(name, text);
  };
  const style = (name, value) => form.style.setProperty(`--c2a-${name}`, value);

  const palette = { grey: ["#000000", "#ffffff"], ...model.get("palette") };
  const colours = {};
  for (const [kind, anchors] of Object.entries(palette)) {
    colours[kind] = ramp(anchors);
    style(kind, anchors.join(", "));
  }

  // JupyterLab takes arrow keys for itself unless the control itself says otherwise.
  all("input, select, button, [tabindex]").forEach((control) => { control.dataset.lmSuppressShortcuts = "true"; });

  const listening = new AbortController();
  const on = (target, event, act) => target.addEventListener(event, act, { signal: listening.signal });
  on(form, "submit", (event) => event.preventDefault());

  /* One drawing a frame; one sentence once things are still. */
  let frame = 0;
  let timer = 0;
  let update;
  const schedule = () => { frame ||= requestAnimationFrame(() => { frame = 0; update(); }); };

  const set = (changes) => {
    for (const [name, value] of Object.entries(changes)) model.set(name, value);
    model.save_changes();
    schedule();
  };

  const start = (traits, draw, summarise) => {
    const conclude = () => write(sentence, summarise());
    update = () => {
      const begun = performance.now();
      draw();
      now.frames += 1;
      now.milliseconds = performance.now() - begun;
      clearTimeout(timer);
      if (now.frames === 1) conclude();
      else timer = setTimeout(conclude, 500);
    };
    traits.forEach((name) => model.on(`change:${name}`, schedule));
    update();
    return () => {
      listening.abort();
      cancelAnimationFrame(frame);
      clearTimeout(timer);
      traits.forEach((name) => model.off(`change:${name}`, schedule));
    };
  };

  return { controls, canvases, colours, now, all, say, show, style, on, set, start };
}
