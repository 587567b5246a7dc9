/* K² attention heads and the convolution that they become as α grows: the mathematics, knowing nothing of the page.

   Images are Float64Array, row by row, n×n. Tokens are the pixels of the image inside a ring of R = (K-1)/2 zeros,
   so that every tap has one to look at. */

import { largest } from "./common.js";

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

/** The part of a head map that a widget shows: the tokens at most WINDOW from the query, NaN where there are none. */
export const WINDOW = 4;
export function around(map, n, R, query) {
  const tokens = n + 2 * R;
  const side = 2 * WINDOW + 1;
  const inside = (i) => i >= 0 && i < tokens;
  return Float64Array.from({ length: side * side }, (_, at) => {
    const i = query[0] + R - WINDOW + Math.floor(at / side);
    const j = query[1] + R - WINDOW + (at % side);
    return inside(i) && inside(j) ? map[i * tokens + j] : NaN;
  });
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

/** ‖W‖₁, the sum of all |w|. */
export const norm1 = (values) => values.reduce((sum, value) => sum + Math.abs(value), 0);

/* A slider for α moves by sixteenths of a doubling; the value shown, of three digits, is the value used. */
export const ALPHA_STEPS = 106;
export const alphaAt = (step) => Math.min(24, Number((0.25 * 2 ** (step / 16)).toPrecision(3)));
export const stepOf = (alpha) => (alpha >= 24 ? ALPHA_STEPS : Math.max(0, Math.round(16 * Math.log2(alpha / 0.25))));

function once(compute) {
  const known = new Map();
  return (key) => known.get(key) ?? known.set(key, compute(key)).get(key);
}
