/* Heads at work: K² attention heads beside the convolution that they become as α grows.

   The pure functions come first; they know nothing of the page. Images are Float64Array, row by row, n×n.
   Tokens are the pixels of the image inside a ring of R = (K-1)/2 zeros, so that every tap has one to look at.
   Then render() draws the widget: the model holds the state, every control writes to it, and one function,
   update(), reads it, computes and paints. */

/* ── Mathematics ─────────────────────────────────────────────────────────────────────────────────────── */

/** Softmax over the tokens q = 0, 1, … of -α (q - centre)². α = Infinity puts all weight on the nearest token;
    two at the same distance share it, as they do at every finite α. */
export function softmax(tokens, alpha, centre) {
  const weights = new Float64Array(tokens);
  const nearest = Math.min(Math.max(Math.ceil(centre - 0.5), 0), tokens - 1);
  const least = (nearest - centre) ** 2;
  if (alpha === Infinity) {
    const tie = nearest + 1 < tokens && (nearest + 1 - centre) ** 2 === least;
    weights.fill(tie ? 0.5 : 1, nearest, nearest + (tie ? 2 : 1));
    return weights;
  }
  let sum = 0;
  for (let q = 0; q < tokens; q++) sum += weights[q] = Math.exp(alpha * (least - (q - centre) ** 2));
  // What is below 1e-20 is lost beside the rest in a double: as a plain 0 it costs no multiplication later.
  return weights.map((weight) => (weight < 1e-20 ? 0 : weight / sum));
}

/** One axis of a head at the offset d: for every pixel p of the axis, softmax around p + R + d. */
export function axisWeights(n, R, alpha, offset) {
  return Array.from({ length: n }, (_, p) => softmax(n + 2 * R, alpha, p + R + offset));
}

/** What one head sees from the query: its weight on every token, (n+2R)×(n+2R). The softmax of a squared
    distance is a product of one softmax a axis. */
export function headMap(n, R, alpha, centre, query) {
  const tokens = n + 2 * R;
  const [down, across] = centre.map((offset, axis) => softmax(tokens, alpha, query[axis] + R + offset));
  const map = new Float64Array(tokens * tokens);
  for (let i = 0; i < tokens; i++) {
    for (let j = 0; j < tokens; j++) map[i * tokens + j] = down[i] * across[j];
  }
  return map;
}

/** Attention: y_p = Σ_h Σ_q A_h[p,q] x_q W_h, first along the rows, then along the columns. */
export function attend(x, n, kernel, centres, alpha) {
  const R = (Math.sqrt(kernel.length) - 1) / 2;
  const axis = once((offset) => axisWeights(n, R, alpha, offset));
  const mixedRows = once((offset) => mix(axis(offset), x, n, R));
  const y = new Float64Array(n * n);
  kernel.forEach((w, h) => {
    if (w === 0) return;
    const read = mix(axis(centres[h][1]), mixedRows(centres[h][0]), n, R);
    for (let p = 0; p < n * n; p++) y[p] += w * read[p];
  });
  return y;
}

/** Mix the rows of x by the weights of one axis, and turn the result over its diagonal, so that mixing twice
    mixes both axes. The tokens of the ring are zero and add nothing: the sum runs over the image alone. */
function mix(weights, x, n, R) {
  const mixed = new Float64Array(n * n);
  const row = new Float64Array(n);
  for (let p = 0; p < n; p++) {
    row.fill(0);
    for (let i = 0; i < n; i++) {
      const weight = weights[p][R + i];
      if (weight === 0) continue;
      for (let j = 0; j < n; j++) row[j] += weight * x[i * n + j];
    }
    for (let j = 0; j < n; j++) mixed[j * n + p] = row[j];
  }
  return mixed;
}

/** Convolution in torch's sense: y_p = Σ_δ W_δ x_{p+δ}, zero outside the image. */
export function convolve(x, n, kernel) {
  const K = Math.sqrt(kernel.length);
  const R = (K - 1) / 2;
  const y = new Float64Array(n * n);
  kernel.forEach((w, h) => {
    if (w === 0) return;
    const down = Math.floor(h / K) - R;
    const right = (h % K) - R;
    for (let i = Math.max(0, -down); i < Math.min(n, n - down); i++) {
      for (let j = Math.max(0, -right); j < Math.min(n, n - right); j++) {
        y[i * n + j] += w * x[(i + down) * n + j + right];
      }
    }
  });
  return y;
}

/** m = 1 - θ₃(0, e^{-α})^{-2}: the most that a head on its tap can let fall beside it, in two dimensions. */
export function strayMass(alpha) {
  let tail = 0;
  for (let k = 1, term = 1; term > 1e-17 && k < 1e6; k++) tail += 2 * (term = Math.exp(-alpha * k * k));
  return -Math.expm1(-2 * Math.log1p(tail));
}

/** |attention - convolution| ≤ 2 m ‖W‖₁ ‖x‖_∞ in every pixel, as long as every head is on its tap. */
export function bound(alpha, kernel, x) {
  return 2 * strayMass(alpha) * norm1(kernel) * largest(x);
}

/** Δ of every head at home, in the kernel's order. */
export function taps(K) {
  const R = (K - 1) / 2;
  return Array.from({ length: K * K }, (_, h) => [Math.floor(h / K) - R, (h % K) - R]);
}

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

const norm1 = (values) => values.reduce((sum, value) => sum + Math.abs(value), 0);

function largest(values) {
  let most = 0;
  for (let i = 0; i < values.length; i++) most = Math.max(most, Math.abs(values[i]));
  return most;
}

function once(compute) {
  const known = new Map();
  return (key) => known.get(key) ?? known.set(key, compute(key)).get(key);
}

/* ── State, sliders, numbers, colours ────────────────────────────────────────────────────────────────── */

const WINDOW = 4; // a head map shows the tokens at most this far from the query
const LARGEST_WEIGHT = 1000;

/* Where the gauge of the error has its marks: 0, then powers of ten. */
const GAUGE = ["0", "10⁻¹²", "10⁻⁹", "10⁻⁶", "10⁻³", "1", "10³"];
const onGauge = (value) => Math.min(1, Math.max(0.02, (Math.log10(value) + 15) / 18)) * (value > 0);

/* The α slider moves by sixteenths of a doubling; the value shown, of three digits, is the value used. */
const ALPHA_STEPS = 106;
export const alphaAt = (step) => Math.min(24, Number((0.25 * 2 ** (step / 16)).toPrecision(3)));
const stepOf = (alpha) => (alpha >= 24 ? ALPHA_STEPS : Math.max(0, Math.round(16 * Math.log2(alpha / 0.25))));

const decode = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
const encode = (bytes) => btoa(String.fromCharCode(...bytes));

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

/** A number as text: five decimals, or a power of ten where that would show too little. */
export function format(value) {
  if (value === 0) return "0";
  const [digits, exponent] = value.toExponential(3).split("e");
  const small = Math.abs(value) < 1e-3;
  const text = small ? `${digits} × 10${superscript(exponent)}` : value.toFixed(5);
  return text.replace("-", "−");
}
const superscript = (exponent) => [...exponent].map((c) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[c] ?? (c === "-" ? "⁻" : "")).join("");
const short = (value) => {
  const text = value !== 0 && Math.abs(value) < 1e-3 ? format(value) : String(Number(value.toPrecision(3)));
  return text.replace("-", "−");
};
const pair = ([row, column]) => `(${row}, ${column})`.replaceAll("-", "−");

/** 256 colours between anchors, as canvas pixels. */
function ramp(anchors) {
  const colours = anchors.map((hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)));
  return Uint32Array.from({ length: 256 }, (_, i) => {
    const at = (i / 255) * (anchors.length - 1);
    const low = Math.min(Math.floor(at), anchors.length - 2);
    const [r, g, b] = colours[low].map((c, k) => Math.round(c + (at - low) * (colours[low + 1][k] - c)));
    return (255 << 24) | (b << 16) | (g << 8) | r;
  });
}
const GREY = ramp(["#000000", "#ffffff"]);

/** Paint values as pixels of a canvas of their size: fraction(value) in [0, 1] picks the colour, NaN none. */
function paint(canvas, side, values, colours, fraction) {
  if (canvas.width !== side) canvas.width = canvas.height = side;
  const pixels = new Uint32Array(side * side);
  for (let i = 0; i < values.length; i++) {
    const at = fraction(values[i]);
    if (at >= 0) pixels[i] = colours[Math.min(255, Math.floor(at * 256))];
  }
  canvas.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(pixels.buffer), side, side), 0, 0);
}

/* ── The widget ──────────────────────────────────────────────────────────────────────────────────────── */

/* An output speaks up at every change unless told not to; sliders say their value themselves, and the summary
   says the rest once things are still. */
const output = (name, kind = "") => `<output data-of="${name}" aria-live="off" class="${kind}"></output>`;

const slider = (name, label, range) => `
  <div class="c2a-slider">
    <label><span>${label}</span><input type="range" name="${name}" ${range}></label>${output(name)}
  </div>`;

const hidden = (text) => `<span class="c2a-hidden">${text}</span>`;

const scale = (kind, low, middle, high) => `
  <p class="c2a-scale" data-scale="${kind}"><i class="c2a-bar"></i>${low}${middle}${high}</p>`;

const symmetric = (name) => scale("signed",
  output(`${name}-low`), "<span>0</span>", output(`${name}-high`));

const view = (name, title, value) => `
  <figure class="c2a-view">
    <figcaption>${title}</figcaption>
    <div class="c2a-panel"><canvas data-canvas="${name}" role="img"></canvas><i class="c2a-pixel"></i></div>
    ${symmetric(name)}
    <p>${value} ${output(name, "c2a-value")}</p>
  </figure>`;

const template = (K) => `
  <form class="c2a-widget"><div class="c2a-heads" style="--c2a-k: ${K}">
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
    <p class="c2a-summary" aria-live="polite"></p>
  </div></form>`;

function render({ model, el }) {
  const K = model.get("kernel").length;
  const home = taps(K);
  el.innerHTML = template(K);
  const form = el.querySelector("form");
  const controls = form.elements;
  const all = (selector) => [...form.querySelectorAll(selector)];
  const canvases = Object.fromEntries(all("[data-canvas]").map((canvas) => [canvas.dataset.canvas, canvas]));
  const outputs = Object.fromEntries(all("[data-of]").map((node) => [node.dataset.of, node]));
  const say = (name, text) => { if (outputs[name].textContent !== text) outputs[name].textContent = text; };
  const look = form.querySelector(".c2a-look");
  const frameOf = form.firstElementChild.style; // lengths and colours for the style sheet
  const maps = all(".c2a-map");
  const fields = all(".c2a-kernel input");
  const note = form.querySelector("[role=status]");
  const summary = form.querySelector(".c2a-summary");
  const palette = model.get("palette");
  const colours = { weight: ramp(palette.weight), signed: ramp(palette.signed) };

  for (const [kind, anchors] of Object.entries(palette)) {
    frameOf.setProperty(`--c2a-${kind}`, anchors.join(", "));
  }
  // JupyterLab takes arrow keys for itself unless the control itself says otherwise.
  all("input, select, button, [tabindex]").forEach((control) => { control.dataset.lmSuppressShortcuts = "true"; });

  const now = { frames: 0 }; // what is shown, for tests and for the curious: el.conv2attn
  el.conv2attn = now;

  /* Computing and painting. */

  function update() {
    const begun = performance.now();
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
    now.frames += 1;
    now.milliseconds = performance.now() - begun;
    later(summarise);
  }

  function paintImage() {
    const { size, x, query, source } = now;
    paint(canvases.x, size, x, GREY, (value) => value);
    const percent = (pixels) => `${(100 * pixels) / size}%`;
    for (const [name, pixels] of [["row", query[0] + 0.5], ["column", query[1] + 0.5], ["side", 1],
      ["top", query[0] - WINDOW], ["left", query[1] - WINDOW], ["window", 2 * WINDOW + 1]]) {
      frameOf.setProperty(`--c2a-${name}`, percent(pixels));
    }
    look.dataset.source = source;
  }

  function paintMaps(R) {
    const { size, centres, query, head, moved } = now;
    const tokens = size + 2 * R;
    const side = 2 * WINDOW + 1;
    const inside = (i) => i >= 0 && i < tokens;
    maps.forEach((label, h) => {
      const seen = Float64Array.from({ length: side * side }, (_, at) => {
        const i = query[0] + R - WINDOW + Math.floor(at / side);
        const j = query[1] + R - WINDOW + (at % side);
        return inside(i) && inside(j) ? now.maps[h][i * tokens + j] : NaN;
      });
      const [radio, canvas] = label.children;
      paint(canvas, side, seen, colours.weight, Math.sqrt);
      radio.checked = h === head;
      radio.setAttribute("aria-label", `head ${h} at tap ${pair(home[h])}, centre ${pair(centres[h])}`);
      label.toggleAttribute("data-moved", moved[h]);
    });
    // Where the image ends and the ring of zeros begins, in a map's own measure.
    const percent = (pixels) => `${(100 * pixels) / side}%`;
    frameOf.setProperty("--c2a-ring-top", percent(WINDOW - query[0]));
    frameOf.setProperty("--c2a-ring-left", percent(WINDOW - query[1]));
    frameOf.setProperty("--c2a-ring-size", percent(size));
  }

  function paintKernel() {
    const most = largest(now.kernel) || 1;
    fields.forEach((field, h) => {
      const w = now.kernel[h];
      const colour = colours.signed[Math.min(255, Math.floor((w / most + 1) * 128))];
      const rgb = [colour & 255, (colour >> 8) & 255, (colour >> 16) & 255];
      const luminance = rgb.reduce((sum, c, k) => sum + [0.2126, 0.7152, 0.0722][k] * (c / 255) ** 2.2, 0);
      field.style.background = `rgb(${rgb})`;
      field.style.color = luminance < 0.18 ? "#ffffff" : "#000000"; // the one of more contrast
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
    const signed = (limit) => (value) => (limit ? (value / limit + 1) / 2 : 0.5);
    for (const [name, values, limit] of [["attention", attention, shared], ["convolution", convolution, shared],
      ["difference", difference, largestDifference]]) {
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
    const show = (name, value, text) => {
      controls[name].value = value;
      controls[name].setAttribute("aria-valuetext", text);
      say(name, text);
    };
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
    frameOf.setProperty("--c2a-allowed", away ? 0 : onGauge(now.bound));
    frameOf.setProperty("--c2a-measured", onGauge(largestDifference));
  }

  function summarise() {
    const { size, source, alpha, query, attention, convolution, largestDifference, moved } = now;
    const p = query[0] * size + query[1];
    const at = alpha === Infinity ? "In the hard limit" : `At α = ${short(alpha)}`;
    const allowed = moved.includes(true) ? "no bound, because it holds only for heads on their taps" : `the bound allows ${short(now.bound)}`;
    const text = `${at} attention and convolution differ by at most ${short(largestDifference)}; ${allowed}. `
      + `At p = ${pair(query)} they are ${short(attention[p])} and ${short(convolution[p])}.`;
    if (summary.textContent !== text) summary.textContent = text;
    const keys = source === "drawing" ? "Arrow keys move the cursor, space paints." : "Arrow keys move the query.";
    canvases.x.setAttribute("aria-label", `${source === "drawing" ? "drawing pad" : "image"}, ${size} by ${size} pixels, `
      + `query at ${pair(query)}, value ${short(now.x[p])}. ${keys}`);
    for (const [name, title] of [["attention", "attention output"], ["convolution", "convolution output"],
      ["difference", "attention minus convolution"]]) {
      canvases[name].setAttribute("aria-label", `${title}, from ${outputs[`${name}-low`].textContent} to `
        + outputs[`${name}-high`].textContent);
    }
  }

  /* One painting a frame, one sentence for screen readers once things are still. */

  let frame = 0;
  const schedule = () => { frame ||= requestAnimationFrame(() => { frame = 0; update(); }); };
  let timer = 0;
  const later = (action) => {
    clearTimeout(timer);
    if (now.frames === 1) action();
    else timer = setTimeout(action, 500);
  };

  const set = (changes) => {
    for (const [name, value] of Object.entries(changes)) model.set(name, value);
    model.save_changes();
    schedule();
  };

  /* Controls. */

  const listening = new AbortController();
  const on = (target, event, act) => target.addEventListener(event, act, { signal: listening.signal });

  on(form, "submit", (event) => event.preventDefault());
  on(controls.alpha, "input", () => set({ alpha: alphaAt(controls.alpha.valueAsNumber) }));
  on(controls.hard, "input", () => set({ alpha: controls.hard.checked ? null : alphaAt(controls.alpha.valueAsNumber) }));
  on(controls.preset, "input", () => {
    fields.forEach((field) => delete field.dataset.weight);
    setKernel(presets(K)[controls.preset.value]);
  });
  on(controls.home, "click", () => set({ centres: home }));
  on(form, "input", ({ target }) => { if (target.name === "head") set({ head: Number(target.value) }); });
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

  /* Python moves the widget too. */

  const traits = ["image", "drawing", "source", "kernel", "alpha", "centres", "head", "query"];
  traits.forEach((name) => model.on(`change:${name}`, schedule));
  update();

  return () => {
    listening.abort();
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    traits.forEach((name) => model.off(`change:${name}`, schedule));
  };
}

/** The pixels of a straight stroke, both ends included. */
function between(from, to) {
  const steps = Math.max(1, ...from.map((start, axis) => Math.abs(to[axis] - start)));
  return Array.from({ length: steps + 1 }, (_, i) => from.map((start, axis) => Math.round(start + ((to[axis] - start) * i) / steps)));
}

export default { render };
