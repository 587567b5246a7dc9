/* A kernel of K×K weights to edit: a field for each, a choice of well-known ones, and a line for what is wrong. */

import { hidden, largest, pair, shade, short, signed, symmetric, taps } from "./common.js";

const LARGEST_WEIGHT = 1000;

/** A kernel in K×K: its middle, with zeros around it where it is smaller. */
export function resized(kernel, K) {
  const R = (kernel.length - 1) / 2;
  return inRows(taps(K).map(([i, j]) => kernel[R + i]?.[R + j] ?? 0));
}

/** K² weights as K rows of K. */
export function inRows(weights) {
  const K = Math.sqrt(weights.length);
  return Array.from({ length: K }, (_, i) => weights.slice(i * K, (i + 1) * K));
}

/** The kernels that can be chosen, K rows of K weights; those of 3×3 stand in the middle of a larger one. */
export function presets(K) {
  return {
    "Sobel horizontal": resized([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], K),
    "Sobel vertical": resized([[-1, -2, -1], [0, 0, 0], [1, 2, 1]], K),
    "Laplacian": resized([[0, 1, 0], [1, -4, 1], [0, 1, 0]], K),
    "sharpen": resized([[0, -1, 0], [-1, 5, -1], [0, -1, 0]], K),
    "box blur": inRows(taps(K).map(() => 1 / (K * K))),
    "shift, one tap": resized([[1, 0, 0], [0, 0, 0], [0, 0, 0]], K),
    [`1 to ${K * K}`]: inRows(taps(K).map((_, h) => h + 1)),
  };
}

/** The fields, laid out as the kernel, with their colour bar. */
export const kernelFields = `
  <div class="c2a-panel c2a-grid c2a-kernel"></div>
  ${symmetric("kernel")}`;

const field = (tap) => `
  <input type="number" step="any" min="${-LARGEST_WEIGHT}" max="${LARGEST_WEIGHT}" inputmode="decimal"
    aria-label="kernel weight at ${pair(tap)}" data-lm-suppress-shortcuts="true">`;

/** The choice. */
export const kernelChoice = `<label>${hidden("kernel")}<select name="preset"></select></label>`;

/** Where it says what is wrong. */
export const kernelNote = '<p class="c2a-quiet" role="status"></p>';

/** Tie the fields and the choice of a bench to the model's `kernel`, K rows of K weights. Returns the function that
    paints it; where K has changed, it lays out the fields anew. */
export function editKernel({ controls, colours, all, say, set, on }, model) {
  const [grid] = all(".c2a-kernel");
  const [note] = all("[role=status]");
  const fields = grid.children;
  let known; // the kernels that can be chosen

  function layOut(K) {
    known = presets(K);
    grid.style.setProperty("--c2a-k", K);
    grid.innerHTML = taps(K).map(field).join("");
    controls.preset.innerHTML = Object.keys(known).map((name) => `<option>${name}</option>`).join("") + "<option disabled>edited</option>";
  }

  on(controls.preset, "input", () => {
    for (const { dataset } of fields) delete dataset.weight;
    set({ kernel: known[controls.preset.value] });
  });
  on(grid, "input", ({ target }) => {
    const weights = model.get("kernel").flat();
    const h = [...fields].indexOf(target);
    const w = target.valueAsNumber;
    if (!(Math.abs(w) <= LARGEST_WEIGHT)) {
      target.setAttribute("aria-invalid", "true");
      note.textContent = `Not a number up to ±${LARGEST_WEIGHT}: the tap keeps ${short(weights[h])}.`;
      return;
    }
    target.removeAttribute("aria-invalid");
    target.dataset.weight = w;
    weights[h] = w;
    set({ kernel: inRows(weights) });
  });

  return () => {
    const kernel = model.get("kernel").flat();
    if (fields.length !== kernel.length) layOut(Math.sqrt(kernel.length));
    const most = largest(kernel) || 1;
    [...fields].forEach((input, h) => {
      const w = kernel[h];
      shade(input, colours.signed, signed(most)(w));
      if (input.dataset.weight === String(w)) return; // what is being typed stays as typed
      input.dataset.weight = w;
      input.value = Number(w.toPrecision(4));
      input.removeAttribute("aria-invalid");
    });
    if (![...fields].some((input) => input.ariaInvalid)) note.textContent = "";
    say("kernel-low", short(-most));
    say("kernel-high", short(most));
    const chosen = Object.keys(known).find((name) => known[name].flat().every((w, h) => w === kernel[h]));
    controls.preset.value = chosen ?? "edited";
  };
}
