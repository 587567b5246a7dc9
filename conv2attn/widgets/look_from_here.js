/* Look from here: what one pixel of a colour photograph sees through a convolution, a local and a global head. */

import {
  bench, decode, hidden, largest, output, paint, pair, percent, scale, short, signed, slider, summary, symmetric,
} from "./common.js";
import { presets } from "./kernel.js";
import { box, mark, marks } from "./marks.js";
import { pickable } from "./picture.js";

const WINDOWS = [3, 5, 7, 9];
const SCORES = ["distance", "dot product"];
const HEADS = ["local", "global"];

/** The colours of n×n pixels, three numbers each: every channel's mean taken away, all divided by one number, so that
    together they have variance 1. */
export function standardised(x) {
  const means = [0, 1, 2].map((k) => x.reduce((sum, value, i) => (i % 3 === k ? sum + value : sum), 0) / (x.length / 3));
  const f = x.map((value, i) => value - means[i % 3]);
  const deviation = Math.sqrt(f.reduce((sum, value) => sum + value * value, 0) / f.length);
  return deviation ? f.map((value) => value / deviation) : f;
}

/** Is pixel q in the window of that width around p? */
const within = (q, n, [row, column], width) => Math.max(Math.abs(Math.floor(q / n) - row), Math.abs((q % n) - column)) <= (width - 1) / 2;

/** Every pixel's score: of its colour beside p's, and of its place. */
export function scoresOf(f, n, [row, column], { beta, alpha, score }) {
  const own = f.subarray(3 * (row * n + column), 3 * (row * n + column) + 3);
  return Float64Array.from({ length: n * n }, (_, q) => {
    const [i, j] = [Math.floor(q / n), q % n];
    let content = 0;
    for (let k = 0; k < 3; k++) content += score === "distance" ? -((own[k] - f[3 * q + k]) ** 2) : own[k] * f[3 * q + k];
    return beta * content - alpha * ((i - row) ** 2 + (j - column) ** 2);
  });
}

/** The softmax over the pixels that are kept; the others get 0. */
export function softmaxOver(scores, kept) {
  let most = -Infinity;
  scores.forEach((value, q) => { if (kept(q)) most = Math.max(most, value); });
  const weights = scores.map((value, q) => (kept(q) ? Math.exp(value - most) : 0));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/** Weights in numbers: the share on p and its neighbours, the effective number of pixels, the largest. */
export function look(A, n, p) {
  let [near, entropy] = [0, 0];
  A.forEach((weight, q) => {
    if (within(q, n, p, 3)) near += weight;
    if (weight) entropy -= weight * Math.log(weight);
  });
  return { near, effective: Math.exp(entropy), largest: largest(A) };
}

/** A number of pixels as text: in three digits, but never fewer than its whole part has. */
const count = (value) => (value < 999.5 ? short(value) : String(Math.round(value)));

/** Row p of the convolution's matrix; NaN where no tap reads. */
export const tapsFrom = (n, p, kernel) => Float64Array.from({ length: n * n }, (_, q) => (
  within(q, n, p, 3) ? kernel[1 + Math.floor(q / n) - p[0]][1 + (q % n) - p[1]] : NaN));

const select = (name, label, values) => `
  <label class="c2a-check"><span>${label}</span><select name="${name}">${values.map((value) => `
    <option>${value}</option>`).join("")}</select></label>`;

const p = "<var>p</var>";
const below = '<canvas data-canvas="below" aria-hidden="true"></canvas>';
const over = (name, lines) => `<div class="c2a-panel c2a-over">${below.replace("below", `${name}-below`)}<canvas
  data-canvas="${name}" role="img"></canvas>${marks(...lines)}</div>`;
const head = (name) => `
  <figure>
    <figcaption>${name} head</figcaption>
    ${over(name, name === "local" ? ["window", "p"] : ["p"])}
    ${scale("weight", "<span>0</span>", "<span></span>", `<span>${hidden("largest weight")}${output(`${name}-most`)}</span>`)}
  </figure>`;
const line = (label, name) => `<tr><th scope="row">${label}</th>${HEADS.map((kind) => `<td>${output(`${kind}-${name}`, "c2a-value")}</td>`).join("")}</tr>`;

const content = {
  distance: "−<var>β</var>‖<var>f</var><sub><var>p</var></sub> − <var>f</var><sub><var>q</var></sub>‖²",
  "dot product": "<var>β</var> <var>f</var><sub><var>p</var></sub> · <var>f</var><sub><var>q</var></sub>",
};

const template = `
  <div class="c2a-lfh">
    ${SCORES.map((score) => `<p class="c2a-line" data-score="${score}"><var>A</var>[<var>p</var>, <var>q</var>] ∝
      exp(${content[score]} − <var>α</var>‖<var>q</var> − <var>p</var>‖²)</p>`).join("")}
    <div class="c2a-stage">
      <fieldset>
        <legend>photograph, ${p}</legend>
        <div class="c2a-panel c2a-look"><canvas data-canvas="x" tabindex="0" role="application"></canvas>${marks("window", "p")}</div>
        ${slider("row", `${p} row`, 'min="0" step="1"')}
        ${slider("column", `${p} column`, 'min="0" step="1"')}
      </fieldset>
      <fieldset>
        <legend>3 × 3 convolution</legend>
        ${over("taps", ["p"])}
        ${symmetric("taps")}
        <div class="c2a-pick"><label>${hidden("kernel")}<select name="kernel"></select></label></div>
      </fieldset>
      <fieldset class="c2a-lfh-heads">
        <legend>both heads</legend>
        ${slider("beta", "<var>β</var>, content", 'min="0" max="8" step="0.1"')}
        ${slider("alpha", "<var>α</var>, position", 'min="0" max="2" step="0.01"')}
        ${select("score", "content score", SCORES)}
        ${select("window", "local window", WINDOWS.map((width) => `${width} × ${width}`))}
        <p class="c2a-quiet">${output("pictures")}</p>
      </fieldset>
      ${HEADS.map(head).join("")}
      <table class="c2a-lfh-numbers">
        <caption class="c2a-hidden">the weights of both heads in numbers</caption>
        <tr><td></td>${HEADS.map((kind) => `<th scope="col">${kind}</th>`).join("")}</tr>
        ${line(`in the 3 × 3 of ${p}`, "near")}
        ${line("effective pixels", "effective")}
        ${line("of pixels", "pixels")}
        ${line("largest weight", "largest")}
      </table>
    </div>
    ${summary}
  </div>`;

/** Paint a photograph, three numbers in [0, 1] a pixel. */
function paintPhotograph(canvas, n, bytes) {
  if (canvas.width !== n) canvas.width = canvas.height = n;
  const pixels = new Uint8ClampedArray(4 * n * n).fill(255);
  bytes.forEach((byte, i) => { pixels[4 * Math.floor(i / 3) + (i % 3)] = byte; });
  canvas.getContext("2d").putImageData(new ImageData(pixels, n, n), 0, 0);
}

function render({ model, el }) {
  const { controls, canvases, colours, now, all, say, show, on, set, start } = bench({ model, el }, template);
  const known = presets(3);
  const text = JSON.stringify;
  controls.kernel.innerHTML = Object.keys(known).map((name) => `<option>${name}</option>`).join("") + "<option disabled>another</option>";

  function draw() {
    const bytes = decode(model.get("image"));
    const n = Math.sqrt(bytes.length / 3);
    const x = Float64Array.from(bytes, (byte) => byte / 255);
    const output_pixel = model.get("output_pixel").map((axis) => Math.min(axis, n - 1));
    const [beta, alpha, score, width, kernel] = ["beta", "alpha", "score", "window", "kernel"].map((name) => model.get(name));
    const features = standardised(x);
    const scores = scoresOf(features, n, output_pixel, { beta, alpha, score });
    const inside = (q) => within(q, n, output_pixel, width);
    const local = softmaxOver(scores, inside);
    const wide = softmaxOver(scores, () => true);
    Object.assign(now, {
      n, x, output_pixel, beta, alpha, score, width, kernel, features, local, global: wide,
      taps: tapsFrom(n, output_pixel, kernel),
      pixels: { local: local.filter((_, q) => inside(q)).length, global: n * n },
      looks: { local: look(local, n, output_pixel), global: look(wide, n, output_pixel) },
    });
    paintPictures(bytes, inside);
    showControls();
    showNumbers();
  }

  function paintPictures(bytes, inside) {
    const { n, output_pixel: [row, column], width, taps: seen, kernel, looks } = now;
    for (const name of ["x", "taps-below", "local-below", "global-below"]) paintPhotograph(canvases[name], n, bytes);
    const most = largest(kernel.flat());
    paint(canvases.taps, n, seen, colours.signed, signed(most));
    say("taps-low", short(-most));
    say("taps-high", short(most));
    for (const kind of HEADS) {
      const limit = looks[kind].largest;
      paint(canvases[kind], n, now[kind], colours.weight, (weight) => weight / limit);
      if (kind === "local") {
        paint(canvases.local, n, now.local.map((weight, q) => (inside(q) ? weight : NaN)), colours.weight, (weight) => weight / limit);
      }
      say(`${kind}-most`, short(limit));
    }
    const R = (width - 1) / 2;
    const [top, left] = [row, column].map((axis) => Math.max(0, axis - R));
    const [bottom, right] = [row, column].map((axis) => Math.min(n - 1, axis + R));
    const lines = { window: box(top, left, bottom - top + 1, right - left + 1), p: box(row, column) };
    all(".c2a-panel svg").forEach((svg) => mark(svg, lines, n));
  }

  function showControls() {
    const { n, output_pixel, beta, alpha, score, width, kernel } = now;
    controls.row.max = controls.column.max = n - 1;
    show("row", output_pixel[0], String(output_pixel[0]));
    show("column", output_pixel[1], String(output_pixel[1]));
    show("beta", beta, short(beta));
    show("alpha", alpha, short(alpha));
    controls.score.value = score;
    controls.window.selectedIndex = WINDOWS.indexOf(width);
    controls.kernel.value = Object.keys(known).find((name) => text(known[name]) === text(kernel)) ?? "another";
    all("[data-score]").forEach((formula) => { formula.hidden = formula.dataset.score !== score; });
  }

  function showNumbers() {
    const { looks, pixels } = now;
    for (const kind of HEADS) {
      say(`${kind}-near`, percent(looks[kind].near));
      say(`${kind}-effective`, count(looks[kind].effective));
      say(`${kind}-pixels`, String(pixels[kind]));
      say(`${kind}-largest`, short(looks[kind].largest));
    }
    say("pictures", `Colours go from 0 to each picture's own largest weight: ${HEADS.map((kind) => `${short(looks[kind].largest)} in the ${kind} one`).join(", ")}.`);
  }

  function summarise() {
    const { n, output_pixel, beta, alpha, looks, pixels, width } = now;
    const at = pair(output_pixel);
    canvases.x.setAttribute("aria-label", `photograph, ${n} by ${n} pixels; p is ${at}; arrow keys move it`);
    canvases.taps.setAttribute("aria-label", `taps of the 3 by 3 convolution around ${at}, over the photograph`);
    canvases.local.setAttribute("aria-label", `weights of the local head from ${at}, ${width} by ${width} pixels, in shares of the largest`);
    canvases.global.setAttribute("aria-label", `weights of the global head from ${at}, in shares of the largest`);
    const by = beta ? (alpha ? "content and position" : "content alone") : alpha ? "position alone" : "neither";
    const sees = (kind) => `${count(looks[kind].effective)} of ${pixels[kind]} pixels`;
    return `From p = ${at}, by ${by}: the local head looks at about ${sees("local")}, the global one at ${sees("global")}.`;
  }

  for (const name of ["beta", "alpha"]) on(controls[name], "input", () => set({ [name]: controls[name].valueAsNumber }));
  on(controls.score, "change", () => set({ score: controls.score.value }));
  on(controls.window, "change", () => set({ window: WINDOWS[controls.window.selectedIndex] }));
  on(controls.kernel, "change", () => set({ kernel: known[controls.kernel.value] }));
  for (const name of ["row", "column"]) {
    on(controls[name], "input", () => set({ output_pixel: [controls.row.valueAsNumber, controls.column.valueAsNumber] }));
  }
  pickable(canvases.x, {
    on, side: () => now.n, place: () => now.output_pixel, pick: (output_pixel) => set({ output_pixel }),
  });
  return start(["image", "output_pixel", "beta", "alpha", "window", "score", "kernel"], draw, summarise);
}

export default { render };
