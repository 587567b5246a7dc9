/* The field of view: what one output pixel of a stack of averaging convolutions can see, and what it looks at.

   A K×K average is one average along the rows and one along the columns, so every field is a product of two profiles. */

import { bench, decode, hidden, largest, output, paint, pair, percent, scale, short, slider, summary } from "./common.js";
import { mark, marks } from "./marks.js";
import { pickable } from "./picture.js";

const KERNEL_SIZES = [3, 5];

/** Dilations of L layers, the first one first. */
export const dilationsOf = (L, doubling) => Array.from({ length: L }, (_, layer) => (doubling ? 2 ** layer : 1));

/** The most layers whose field is no wider than n. */
export function mostLayers(n, K, doubling) {
  const steps = Math.floor((n - 1) / (K - 1));
  return doubling ? Math.floor(Math.log2(steps + 1)) : steps;
}

/** How much the output at p depends on each pixel of one axis of n: the gradient, from the last layer to the first.
    What a layer reads outside is padding, and leads nowhere. */
export function profile(n, p, K, dilations) {
  let weights = new Float64Array(n);
  weights[p] = 1;
  for (const dilation of [...dilations].reverse()) {
    const before = weights;
    weights = before.map((_, i) => {
      let sum = 0;
      for (let tap = -(K - 1) / 2; tap <= (K - 1) / 2; tap++) sum += before[i + tap * dilation] ?? 0;
      return sum / K;
    });
  }
  return weights;
}

const total = (values) => values.reduce((sum, value) => sum + value, 0);

/** The field in numbers, where no border cuts it. */
export function measure(K, dilations) {
  const squares = total(dilations.map((d) => d * d));
  const width = 1 + (K - 1) * total(dilations);
  const reach = (width - 1) / 2;
  const weights = profile(width, reach, K, dilations);
  const half = Math.floor(Math.sqrt((squares * (K * K - 1)) / 3)); // 2σ, whole pixels of it
  return {
    squares, width, unbounded: weights,
    sigma: Math.sqrt(total(weights.map((weight, i) => weight * (i - reach) ** 2)) / total(weights)),
    law: Math.sqrt((squares * (K * K - 1)) / 12),
    core: 2 * half + 1,
    coreShare: total(weights.subarray(reach - half, reach + half + 1)) ** 2,
  };
}

/* What a line looks like, beside its number. */
const key = (name) => `<svg class="c2a-marks c2a-sample" aria-hidden="true" viewBox="0 0 16 12"><g class="c2a-${name}"><path d="M1 1h14v10H1z" vector-effect="non-scaling-stroke"/></g></svg>`;

const template = `
  <div class="c2a-fov">
    <p class="c2a-line"><var>y</var><sub><var>p</var></sub> = Σ<sub><var>q</var></sub>
      <var>A</var>[<var>p</var>, <var>q</var>] <var>x</var><sub><var>q</var></sub> <var>W</var></p>
    <fieldset class="c2a-stack">
      <legend class="c2a-hidden">stack of layers</legend>
      ${slider("layers", "layers <var>L</var>", 'min="1" step="1"')}
      <label class="c2a-check"><span>kernel</span><select name="kernel">${KERNEL_SIZES.map((K) => `
        <option value="${K}">${K} × ${K}</option>`).join("")}</select></label>
      <label class="c2a-check"><input type="checkbox" name="doubling"> dilation doubles</label>
    </fieldset>
    <div class="c2a-fov-stage">
      <fieldset>
        <legend><var>x</var>, photograph, <var>p</var></legend>
        <div class="c2a-panel c2a-look"><canvas data-canvas="x" tabindex="0" role="application"></canvas>
          ${marks("theory", "core", "p")}</div>
        ${slider("row", `${hidden("output pixel")} <var>p</var> row`, 'min="0" step="1"')}
        ${slider("column", `${hidden("output pixel")} <var>p</var> column`, 'min="0" step="1"')}
      </fieldset>
      <figure>
        <figcaption><var>A</var>[<var>p</var>, ·], effective field</figcaption>
        <div class="c2a-panel c2a-over"><canvas data-canvas="below" aria-hidden="true"></canvas><canvas data-canvas="field" role="img"></canvas>
          ${marks("theory", "core", "p")}</div>
        ${scale("weight", "<span>0</span>", "<span></span>", `<span>${hidden("largest weight")}${output("most")}</span>`)}
        <p class="c2a-quiet">${output("border")}</p>
      </figure>
    </div>
    <figure>
      <figcaption>along the row of <var>p</var></figcaption>
      <div class="c2a-profile" role="img">
        <svg aria-hidden="true" preserveAspectRatio="none"><path/></svg>${marks("theory", "core")}
      </div>
    </figure>
    <div class="c2a-widths">
      <p>${key("theory")} theoretical width ${output("width", "c2a-value")}</p>
      <p>${key("core")} 4<var>σ</var> ${output("core", "c2a-value")}</p>
      <p><var>σ</var>, measured ${output("sigma", "c2a-value")}</p>
      <p><var>σ</var>, law ${output("law")}</p>
      <p>weight within 2<var>σ</var> of <var>p</var> ${output("share", "c2a-value")}${output("pixels", "c2a-quiet")}</p>
    </div>
    ${summary}
  </div>`;

function render({ model, el }) {
  const { controls, canvases, colours, now, all, say, show, on, set, start } = bench({ model, el }, template);
  const [chart] = all(".c2a-profile");

  function draw() {
    const bytes = decode(model.get("image"));
    const n = Math.sqrt(bytes.length);
    const x = Float64Array.from(bytes, (byte) => byte / 255);
    const [K, doubling] = [model.get("kernel_size"), model.get("doubling")];
    const most = mostLayers(n, K, doubling);
    const L = Math.min(model.get("layers"), most);
    const output_pixel = model.get("output_pixel").map((axis) => Math.min(axis, n - 1));
    const dilations = dilationsOf(L, doubling);
    const [down, across] = output_pixel.map((axis) => profile(n, axis, K, dilations));
    const field = Float64Array.from({ length: n * n }, (_, q) => down[Math.floor(q / n)] * across[q % n]);
    Object.assign(now, { n, x, K, doubling, most, L, output_pixel, dilations, down, across, field, onImage: total(field) }, measure(K, dilations));
    paintPictures();
    paintProfile();
    showControls();
    showNumbers();
  }

  /** Where the frame at this distance from p begins and ends on an axis, inside the image. */
  const ends = (axis, distance) => [Math.max(0, axis + 0.5 - distance), Math.min(now.n, axis + 0.5 + distance)];
  const frame = (distance) => {
    const [[top, bottom], [left, right]] = now.output_pixel.map((axis) => ends(axis, distance));
    return `M${left} ${top}H${right}V${bottom}H${left}z`;
  };

  function paintPictures() {
    const { n, x, field, width, sigma } = now;
    paint(canvases.x, n, x, colours.grey);
    paint(canvases.below, n, x, colours.grey);
    const most = largest(field);
    paint(canvases.field, n, field, colours.weight, (weight) => (weight ? weight / most : NaN));
    say("most", short(most));
    const frames = { theory: frame(width / 2), core: frame(2 * sigma), p: frame(0.5) };
    all(".c2a-panel svg").forEach((svg) => mark(svg, frames, n));
  }

  function paintProfile() {
    const { n, across, output_pixel, width, sigma } = now;
    const most = largest(across);
    const [bars, lines] = chart.children;
    bars.setAttribute("viewBox", `0 0 ${n} 1`);
    bars.firstChild.setAttribute("d", [...across].map((weight, j) => `M${j} 1v${-weight / most}h1V1z`).join(""));
    const upright = (distance) => [-distance, distance].map((d) => `M${output_pixel[1] + 0.5 + d} 0v1`).join("");
    mark(lines, { theory: upright(width / 2), core: upright(2 * sigma) }, n, 1);
  }

  function showControls() {
    const { n, K, L, doubling, dilations, most, output_pixel } = now;
    controls.kernel.value = K;
    controls.doubling.checked = doubling;
    controls.layers.max = most;
    show("layers", L, String(L));
    controls.row.max = controls.column.max = n - 1;
    show("row", output_pixel[0], String(output_pixel[0]));
    show("column", output_pixel[1], String(output_pixel[1]));
  }

  function showNumbers() {
    const { n, K, width, sigma, law, squares, core, coreShare, onImage, output_pixel } = now;
    const [rows, columns] = output_pixel.map((axis) => ends(axis, width / 2)).map(([from, to]) => to - from);
    now.visible = [rows, columns];
    say("width", `${width} pixels`);
    say("core", `${short(4 * sigma)} pixels`);
    say("sigma", short(sigma));
    say("law", `√(${squares} · ${K * K - 1} ∕ 12) = ${short(law)}`);
    say("share", percent(coreShare));
    say("pixels", `on ${core} × ${core} of ${width} × ${width} pixels, ${percent((core / width) ** 2)}`);
    say("border", rows * columns === width * width ? "Whole: no border cuts it."
      : `Cut to ${rows} × ${columns} pixels: ${percent(1 - onImage)} of the weight is lost.`);
  }

  function summarise() {
    const { n, L, K, dilations, width, sigma, coreShare, output_pixel } = now;
    const at = pair(output_pixel);
    canvases.x.setAttribute("aria-label", `photograph, ${n} by ${n} pixels; p is ${at}; arrow keys move it`);
    canvases.field.setAttribute("aria-label", `effective field of ${at} over the photograph, in shares of its largest weight`);
    chart.setAttribute("aria-label", `profile of the effective field along the row of p; its theoretical ends and 2σ on either side are marked`);
    const field = `${L === 1 ? "One layer" : `${L} layers`} of ${K} × ${K} see ${width} pixels across`;
    return `${field}; ${percent(coreShare)} of the weight lies within 2σ = ${short(2 * sigma)} pixels of p.`;
  }

  const change = (changes) => {
    const K = changes.kernel_size ?? now.K;
    const doubling = changes.doubling ?? now.doubling;
    set({ ...changes, layers: Math.min(now.L, mostLayers(now.n, K, doubling)) });
  };
  on(controls.layers, "input", () => set({ layers: controls.layers.valueAsNumber }));
  on(controls.kernel, "change", () => change({ kernel_size: Number(controls.kernel.value) }));
  on(controls.doubling, "change", () => change({ doubling: controls.doubling.checked }));
  for (const name of ["row", "column"]) {
    on(controls[name], "input", () => set({ output_pixel: [controls.row.valueAsNumber, controls.column.valueAsNumber] }));
  }
  pickable(canvases.x, {
    on, side: () => now.n, place: () => now.output_pixel, pick: (output_pixel) => set({ output_pixel }),
  });
  return start(["image", "layers", "kernel_size", "doubling", "output_pixel"], draw, summarise);
}

export default { render };
