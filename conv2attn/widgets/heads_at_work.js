/* Heads at work: K² attention heads beside the convolution that they become as α grows.

   The model holds the state, every control writes to it, and one function, draw(), reads it, computes and paints. */

import {
  bench, decode, encode, format, hidden, largest, output, pair, paint, scale, short, signed, slider, summary, symmetric, taps,
} from "./common.js";
import {
  ALPHA_STEPS, WINDOW, alphaAt, around, attend, bound, convolve, headMap, norm1, stepOf, strayMass,
} from "./heads.js";
import { editKernel, kernelChoice, kernelFields, kernelNote } from "./kernel.js";
import { frame, pickable } from "./picture.js";

/* Where the gauge of the error has its marks: 0, then powers of ten. */
const GAUGE = ["0", "10⁻¹²", "10⁻⁹", "10⁻⁶", "10⁻³", "1", "10³"];
const onGauge = (value) => Math.min(1, Math.max(0.02, (Math.log10(value) + 15) / 18)) * (value > 0);

function read(model) {
  const bytes = decode(model.get(model.get("source")));
  const size = Math.sqrt(bytes.length);
  return {
    source: model.get("source"),
    bytes,
    size,
    x: Float64Array.from(bytes, (byte) => byte / 255),
    kernel: model.get("kernel").flat(),
    centres: model.get("centres"),
    alpha: model.get("alpha") ?? Infinity,
    head: model.get("head"),
    query: model.get("query").map((q) => Math.min(q, size - 1)),
  };
}

const view = (name, title, value) => `
  <figure class="c2a-view">
    <figcaption>${title}</figcaption>
    <div class="c2a-panel"><canvas data-canvas="${name}" role="img"></canvas><i class="c2a-pixel"></i></div>
    ${symmetric(name)}
    <p>${value} ${output(name, "c2a-value")}</p>
  </figure>`;

const template = (K) => `
  <div class="c2a-heads" style="--c2a-k: ${K}">
    <p class="c2a-line"><var>y</var><sub><var>p</var></sub> = Σ<sub><var>h</var></sub> Σ<sub><var>q</var></sub>
      <var>A</var><sub><var>h</var></sub>[<var>p</var>, <var>q</var>] <var>x</var><sub><var>q</var></sub>
      <var>W</var><sub><var>h</var></sub></p>
    <div class="c2a-stage">
      <fieldset>
        <legend><var>x</var>, image, query <var>p</var></legend>
        <div class="c2a-panel c2a-look">
          <canvas data-canvas="x" tabindex="0" role="application"></canvas>
          <i class="c2a-row-line"></i><i class="c2a-column-line"></i><i class="c2a-window"></i>
        </div>
        ${scale("grey", "<span>0</span>", "<span></span>", "<span>1</span>")}
        <div class="c2a-controls">
          <div class="c2a-pick">
            <label>${hidden("picture")}<select name="source">
              <option value="image">picture</option><option value="drawing">drawing pad</option>
            </select></label>
            <button type="button" name="clear">clear</button>
          </div>
          ${slider("row", `${hidden("query")} <var>p</var> row`, 'min="0" step="1"')}
          ${slider("column", `${hidden("query")} <var>p</var> column`, 'min="0" step="1"')}
        </div>
      </fieldset>
      <fieldset>
        <legend><var>A</var>, ${K * K} heads, centres Δ</legend>
        <div class="c2a-panel c2a-grid">${taps(K).map((_, h) => `
          <label class="c2a-map"><input type="radio" name="head" value="${h}"><canvas></canvas><i
            class="c2a-ring"></i><i class="c2a-pixel"></i></label>`).join("")}
        </div>
        ${scale("weight", "<span>0</span>", "", "<span style='--at: 0.1'>0.1</span><span style='--at: 0.5'>0.5</span><span>1</span>")}
        <div class="c2a-controls">
          <div class="c2a-pick">
            ${output("head")}
            <button type="button" name="home">centres home</button>
          </div>
          ${slider("centre-row", `${hidden("centre")} Δ row`, 'min="-3" max="3" step="0.25"')}
          ${slider("centre-column", `${hidden("centre")} Δ column`, 'min="-3" max="3" step="0.25"')}
        </div>
      </fieldset>
      <fieldset>
        <legend><var>W</var>, kernel</legend>
        ${kernelFields}
        <div class="c2a-controls">
          <div class="c2a-pick">${kernelChoice}</div>
          <p>‖<var>W</var>‖<sub>1</sub> = Σ|<var>W</var>| = ${output("norm", "c2a-value")}</p>
          ${kernelNote}
        </div>
      </fieldset>
    </div>
    <fieldset class="c2a-sharpness">
      <legend class="c2a-hidden">sharpness of all heads</legend>
      ${slider("alpha", "<var>α</var>, sharpness", `min="0" max="${ALPHA_STEPS}" step="1"`)}
      <label class="c2a-check"><input type="checkbox" name="hard"> hard limit, α = ∞</label>
    </fieldset>
    <div class="c2a-stage">
      ${view("attention", "<var>y</var>, attention", "at <var>p</var>")}
      ${view("convolution", "<var>y</var>, convolution", "at <var>p</var>")}
      ${view("difference", "their difference", '<i class="c2a-key c2a-dot"></i>largest')}
      <div class="c2a-error">
        <p><i class="c2a-key"></i>bound ${output("bound", "c2a-value")}<br>
          ${output("terms", "c2a-quiet")}</p>
        <div class="c2a-gauge" aria-hidden="true"><i class="c2a-allowed"></i><i class="c2a-measured"></i>${GAUGE.map((text, i) => `
          <span style="--at: ${i / (GAUGE.length - 1)}">${text}</span>`).join("")}
        </div>
      </div>
    </div>
    ${summary}
  </div>`;

function render({ model, el }) {
  const K = model.get("kernel").length;
  const home = taps(K);
  const tools = bench({ model, el }, template(K));
  const { controls, canvases, colours, now, all, say, show, style, on, set, start } = tools;
  const paintKernel = editKernel(tools, model);
  const [look] = all(".c2a-look");
  const maps = all(".c2a-map");

  /* Computing and painting. */

  function draw() {
    const state = read(model);
    const { size, x, kernel, centres, alpha, query } = state;
    const R = (K - 1) / 2;
    const attention = attend(x, size, kernel, centres, alpha);
    const convolution = convolve(x, size, kernel);
    const difference = attention.map((y, p) => y - convolution[p]);
    const moved = home.map((tap, h) => tap[0] !== centres[h][0] || tap[1] !== centres[h][1]);
    Object.assign(now, state, {
      attention, convolution, difference, moved,
      maps: centres.map((centre) => headMap(size, R, alpha, centre, query)),
      largestDifference: largest(difference),
      bound: moved.includes(true) ? null : bound(alpha, kernel, x),
    });
    paintImage();
    paintMaps(R);
    paintKernel();
    paintOutputs();
    showControls();
    showBound();
  }

  function paintImage() {
    const { size, x, query, source } = now;
    paint(canvases.x, size, x, colours.grey);
    frame(style, query, size);
    for (const [name, pixels] of [["top", query[0] - WINDOW], ["left", query[1] - WINDOW], ["window", 2 * WINDOW + 1]]) {
      style(name, `${(100 * pixels) / size}%`);
    }
    look.dataset.source = source;
  }

  function paintMaps(R) {
    const { size, centres, query, head, moved } = now;
    const side = 2 * WINDOW + 1;
    maps.forEach((label, h) => {
      const [radio, canvas] = label.children;
      paint(canvas, side, around(now.maps[h], size, R, query), colours.weight, Math.sqrt);
      radio.checked = h === head;
      radio.setAttribute("aria-label", `head ${h} at tap ${pair(home[h])}, centre ${pair(centres[h])}`);
      label.toggleAttribute("data-moved", moved[h]);
    });
    // Where the image ends and the ring of zeros begins, in a map's own measure.
    const percent = (pixels) => `${(100 * pixels) / side}%`;
    style("ring-top", percent(WINDOW - query[0]));
    style("ring-left", percent(WINDOW - query[1]));
    style("ring-size", percent(size));
  }

  function paintOutputs() {
    const { size, attention, convolution, difference, largestDifference, query } = now;
    const shared = Math.max(largest(attention), largest(convolution));
    now.limits = { attention: shared, convolution: shared, difference: largestDifference };
    for (const [name, values] of Object.entries({ attention, convolution, difference })) {
      const limit = now.limits[name];
      paint(canvases[name], size, values, colours.signed, signed(limit));
      say(`${name}-low`, short(-limit));
      say(`${name}-high`, short(limit));
    }
    const p = query[0] * size + query[1];
    say("attention", format(attention[p]));
    say("convolution", format(convolution[p]));
    say("difference", format(largestDifference));
  }

  function showControls() {
    const { source, size, kernel, centres, alpha, head, query } = now;
    controls.row.max = controls.column.max = size - 1;
    show("row", query[0], String(query[0]));
    show("column", query[1], String(query[1]));
    show("centre-row", centres[head][0], short(centres[head][0]));
    show("centre-column", centres[head][1], short(centres[head][1]));
    controls.hard.checked = controls.alpha.disabled = alpha === Infinity;
    if (alpha === Infinity) say("alpha", "∞");
    else show("alpha", stepOf(alpha), short(alpha));
    controls.source.value = source;
    controls.clear.disabled = source !== "drawing";
    say("head", `head ${head}`);
    say("norm", short(norm1(kernel)));
  }

  function showBound() {
    const { alpha, kernel, x, moved, largestDifference } = now;
    const away = moved.filter(Boolean).length;
    say("bound", away ? "none" : format(now.bound));
    say("terms", away
      ? `${away} of ${K * K} heads off the tap`
      : `2 m ‖W‖₁ ‖x‖∞ = 2 × ${short(strayMass(alpha))} × ${short(norm1(kernel))} × ${short(largest(x))}`);
    style("allowed", away ? 0 : onGauge(now.bound));
    style("measured", onGauge(largestDifference));
  }

  function summarise() {
    const { size, source, alpha, query, attention, convolution, largestDifference, moved } = now;
    const p = query[0] * size + query[1];
    const at = alpha === Infinity ? "In the hard limit" : `At α = ${short(alpha)}`;
    const allowed = moved.includes(true) ? "no bound, because it holds only for heads on their taps" : `the bound allows ${short(now.bound)}`;
    describeCanvases();
    return `${at} attention and convolution differ by at most ${short(largestDifference)}; ${allowed}. `
      + `At p = ${pair(query)} they are ${short(attention[p])} and ${short(convolution[p])}.`;
  }

  function describeCanvases() {
    const { size, source, query, limits } = now;
    const keys = source === "drawing" ? "Arrow keys move the cursor, space paints." : "Arrow keys move the query.";
    canvases.x.setAttribute("aria-label", `${source === "drawing" ? "drawing pad" : "image"}, ${size} by ${size} pixels, `
      + `query at ${pair(query)}, value ${short(now.x[query[0] * size + query[1]])}. ${keys}`);
    for (const [name, title] of [["attention", "attention output"], ["convolution", "convolution output"],
      ["difference", "attention minus convolution"]]) {
      canvases[name].setAttribute("aria-label", `${title}, from ${short(-limits[name])} to ${short(limits[name])}`);
    }
  }

  /* Controls. */

  on(controls.alpha, "input", () => set({ alpha: alphaAt(controls.alpha.valueAsNumber) }));
  on(controls.hard, "input", () => set({ alpha: controls.hard.checked ? null : alphaAt(controls.alpha.valueAsNumber) }));
  on(controls.home, "click", () => set({ centres: home }));
  maps.forEach((label, h) => on(label, "input", () => set({ head: h })));
  for (const name of ["row", "column"]) {
    on(controls[name], "input", () => set({ query: [controls.row.valueAsNumber, controls.column.valueAsNumber] }));
    on(controls[`centre-${name}`], "input", () => {
      const centre = [controls["centre-row"].valueAsNumber, controls["centre-column"].valueAsNumber];
      set({ centres: model.get("centres").map((old, h) => (h === model.get("head") ? centre : old)) });
    });
  }
  on(controls.source, "input", () => {
    const before = read(model);
    const after = Math.sqrt(decode(model.get(controls.source.value)).length);
    set({ source: controls.source.value, query: before.query.map((q) => Math.floor(((q + 0.5) * after) / before.size)) });
  });
  on(controls.clear, "click", () => set({ drawing: encode(new Uint8Array(read(model).bytes.length)) }));

  /* The image: a pointer or the arrow keys move the query; on the drawing pad they also paint. */

  const drawPixels = (pixels, byte) => {
    const { bytes, size } = read(model);
    for (const [row, column] of pixels) bytes[row * size + column] = byte;
    set({ drawing: encode(bytes), query: pixels.at(-1) });
  };
  let byte = 0; // what the stroke paints
  const query = (to) => set({ query: to });
  const drawing = () => now.source === "drawing";
  pickable(canvases.x, {
    on,
    side: () => now.size,
    place: () => read(model).query,
    pick: query,
    press: (at) => {
      byte = now.bytes[at[0] * now.size + at[1]] ? 0 : 255;
      if (drawing()) drawPixels([at], byte);
      else query(at);
    },
    drag: (to, from) => (drawing() ? drawPixels(between(from, to), byte) : query(to)),
  });
  on(canvases.x, "keydown", (event) => {
    if (event.key !== " " || !drawing()) return;
    event.preventDefault();
    const { bytes, size, query: [row, column] } = read(model);
    drawPixels([[row, column]], bytes[row * size + column] ? 0 : 255);
  });

  return start(["image", "drawing", "source", "kernel", "alpha", "centres", "head", "query"], draw, summarise);
}

/** The pixels of a straight stroke, both ends included. */
function between(from, to) {
  const steps = Math.max(1, ...from.map((start, axis) => Math.abs(to[axis] - start)));
  return Array.from({ length: steps + 1 }, (_, i) => from.map((start, axis) => Math.round(start + ((to[axis] - start) * i) / steps)));
}

export default { render };
