/* Kernel bench: a kernel over a photograph, and the row of the matrix that one output pixel is. */

import {
  bench, decode, format, hidden, largest, output, pair, paint, scale, shade, short, signed, slider, summary, symmetric, taps,
} from "./common.js";
import { editKernel, kernelChoice, kernelFields, kernelNote } from "./kernel.js";
import { frame, pickable } from "./picture.js";

const MODES = ["zeros", "reflect", "replicate", "circular"];

/** Which pixel of an axis of n stands at a position that may lie in the padding; -1 for a zero. */
export function source(position, n, mode) {
  if (position >= 0 && position < n) return position;
  if (mode === "zeros") return -1;
  if (mode === "circular") return (position + n) % n;
  if (mode === "replicate") return position < 0 ? 0 : n - 1;
  return position < 0 ? -position : 2 * (n - 1) - position;
}

/** The pixel that each tap reads for the output pixel p, row by row, as an index into the image; -1 for a zero. */
export function windowOf(p, n, { K, stride, dilation, mode }) {
  return taps(K).map((tap) => {
    const [row, column] = tap.map((offset, axis) => source(stride * p[axis] + dilation * offset, n, mode));
    return row < 0 || column < 0 ? -1 : row * n + column;
  });
}

/** Every output pixel: the sum of its products. */
export function convolve(x, n, kernel, options) {
  const m = Math.floor((n - 1) / options.stride) + 1;
  return Float64Array.from({ length: m * m }, (_, p) => {
    const pixels = windowOf([Math.floor(p / m), p % m], n, options);
    return pixels.reduce((sum, q, t) => (q < 0 ? sum : sum + kernel[t] * x[q]), 0);
  });
}

/** Row p of the matrix: where weights meet in one pixel, their sum. */
export function rowOf(p, n, kernel, options) {
  const row = new Float64Array(n * n);
  windowOf(p, n, options).forEach((q, t) => { if (q >= 0) row[q] += kernel[t]; });
  return row;
}

const choice = (name, label, values) => `
  <label class="c2a-option"><span>${label}</span><select name="${name}">${values.map((value) => `
    <option>${value}</option>`).join("")}</select></label>`;

const template = (K) => `
  <div class="c2a-bench" style="--c2a-k: ${K}">
    <p class="c2a-line"><var>y</var><sub><var>p</var></sub> = Σ<sub><var>q</var></sub>
      <var>D</var>[<var>p</var>, <var>q</var>] <var>x</var><sub><var>q</var></sub></p>
    <div class="c2a-stage">
      <figure>
        <figcaption><var>x</var>, image and padding</figcaption>
        <div class="c2a-panel c2a-padded"><canvas data-canvas="padded" role="img"></canvas><i class="c2a-inside"></i>${
          taps(K).map(() => '<i class="c2a-tap"></i>').join("")}</div>
        ${scale("grey", "<span>0</span>", "<span></span>", "<span>1</span>")}
      </figure>
      <fieldset>
        <legend><var>w</var>, kernel</legend>
        ${kernelFields(K)}
      </fieldset>
      <fieldset>
        <legend><var>y</var>, output</legend>
        <div class="c2a-panel c2a-look"><canvas data-canvas="output" tabindex="0" role="application"></canvas><i
          class="c2a-row-line"></i><i class="c2a-column-line"></i></div>
        ${symmetric("output")}
      </fieldset>
      <figure>
        <figcaption>${K * K} products</figcaption>
        <div class="c2a-panel c2a-grid c2a-products" role="img">${taps(K).map(() => "<span></span>").join("")}</div>
        <p class="c2a-sum">sum, <var>y</var><sub><var>p</var></sub> = ${output("value", "c2a-value")}</p>
      </figure>
      <figure>
        <figcaption><var>D</var>[<var>p</var>, ·], over the image</figcaption>
        <div class="c2a-panel"><canvas data-canvas="row" role="img"></canvas></div>
        ${symmetric("row")}
      </figure>
      <fieldset class="c2a-options">
        <legend class="c2a-hidden">kernel, options and output pixel</legend>
        ${kernelChoice(K)}
        ${choice("stride", "stride", [1, 2])}
        ${choice("dilation", "dilation", [1, 2])}
        ${choice("mode", "padding", MODES)}
        ${slider("row", `${hidden("output pixel")} <var>p</var> row`, 'min="0" step="1"')}
        ${slider("column", `${hidden("output pixel")} <var>p</var> column`, 'min="0" step="1"')}
        ${kernelNote}
      </fieldset>
    </div>
    ${summary}
  </div>`;

function read(model) {
  const x = Float64Array.from(decode(model.get("image")), (byte) => byte / 255);
  const kernel = model.get("kernel").flat();
  const n = Math.sqrt(x.length);
  const stride = model.get("stride");
  const m = Math.floor((n - 1) / stride) + 1;
  const options = { K: Math.sqrt(kernel.length), stride, dilation: model.get("dilation"), mode: model.get("padding_mode") };
  return { x, n, m, kernel, options, output_pixel: model.get("output_pixel").map((at) => Math.min(at, m - 1)) };
}

function render({ model, el }) {
  const K = model.get("kernel").length;
  const tools = bench({ model, el }, template(K));
  const { controls, canvases, colours, now, all, say, show, style, on, set, start } = tools;
  const paintKernel = editKernel(tools, model);
  const [squares, marks] = [all(".c2a-products span"), all(".c2a-tap")];
  const [products] = all(".c2a-products");

  function draw() {
    const { x, n, m, kernel, options, output_pixel } = Object.assign(now, read(model));
    const pixels = windowOf(output_pixel, n, options);
    now.window = pixels.map((q) => (q < 0 ? 0 : x[q]));
    now.products = now.window.map((value, t) => kernel[t] * value);
    now.output = convolve(x, n, kernel, options);
    now.row = rowOf(output_pixel, n, kernel, options);
    now.value = now.output[output_pixel[0] * m + output_pixel[1]];
    paintPadded();
    paintKernel();
    paintSigned("output", m, now.output);
    paintSigned("row", n, now.row);
    frame(style, output_pixel, m);
    paintProducts();
    showControls();
  }

  function paintPadded() {
    const { x, n, options: { dilation, stride, mode }, output_pixel } = now;
    const P = (dilation * (K - 1)) / 2;
    const side = n + 2 * P;
    const padded = new Float64Array(side * side);
    for (let i = 0; i < side; i++) {
      for (let j = 0; j < side; j++) {
        const [row, column] = [source(i - P, n, mode), source(j - P, n, mode)];
        padded[i * side + j] = row < 0 || column < 0 ? 0 : x[row * n + column];
      }
    }
    now.padded = padded;
    paint(canvases.padded, side, padded, colours.grey);
    const percent = (from) => `${(100 * from) / side}%`;
    style("inside", percent(P));
    style("tap", percent(1));
    taps(K).forEach((tap, t) => {
      const [top, left] = tap.map((offset, axis) => percent(P + stride * output_pixel[axis] + dilation * offset));
      Object.assign(marks[t].style, { top, left });
    });
  }

  function paintSigned(name, side, values) {
    const limit = largest(values);
    paint(canvases[name], side, values, colours.signed, signed(limit));
    say(`${name}-low`, short(-limit));
    say(`${name}-high`, short(limit));
  }

  function paintProducts() {
    const most = largest(now.products);
    squares.forEach((square, t) => {
      shade(square, colours.signed, signed(most)(now.products[t]));
      square.textContent = Math.abs(now.products[t]) < 5e-4 ? "0" : String(Number(now.products[t].toFixed(K === 3 ? 3 : 2))).replace("-", "−");
    });
    say("value", format(now.value));
  }

  function showControls() {
    const { m, options, output_pixel } = now;
    controls.stride.value = options.stride;
    controls.dilation.value = options.dilation;
    controls.mode.value = options.mode;
    controls.row.max = controls.column.max = m - 1;
    show("row", output_pixel[0], String(output_pixel[0]));
    show("column", output_pixel[1], String(output_pixel[1]));
  }

  function summarise() {
    const { n, m, output_pixel: p, options, row, value } = now;
    const entries = row.filter((entry) => entry !== 0).length;
    const [P, at] = [(options.dilation * (K - 1)) / 2, pair(p)];
    canvases.padded.setAttribute("aria-label", `image, ${n} by ${n} pixels, with padding of ${P} on each side; the taps of ${at} are marked`);
    canvases.output.setAttribute("aria-label", `output, ${m} by ${m} pixels; p is ${at}, value ${short(value)}. Arrow keys move p.`);
    canvases.row.setAttribute("aria-label", `row of the matrix for ${at}, over the image: ${entries} entries are not 0`);
    products.setAttribute("aria-label", `products: ${now.products.map(short).join(", ")}`);
    return `At p = ${at} the ${K * K} products add up to ${short(value)}. Row ${p[0] * m + p[1]} of D has `
      + `${entries} ${entries === 1 ? "entry that is" : "entries that are"} not 0, of ${n * n}.`;
  }

  on(controls.stride, "change", () => {
    const [before, stride] = [now.options.stride, Number(controls.stride.value)];
    const last = Math.floor((now.n - 1) / stride);
    set({ stride, output_pixel: now.output_pixel.map((at) => Math.min(last, Math.floor((at * before) / stride))) });
  });
  on(controls.dilation, "change", () => set({ dilation: Number(controls.dilation.value) }));
  on(controls.mode, "change", () => set({ padding_mode: controls.mode.value }));
  for (const name of ["row", "column"]) {
    on(controls[name], "input", () => set({ output_pixel: [controls.row.valueAsNumber, controls.column.valueAsNumber] }));
  }
  pickable(canvases.output, {
    on,
    side: () => now.m,
    place: () => read(model).output_pixel,
    pick: (to) => set({ output_pixel: to }),
    hover: true,
  });
  return start(["image", "kernel", "stride", "dilation", "padding_mode", "output_pixel"], draw, summarise);
}

export default { render };
