/* Heads at work: K² attention heads beside the convolution that they become as α grows.

   The model holds the state, every control writes to it, and one function, draw(), reads it, computes and paints. */

import {
  bench, decode, encode, format, hidden, largest, output, pair, paint, scale, shade, short, signed, slider, summary,
  symmetric,
} from "./common.js";
import {
  ALPHA_STEPS, WINDOW, alphaAt, around, attend, bound, convolve, headMap, norm1, stepOf, strayMass, taps,
} from "./heads.js";

const LARGEST_WEIGHT = 1000;

/* Where the gauge of the error has its marks: 0, then powers of ten. */
const GAUGE = ["0", "10⁻¹²", "10⁻⁹", "10⁻⁶", "10⁻³", "1", "10³"];
const onGauge = (value) => Math.min(1, Math.max(0.02, (Math.log10(value) + 15) / 18)) * (value > 0);

/** The kernels that can be chosen, K×K; those of 3×3 stand in the middle of a larger one. */
export function presets(K) {
  const middle = (rows) => taps(K).map(([i, j]) => rows[i + 1]?.[j + 1] ?? 0);
  return {
    "Sobel horizontal": middle([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]),
    "Sobel vertical": middle([[-1, -2, -1], [0, 0, 0], [1, 2, 1]]),
    "Laplacian": middle([[0, 1, 0], [1, -4, 1], [0, 1, 0]]),
    "sharpen": middle([[0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
    "box blur": taps(K).map(() => 1 / (K * K)),
    "shift, one tap": middle([[1, 0, 0], [0, 0, 0], [0, 0, 0]]),
    [`1 to ${K * K}`]: taps(K).map((_, h) => h + 1),
  };
}

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
        <div class="c2a-panel c2a-grid c2a-kernel">${taps(K).map((tap) => `
          <input type="number" step="any" min="${-LARGEST_WEIGHT}" max="${LARGEST_WEIGHT}" inputmode="decimal"
            aria-label="kernel weight at ${pair(tap)}">`).join("")}
        </div>
        ${symmetric("kernel")}
        <div class="c2a-controls">
          <div class="c2a-pick">
            <label>${hidden("kernel")}<select name="preset">${Object.keys(presets(K)).map((name) => `
              <option>${name}</option>`).join("")}<option disabled>edited</option></select></label>
          </div>
          <p>‖<var>W</var>‖<sub>1</sub> = Σ|<var>W</var>| = ${output("norm", "c2a-value")}</p>
          <p class="c2a-quiet" role="status"></p>
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
  const { controls, canvases, colours, now, all, say, show, style, on, set, start } = bench({ model, el }, template(K));
  const [look] = all(".c2a-look");
  const maps = all(".c2a-map");
  const fields = all(".c2a-kernel input");
  const [note] = all("[role=status]");

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
    const percent = (pixels) => `${(100 * pixels) / size}%`;
    for (const [name, pixels] of [["row", query[0] + 0.5], ["column", query[1] + 0.5], ["side", 1],
      ["top", query[0] - WINDOW], ["left", query[1] - WINDOW], ["window", 2 * WINDOW + 1]]) {
      style(name, percent(pixels));
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

  function paintKernel() {
    const most = largest(now.kernel) || 1;
    fields.forEach((field, h) => {
      const w = now.kernel[h];
      shade(field, colours.signed, signed(most)(w));
      if (field.dataset.weight === String(w)) return; // what is being typed stays as typed
      field.dataset.weight = w;
      field.value = Number(w.toPrecision(4));
      field.removeAttribute("aria-invalid");
    });
    if (!fields.some((field) => field.ariaInvalid)) note.textContent = "";
    say("kernel-low", short(-most));
    say("kernel-high", short(most));
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
    const chosen = Object.entries(presets(K)).find(([, weights]) => weights.every((w, h) => w === kernel[h]));
    controls.preset.value = chosen ? chosen[0] : "edited";
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
  on(controls.preset, "input", () => {
    fields.forEach((field) => delete field.dataset.weight);
    setKernel(presets(K)[controls.preset.value]);
  });
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

  const setKernel = (weights) => set({ kernel: home.slice(0, K).map((_, i) => weights.slice(i * K, (i + 1) * K)) });
  fields.forEach((field, h) => on(field, "input", () => {
    const w = field.valueAsNumber;
    const valid = Math.abs(w) <= LARGEST_WEIGHT;
    if (!valid) {
      field.setAttribute("aria-invalid", "true");
      note.textContent = `Not a number up to ±${LARGEST_WEIGHT}: the tap keeps ${short(now.kernel[h])}.`;
      return;
    }
    field.removeAttribute("aria-invalid");
    field.dataset.weight = w;
    setKernel(model.get("kernel").flat().map((old, i) => (i === h ? w : old)));
  }));

  /* The image: a pointer or the arrow keys move the query; on the drawing pad they also paint. */

  const drawPixels = (pixels, byte) => {
    const { bytes, size } = read(model);
    for (const [row, column] of pixels) bytes[row * size + column] = byte;
    set({ drawing: encode(bytes), query: pixels.at(-1) });
  };
  const pixelUnder = ({ clientX, clientY }) => {
    const box = canvases.x.getBoundingClientRect();
    const index = (from, length) => Math.min(now.size - 1, Math.max(0, Math.floor((from / length) * now.size)));
    return [index(clientY - box.top, box.height), index(clientX - box.left, box.width)];
  };
  let stroke = null; // { byte, last } while the pointer is down
  on(canvases.x, "pointerdown", (event) => {
    const at = pixelUnder(event);
    canvases.x.setPointerCapture(event.pointerId);
    stroke = { byte: now.bytes[at[0] * now.size + at[1]] ? 0 : 255, last: at };
    if (now.source === "drawing") drawPixels([at], stroke.byte);
    else set({ query: at });
  });
  on(canvases.x, "pointermove", (event) => {
    if (!stroke) return;
    const at = pixelUnder(event);
    if (now.source === "drawing") drawPixels(between(stroke.last, at), stroke.byte);
    else set({ query: at });
    stroke.last = at;
  });
  for (const end of ["pointerup", "pointercancel"]) on(canvases.x, end, () => { stroke = null; });
  on(canvases.x, "keydown", (event) => {
    const { size, query, source, bytes } = read(model);
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (step) set({ query: query.map((q, axis) => Math.min(size - 1, Math.max(0, q + step[axis]))) });
    else if (event.key === " " && source === "drawing") drawPixels([query], bytes[query[0] * size + query[1]] ? 0 : 255);
    else return;
    event.preventDefault();
  });

  return start(["image", "drawing", "source", "kernel", "alpha", "centres", "head", "query"], draw, summarise);
}

/** The pixels of a straight stroke, both ends included. */
function between(from, to) {
  const steps = Math.max(1, ...from.map((start, axis) => Math.abs(to[axis] - start)));
  return Array.from({ length: steps + 1 }, (_, i) => from.map((start, axis) => Math.round(start + ((to[axis] - start) * i) / steps)));
}

export default { render };
