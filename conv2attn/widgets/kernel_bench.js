/* Kernel bench: a kernel over a photograph, and the row of the matrix that one output pixel is. */

import {
  bench, decode, format, hidden, largest, output, pair, paint, scale, shade, short, signed, slider, summary, symmetric, taps,
} from "./common.js";
import { editKernel, kernelChoice, kernelFields, kernelNote, presets, resized } from "./kernel.js";
import { box, mark, marks } from "./marks.js";
import { frame, pickable } from "./picture.js";

const MODES = ["zeros", "reflect", "replicate", "circular"];
const SIZES = [3, 5];

/** Which pixel of an axis of n stands at a position that may lie in the padding; -1 for a zero. */
export function source(position, n, mode) {
  if (position >= 0 && position < n) return position;
  if (mode === "zeros") return -1;
  if (mode === "circular") return (position + n) % n;
  if (mode === "replicate") return position < 0 ? 0 : n - 1;
  return position < 0 ? -position : 2 * (n - 1) - position;
}

/** What the taps read along an axis of n: for every output p the K places, -1 for a zero. */
export function reads(n, { K, stride, dilation, mode }) {
  return Array.from({ length: Math.floor((n - 1) / stride) + 1 }, (_, p) => (
    Array.from({ length: K }, (_, t) => source(stride * p + dilation * (t - (K - 1) / 2), n, mode))));
}

/** The pixel that each tap reads for the output pixel p, row by row, as an index into the image; -1 for a zero. */
export const windowOf = (axis, n, [i, j]) => axis[i].flatMap((row) => (
  axis[j].map((column) => (row < 0 || column < 0 ? -1 : row * n + column))));

/** Every output pixel: the sum of its products. */
export function convolve(x, n, kernel, axis) {
  const m = axis.length;
  const K = axis[0].length;
  const y = new Float64Array(m * m);
  kernel.forEach((w, t) => {
    const [down, right] = [axis.map((places) => places[Math.floor(t / K)]), axis.map((places) => places[t % K])];
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < m; j++) {
        if (down[i] >= 0 && right[j] >= 0) y[i * m + j] += w * x[down[i] * n + right[j]];
      }
    }
  });
  return y;
}

/** Row p of the matrix, from what its taps read: where weights meet in one pixel, their sum. */
export function rowOf(pixels, n, kernel) {
  const row = new Float64Array(n * n);
  pixels.forEach((q, t) => { if (q >= 0) row[q] += kernel[t]; });
  return row;
}

/** A number for a small square: so many digits behind the point, fewer where there are some before it. */
const fitting = (value, digits) => {
  const before = value ? Math.max(0, Math.floor(Math.log10(Math.abs(value)))) : 0;
  return String(Number(value.toFixed(Math.max(0, digits - before)))).replace("-", "−");
};

const choice = (name, label, values) => `
  <label class="c2a-option"><span>${label}</span><select name="${name}">${values.map((value) => `
    <option>${value}</option>`).join("")}</select></label>`;

const grey = scale("grey", "<span>0</span>", "<span></span>", "<span>1</span>");
const squares = (name) => `<div class="c2a-panel c2a-grid c2a-squares" data-squares="${name}" role="img"></div>`;

const template = `
  <div class="c2a-bench">
    <p class="c2a-line"><var>y</var><sub><var>p</var></sub> = Σ<sub><var>q</var></sub>
      <var>D</var>[<var>p</var>, <var>q</var>] <var>x</var><sub><var>q</var></sub></p>
    <fieldset class="c2a-options">
      <legend class="c2a-hidden">options of the convolution</legend>
      ${choice("stride", "stride", [1, 2])}
      ${choice("dilation", "dilation", [1, 2])}
      ${choice("mode", "padding", MODES)}
      ${choice("size", `kernel ${hidden("size")}`, SIZES.map((K) => `${K} × ${K}`))}
    </fieldset>
    <div class="c2a-stage">
      <figure>
        <figcaption><var>x</var>, padded</figcaption>
        <div class="c2a-panel c2a-look"><canvas data-canvas="padded" role="img"></canvas>${marks("inside", "taps")}</div>
        ${grey}
        <p class="c2a-under">${output("padding")}</p>
      </figure>
      <fieldset>
        <legend><var>y</var>, output</legend>
        <div class="c2a-panel c2a-look"><canvas data-canvas="output" tabindex="0" role="application"></canvas><i
          class="c2a-row-line"></i><i class="c2a-column-line"></i></div>
        ${symmetric("output")}
        <div class="c2a-under">
          ${slider("row", `${hidden("output pixel")} <var>p</var> row`, 'min="0" step="1"')}
          ${slider("column", `${hidden("output pixel")} <var>p</var> column`, 'min="0" step="1"')}
        </div>
      </fieldset>
      <figure>
        <figcaption><var>D</var>[<var>p</var>, ·], on <var>x</var></figcaption>
        <div class="c2a-panel c2a-over"><canvas data-canvas="image" aria-hidden="true"></canvas><canvas data-canvas="row" role="img"></canvas></div>
        ${symmetric("row")}
        <p class="c2a-under">not 0: ${output("entries", "c2a-value")}</p>
      </figure>
      <figure>
        <figcaption>window of <var>p</var></figcaption>
        ${squares("window")}
        ${grey}
      </figure>
      <fieldset>
        <legend>× <var>w</var>, kernel</legend>
        ${kernelFields}
        <div class="c2a-under">
          <div class="c2a-pick">${kernelChoice}<button type="button" name="flip" aria-label="flip left to right">flip</button></div>
          ${kernelNote}
        </div>
      </fieldset>
      <figure>
        <figcaption>= products</figcaption>
        ${squares("products")}
        ${symmetric("products")}
        <p class="c2a-under">sum, <var>y</var><sub><var>p</var></sub> = ${output("value", "c2a-value")}</p>
      </figure>
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
  const tools = bench({ model, el }, template);
  const { controls, canvases, colours, now, all, say, show, style, on, set, start } = tools;
  const paintKernel = editKernel(tools, model);
  const [lines] = all("svg");
  const places = Object.fromEntries(all("[data-squares]").map((node) => [node.dataset.squares, node]));

  function draw() {
    const { x, n, m, kernel, options, output_pixel } = Object.assign(now, read(model));
    const axis = reads(n, options);
    now.pixels = windowOf(axis, n, output_pixel);
    now.window = now.pixels.map((q) => (q < 0 ? 0 : x[q]));
    now.products = now.window.map((value, t) => kernel[t] * value);
    now.output = convolve(x, n, kernel, axis);
    now.row = rowOf(now.pixels, n, kernel);
    now.entries = now.row.filter((entry) => entry !== 0).length;
    now.value = now.output[output_pixel[0] * m + output_pixel[1]];
    paintPadded();
    paintKernel();
    paintSigned("output", m, now.output, largest(now.output));
    paintRow();
    frame(style, output_pixel, m);
    paintSquares("window", colours.grey, (value) => value);
    paintSquares("products", colours.signed, signed(ends("products", largest(now.products))));
    showControls();
  }

  function paintPadded() {
    const { x, n, options: { K, dilation, stride, mode }, output_pixel } = now;
    const P = (dilation * (K - 1)) / 2;
    const side = n + 2 * P;
    const padded = new Float64Array(side * side);
    for (let i = 0; i < side; i++) {
      for (let j = 0; j < side; j++) {
        const [row, column] = [source(i - P, n, mode), source(j - P, n, mode)];
        padded[i * side + j] = row < 0 || column < 0 ? 0 : x[row * n + column];
      }
    }
    const positions = taps(K).map((tap) => tap.map((offset, axis) => stride * output_pixel[axis] + dilation * offset));
    const outside = positions.filter((position) => position.some((at) => at < 0 || at >= n)).length;
    Object.assign(now, { padded, P, outside });
    paint(canvases.padded, side, padded, colours.grey);
    mark(lines, { inside: box(P, P, n, n), taps: positions.map(([row, column]) => box(P + row, P + column)).join("") }, side);
    say("padding", `${outside} of ${K * K} taps in the padding`);
  }

  /** A signed colour bar from -limit to limit. */
  function ends(name, limit) {
    say(`${name}-low`, short(-limit));
    say(`${name}-high`, short(limit));
    return limit;
  }

  function paintSigned(name, side, values, limit) {
    paint(canvases[name], side, values, colours.signed, signed(ends(name, limit)));
  }

  /* In the kernel's colours, unless weights meet and are larger together. Where no tap reads, the image shows. */
  function paintRow() {
    const { x, n, row, kernel, pixels, entries } = now;
    const seen = new Set(pixels);
    paint(canvases.image, n, x, colours.grey);
    paintSigned("row", n, row.map((entry, q) => (seen.has(q) ? entry : NaN)), Math.max(largest(row), largest(kernel)));
    say("entries", `${entries} of ${n * n}`);
  }

  /* Laid out as the kernel. A zero of the padding has a broken frame. */
  function paintSquares(name, ramp, fraction) {
    const { pixels, options: { K } } = now;
    const place = places[name];
    if (place.children.length !== K * K) {
      place.style.setProperty("--c2a-k", K);
      place.innerHTML = "<span></span>".repeat(K * K);
    }
    now[name].forEach((value, t) => {
      const square = place.children[t];
      square.textContent = fitting(value, K === 3 ? 3 : 2);
      square.toggleAttribute("data-zero", pixels[t] < 0);
      shade(square, ramp, fraction(value));
    });
  }

  function showControls() {
    const { m, value, options, output_pixel } = now;
    controls.stride.value = options.stride;
    controls.dilation.value = options.dilation;
    controls.mode.value = options.mode;
    controls.size.selectedIndex = SIZES.indexOf(options.K);
    controls.row.max = controls.column.max = m - 1;
    show("row", output_pixel[0], String(output_pixel[0]));
    show("column", output_pixel[1], String(output_pixel[1]));
    say("value", format(value));
  }

  function summarise() {
    const { n, m, P, output_pixel: p, options: { K }, entries, value } = now;
    const at = pair(p);
    canvases.padded.setAttribute("aria-label", `image, ${n} by ${n} pixels, with padding of ${P} on each side; the taps of ${at} are marked`);
    canvases.output.setAttribute("aria-label", `output, ${m} by ${m} pixels; p is ${at}, value ${short(value)}. Arrow keys move p.`);
    canvases.row.setAttribute("aria-label", `row of the matrix for ${at}, over the image: ${entries} entries are not 0`);
    for (const [name, place] of Object.entries(places)) place.setAttribute("aria-label", `${name}: ${now[name].map(short).join(", ")}`);
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
  on(controls.size, "change", () => { // the kernel of that name, or else the middle of this one
    const K = SIZES[controls.size.selectedIndex];
    set({ kernel: Object.values(presets(K))[controls.preset.selectedIndex] ?? resized(model.get("kernel"), K) });
  });
  on(controls.flip, "click", () => set({ kernel: model.get("kernel").map((weights) => [...weights].reverse()) }));
  for (const name of ["row", "column"]) {
    on(controls[name], "input", () => set({ output_pixel: [controls.row.valueAsNumber, controls.column.valueAsNumber] }));
  }
  const pick = (to) => set({ output_pixel: to });
  pickable(canvases.output, { on, side: () => now.m, place: () => now.output_pixel, pick, hover: true });
  // On the image a pointer moves the window's middle; with a stride, to the nearest place where it can be.
  pickable(canvases.padded, {
    on,
    side: () => now.n + 2 * now.P,
    place: () => now.output_pixel.map((at) => now.P + now.options.stride * at),
    pick: (to) => pick(to.map((at) => Math.min(now.m - 1, Math.max(0, Math.round((at - now.P) / now.options.stride))))),
    hover: true,
  });
  return start(["image", "kernel", "stride", "dilation", "padding_mode", "output_pixel"], draw, summarise);
}

export default { render };
