/* A kernel of K×K weights to edit: a field for each, a choice of well-known ones, and a line for what is wrong. */

import { hidden, largest, output, pair, shade, short, signed, symmetric, taps } from "./common.js";

const LARGEST_WEIGHT = 1000;

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

/** The fields, laid out as the kernel, with their colour bar. */
export const kernelFields = (K) => `
  <div class="c2a-panel c2a-grid c2a-kernel">${taps(K).map((tap) => `
    <input type="number" step="any" min="${-LARGEST_WEIGHT}" max="${LARGEST_WEIGHT}" inputmode="decimal"
      aria-label="kernel weight at ${pair(tap)}">`).join("")}
  </div>
  ${symmetric("kernel")}`;

/** The choice. */
export const kernelChoice = (K) => `
  <div class="c2a-pick">
    <label>${hidden("kernel")}<select name="preset">${Object.keys(presets(K)).map((name) => `
      <option>${name}</option>`).join("")}<option disabled>edited</option></select></label>
  </div>`;

/** Where it says what is wrong. */
export const kernelNote = '<p class="c2a-quiet" role="status"></p>';

/** Tie the fields and the choice of a bench to the model's `kernel`, K rows of K weights. Returns the function that
    paints it. */
export function editKernel({ controls, colours, all, say, set, on }, model) {
  const K = model.get("kernel").length;
  const fields = all(".c2a-kernel input");
  const [note] = all("[role=status]");
  const weights = () => model.get("kernel").flat();
  const rows = (values) => Array.from({ length: K }, (_, i) => values.slice(i * K, (i + 1) * K));

  on(controls.preset, "input", () => {
    fields.forEach((field) => delete field.dataset.weight);
    set({ kernel: rows(presets(K)[controls.preset.value]) });
  });
  fields.forEach((field, h) => on(field, "input", () => {
    const w = field.valueAsNumber;
    const valid = Math.abs(w) <= LARGEST_WEIGHT;
    if (!valid) {
      field.setAttribute("aria-invalid", "true");
      note.textContent = `Not a number up to ±${LARGEST_WEIGHT}: the tap keeps ${short(weights()[h])}.`;
      return;
    }
    field.removeAttribute("aria-invalid");
    field.dataset.weight = w;
    set({ kernel: rows(weights().map((old, i) => (i === h ? w : old))) });
  }));

  return () => {
    const kernel = weights();
    const most = largest(kernel) || 1;
    fields.forEach((field, h) => {
      const w = kernel[h];
      shade(field, colours.signed, signed(most)(w));
      if (field.dataset.weight === String(w)) return; // what is being typed stays as typed
      field.dataset.weight = w;
      field.value = Number(w.toPrecision(4));
      field.removeAttribute("aria-invalid");
    });
    if (!fields.some((field) => field.ariaInvalid)) note.textContent = "";
    say("kernel-low", short(-most));
    say("kernel-high", short(most));
    const chosen = Object.entries(presets(K)).find(([, values]) => values.every((w, h) => w === kernel[h]));
    controls.preset.value = chosen ? chosen[0] : "edited";
  };
}
