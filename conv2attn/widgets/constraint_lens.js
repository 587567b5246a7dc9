/* The constraint lens: a dense matrix, and what locality and sharing leave of it. */

import { bench, hidden, largest, output, paint, pair, percent, short, signed, slider, summary, symmetric } from "./common.js";
import { box, mark, marks } from "./marks.js";
import { pickable } from "./picture.js";

const KERNEL_SIZES = [1, 3, 5];
const LARGEST_SEED = 999;

/** A random matrix, side×side, made from whole numbers: entry i is the sum of the four bytes of a hash of (seed, i),
    less its mean, in steps of 1/148. Nearly normal; equal to Python's to the last bit. */
export function randomMatrix(seed, side) {
  return Float64Array.from({ length: side * side }, (_, i) => {
    let bits = i + Math.imul(seed + 1, 0x9e3779b1);
    bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
    bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
    bits ^= bits >>> 16;
    return ((bits & 255) + ((bits >>> 8) & 255) + ((bits >>> 16) & 255) + (bits >>> 24) - 510) / 148;
  });
}

/** Which weight stands in each entry (p, q), -1 where none may. Those of a shift δ = q - p are one if they are shared.
    Locality keeps the shifts of a K×K window; without it the window reaches over the whole image. */
export function weightIndex(n, K, locality, sharing) {
  const R = locality ? (K - 1) / 2 : n - 1;
  let own = 0;
  return Int32Array.from({ length: n ** 4 }, (_, at) => {
    const p = Math.floor(at / n ** 2);
    const q = at % n ** 2;
    const down = Math.floor(q / n) - Math.floor(p / n);
    const right = (q % n) - (p % n);
    if (Math.max(Math.abs(down), Math.abs(right)) > R) return -1;
    return sharing ? (down + R) * (2 * R + 1) + right + R : own++;
  });
}

/** The nearest matrix to `dense` that keeps the constraints: each weight is the mean of the entries that it stands in. */
export function project(dense, index) {
  const sums = new Float64Array(dense.length);
  const copies = new Float64Array(dense.length);
  index.forEach((weight, at) => {
    if (weight < 0) return;
    sums[weight] += dense[at];
    copies[weight] += 1;
  });
  return Float64Array.from(index, (weight) => (weight < 0 ? 0 : sums[weight] / copies[weight]));
}

/** Number of pairs (p, q) of pixels on one axis that are at most R apart. */
export const pairsWithin = (n, R) => n + 2 * R * n - R * (R + 1);

/** How many weights each of the four layers has, and how one counts them. */
export function layers(n, K) {
  return [
    ["fully connected", n ** 4, "<var>N</var>²"],
    ["sharing alone", (2 * n - 1) ** 2, "(2<var>n</var> − 1)²"],
    ["locally connected", pairsWithin(n, (K - 1) / 2) ** 2, "<var>ν</var>²"],
    ["convolution", K ** 2, "<var>K</var>²"],
  ];
}

const sumOfSquares = (values) => values.reduce((sum, value) => sum + value * value, 0);

const template = `
  <div class="c2a-lens">
    <p class="c2a-line"><var>y</var><sub><var>p</var></sub> = Σ<sub><var>q</var></sub>
      <var>A</var>[<var>p</var>, <var>q</var>] <var>x</var><sub><var>q</var></sub> <var>W</var></p>
    <fieldset class="c2a-constraints">
      <legend class="c2a-hidden">constraints</legend>
      <label class="c2a-check"><input type="checkbox" name="locality"> locality</label>
      <label class="c2a-check"><input type="checkbox" name="sharing"> sharing</label>
      <label class="c2a-check"><span>kernel</span><select name="kernel">${KERNEL_SIZES.map((K) => `
        <option value="${K}">${K} × ${K}</option>`).join("")}</select></label>
      <button type="button" name="another">another matrix</button>
      ${slider("size", "image side <var>n</var>", 'min="4" max="9" step="1"')}
    </fieldset>
    <div class="c2a-lens-stage">
      <figure>
        <figcaption><var>D</var> = <var>A</var><var>W</var>, ${output("shape")}</figcaption>
        <div class="c2a-panel c2a-look c2a-cells"><canvas data-canvas="matrix" tabindex="0" role="application"></canvas>
          ${marks("row", "ties", "entry")}</div>
        ${symmetric("matrix")}
      </figure>
      <fieldset>
        <legend>row of <var>p</var>, as an image</legend>
        <div class="c2a-panel c2a-look c2a-cells"><canvas data-canvas="row" tabindex="0" role="application"></canvas>
          ${marks("window", "p", "entry")}</div>
        <div>
          ${slider("row", `${hidden("output pixel")} <var>p</var> row`, 'min="0" step="1"')}
          ${slider("column", `${hidden("output pixel")} <var>p</var> column`, 'min="0" step="1"')}
          <p><var>D</var>[<var>p</var>, <var>q</var>] = ${output("entry", "c2a-value")}</p>
          <p class="c2a-quiet">δ = <var>q</var> − <var>p</var> = ${output("shift")}<br>${output("ties")}</p>
        </div>
      </fieldset>
    </div>
    <div class="c2a-layers">${layers(4, 1).map(([name, , formula], i) => `
      <p><span>${name}</span><br>${output(`count${i}`, "c2a-value")} = ${formula}</p>`).join("")}</div>
    <div class="c2a-counts">
      <p>weights ${output("weights", "c2a-value")}</p>
      <p>forced to be zero ${output("zeros", "c2a-value")}</p>
      <p>kept of ‖<var>D</var>‖² ${output("kept", "c2a-value")}${output("pythagoras", "c2a-quiet")}</p>
      <p>copies of a weight, on average ${output("copies", "c2a-value")}</p>
    </div>
    ${summary}
  </div>`;

function render({ model, el }) {
  const { controls, canvases, colours, now, all, say, show, on, set, start } = bench({ model, el }, template);
  const [overMatrix, overRow] = all("svg");
  const cards = all(".c2a-layers p");

  function draw() {
    const [n, K, locality, sharing, seed] = ["size", "kernel_size", "locality", "sharing", "seed"].map((name) => model.get(name));
    const [output_pixel, input_pixel] = [model.get("output_pixel"), model.get("input_pixel")].map(inside(n));
    const N = n * n;
    const [p, q] = [output_pixel, input_pixel].map(([row, column]) => row * n + column);
    const dense = randomMatrix(seed, N);
    const index = weightIndex(n, K, locality, sharing);
    const matrix = project(dense, index);
    const weight = index[p * N + q];
    const ties = weight < 0 ? [] : [...index.keys()].filter((at) => index[at] === weight);
    const zeros = index.reduce((count, w) => count + (w < 0), 0);
    Object.assign(now, {
      n, K, locality, sharing, seed, output_pixel, input_pixel, dense, index, matrix, ties, zeros,
      layer: 2 * locality + sharing,
      weights: Math.max(...index) + 1,
      whole: sumOfSquares(dense),
      kept: sumOfSquares(matrix),
      lost: sumOfSquares(dense.map((value, at) => value - matrix[at])),
    });
    paintMatrix(N, p, p * N + q);
    paintRow(n, N, p);
    showControls();
    showNumbers(N, matrix[p * N + q], weight);
  }

  function paintMatrix(N, p, entry) {
    const { matrix, index, ties } = now;
    const limit = largest(matrix);
    const shown = matrix.map((value, at) => (index[at] < 0 ? NaN : value));
    paint(canvases.matrix, N, shown, colours.signed, signed(limit));
    const cell = (at) => box(Math.floor(at / N), at % N);
    mark(overMatrix, { row: box(p, 0, 1, N), ties: ties.map(cell).join(""), entry: cell(entry) }, N);
    now.shown = shown;
    say("shape", `${N} × ${N}`);
    say("matrix-low", short(-limit));
    say("matrix-high", short(limit));
  }

  function paintRow(n, N, p) {
    const { K, locality, output_pixel, input_pixel, matrix, shown } = now;
    paint(canvases.row, n, shown.slice(p * N, (p + 1) * N), colours.signed, signed(largest(matrix)));
    const [row, column] = output_pixel.map((axis) => axis - (K - 1) / 2);
    mark(overRow, { window: locality ? box(row, column, K, K) : "", p: box(...output_pixel), entry: box(...input_pixel) }, n);
  }

  function showControls() {
    const { n, K, locality, sharing, output_pixel } = now;
    controls.locality.checked = locality;
    controls.sharing.checked = sharing;
    controls.kernel.value = K;
    controls.kernel.disabled = !locality;
    show("size", n, String(n));
    controls.row.max = controls.column.max = n - 1;
    show("row", output_pixel[0], String(output_pixel[0]));
    show("column", output_pixel[1], String(output_pixel[1]));
  }

  function showNumbers(N, value, weight) {
    const { n, K, layer, weights, zeros, ties, whole, kept, lost, input_pixel, output_pixel } = now;
    layers(n, K).forEach(([, count], i) => {
      say(`count${i}`, String(count));
      cards[i].toggleAttribute("aria-current", i === layer);
    });
    say("entry", weight < 0 ? "0" : short(value));
    say("shift", pair(input_pixel.map((axis, i) => axis - output_pixel[i])));
    say("ties", weight < 0 ? "forced to be zero" : `weight of ${ties.length === 1 ? "1 entry" : `${ties.length} entries`}`);
    say("weights", `${weights} of ${N ** 2}, ${percent(weights / N ** 2)}`);
    say("zeros", `${zeros}, ${percent(zeros / N ** 2)}`);
    say("copies", short((N ** 2 - zeros) / weights));
    say("kept", percent(kept / whole));
    say("pythagoras", `${kept.toFixed(1)} kept + ${lost.toFixed(1)} lost = ${whole.toFixed(1)}`);
  }

  function summarise() {
    const { n, K, layer, weights, zeros, whole, kept, output_pixel, input_pixel } = now;
    const [name] = layers(n, K)[layer];
    const at = `p is ${pair(output_pixel)}, q is ${pair(input_pixel)}`;
    canvases.matrix.setAttribute("aria-label", `matrix of the layer, ${n * n} by ${n * n}; ${at}; arrow keys move the entry`);
    canvases.row.setAttribute("aria-label", `row of p as an image, ${n} by ${n}; ${at}; arrow keys move q`);
    return `${name[0].toUpperCase()}${name.slice(1)}: ${weights} weights for ${n ** 4} entries, ${zeros} of them forced to be zero; `
      + `${percent(kept / whole)} of the sum of squares is kept.`;
  }

  for (const name of ["locality", "sharing"]) on(controls[name], "change", () => set({ [name]: controls[name].checked }));
  on(controls.kernel, "change", () => set({ kernel_size: Number(controls.kernel.value) }));
  on(controls.size, "input", () => {
    const size = controls.size.valueAsNumber;
    set({ size, output_pixel: inside(size)(now.output_pixel), input_pixel: inside(size)(now.input_pixel) });
  });
  for (const name of ["row", "column"]) {
    on(controls[name], "input", () => set({ output_pixel: [controls.row.valueAsNumber, controls.column.valueAsNumber] }));
  }
  on(controls.another, "click", () => set({ seed: (now.seed + 1) % (LARGEST_SEED + 1) }));
  // On the matrix an entry: its row is p, its column q. On the row's image q alone.
  const number = ([row, column]) => row * now.n + column;
  const place = (pixel) => [Math.floor(pixel / now.n), pixel % now.n];
  pickable(canvases.matrix, {
    on,
    side: () => now.n ** 2,
    place: () => [number(now.output_pixel), number(now.input_pixel)],
    pick: ([p, q]) => set({ output_pixel: place(p), input_pixel: place(q) }),
  });
  pickable(canvases.row, {
    on, side: () => now.n, place: () => now.input_pixel, pick: (input_pixel) => set({ input_pixel }),
  });
  return start(["size", "kernel_size", "locality", "sharing", "output_pixel", "input_pixel", "seed"], draw, summarise);
}

/** A place kept inside an image of n×n pixels. */
const inside = (n) => (place) => place.map((axis) => Math.min(axis, n - 1));

export default { render };
