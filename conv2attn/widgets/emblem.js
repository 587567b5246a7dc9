/* The emblem of the course: heads at work in its smallest form. One slider, from heads that look all around to heads
   that look at one pixel each; its last step is the hard limit. */

import { bench, decode, hidden, largest, output, paint, pair, scale, shade, short, signed, slider, summary, taps } from "./common.js";
import { ALPHA_STEPS, WINDOW, alphaAt, around, attend, convolve, headMap, stepOf } from "./heads.js";

const LIMIT = ALPHA_STEPS + 1;

const view = (title, inside) => `
  <figure><figcaption>${title}</figcaption><div class="c2a-panel">${inside}</div></figure>`;
const canvas = (name) => `<canvas data-canvas="${name}" role="img"></canvas>`;

const template = (K) => `
  <div class="c2a-emblem" style="--c2a-k: ${K}">
    ${view("<var>x</var>, image", `${canvas("x")}<i class="c2a-window"></i>`)}
    ${view(`<var>A</var>, ${K * K} heads`, `
      <div class="c2a-grid" role="img">${taps(K).map(() => "<div><canvas></canvas><i></i></div>").join("")}</div>`)}
    ${view("<var>W</var>, kernel", `
      <div class="c2a-grid" role="img">${taps(K).map(() => "<span></span>").join("")}</div>`)}
    ${slider("alpha", "<var>α</var>, how sharply the heads look", `min="0" max="${LIMIT}" step="1"`)}
    ${view("attention", canvas("attention"))}
    ${view("convolution", canvas("convolution"))}
    ${view("difference", canvas("difference"))}
    ${scale("signed", output("low"), "<span>0</span>", output("high"))}
    <p>${hidden("difference")} at most ${output("difference", "c2a-value")}</p>
    <div class="c2a-hidden">${summary}</div>
  </div>`;

function render({ model, el }) {
  const K = model.get("kernel").length;
  const { controls, canvases, colours, now, all, say, show, style, on, set, start } = bench({ model, el }, template(K));
  const [heads, kernel] = all(".c2a-grid");

  function draw() {
    const bytes = decode(model.get(model.get("source")));
    const size = Math.sqrt(bytes.length);
    const x = Float64Array.from(bytes, (byte) => byte / 255);
    const weights = model.get("kernel").flat();
    const centres = model.get("centres");
    const alpha = model.get("alpha") ?? Infinity;
    const attention = attend(x, size, weights, centres, alpha);
    const convolution = convolve(x, size, weights);
    const difference = attention.map((y, p) => y - convolution[p]);
    // One scale for all three, so that the difference fades as it shrinks.
    const limit = Math.max(largest(attention), largest(convolution));
    Object.assign(now, { alpha, attention, convolution, difference, largestDifference: largest(difference) });

    paint(canvases.x, size, x, colours.grey);
    paintHeads(size, centres, alpha);
    weights.forEach((w, h) => {
      kernel.children[h].textContent = short(w);
      shade(kernel.children[h], colours.signed, signed(largest(weights))(w));
    });
    for (const [name, values] of Object.entries({ attention, convolution, difference })) {
      paint(canvases[name], size, values, colours.signed, signed(limit));
    }
    show("alpha", alpha === Infinity ? LIMIT : stepOf(alpha), alpha === Infinity ? "∞" : short(alpha));
    say("low", short(-limit));
    say("high", short(limit));
    say("difference", short(now.largestDifference));
  }

  function paintHeads(size, centres, alpha) {
    const query = model.get("query");
    const R = (K - 1) / 2;
    const side = 2 * WINDOW + 1;
    centres.forEach((centre, h) => {
      const seen = around(headMap(size, R, alpha, centre, query), size, R, query);
      paint(heads.children[h].firstChild, side, seen, colours.weight, Math.sqrt);
    });
    for (const [name, pixels] of [["top", query[0] - WINDOW], ["left", query[1] - WINDOW], ["window", side]]) {
      style(name, `${(100 * pixels) / size}%`);
    }
  }

  function summarise() {
    const { alpha, largestDifference } = now;
    const query = pair(model.get("query"));
    canvases.x.setAttribute("aria-label", `a photograph; a frame marks what the heads are shown of, around the pixel ${query}`);
    heads.setAttribute("aria-label", `where each of ${K * K} attention heads looks from the pixel ${query}`);
    kernel.setAttribute("aria-label", `the kernel, ${K} by ${K}: ${model.get("kernel").map((row) => row.map(short).join(", ")).join("; ")}`);
    for (const name of ["attention", "convolution"]) canvases[name].setAttribute("aria-label", `output of the ${name}`);
    canvases.difference.setAttribute("aria-label", "attention minus convolution, in the same colours");
    const at = alpha === Infinity ? "In the hard limit, α = ∞," : `At α = ${short(alpha)}`;
    return `${at} attention and convolution differ by at most ${short(largestDifference)}.`;
  }

  on(controls.alpha, "input", () => {
    const step = controls.alpha.valueAsNumber;
    set({ alpha: step === LIMIT ? null : alphaAt(step) });
  });
  return start(["image", "drawing", "source", "kernel", "alpha", "centres", "query"], draw, summarise);
}

export default { render };
