/* Attention by hand: queries, keys and values in the plane; their scores, their weights, and the outputs. */

import { bench, hidden, output, scale, shade, slider, summary } from "./common.js";

const LARGEST = 3; // no coordinate is beyond it
const EDGE = 3.2; // where the plane is cut off
const STEP = 0.05; // a pointer's
const DIMENSION = 2;
const POINTS = ["Q1", "Q2", "K1", "K2", "K3", "K4", "V1", "V2", "V3", "V4"];
const LISTS = { Q: "query", K: "key", V: "value" };

/* ── The mathematics ─────────────────────────────────────────────────────────────────────────────────── */

/** Queries Q M and keys length · K M⁻ᵀ, M = [[1, shear], [0, 1]]: as they are drawn. */
export const drawnQuery = ([x, y], shear) => [x, y + shear * x];
export const drawnKey = ([x, y], shear, length) => [length * (x - shear * y), length * y];

/** And back. */
export const plainQuery = ([x, y], shear) => [x, y - shear * x];
export const plainKey = ([x, y], shear, length) => [(x + shear * y) / length, y / length];

const dot = (a, b) => a[0] * b[0] + a[1] * b[1];

/** The softmax of the scores of the keys that may be read. */
export function softmax(scores, mask) {
  const most = Math.max(...scores.filter((_, q) => mask[q]));
  const powers = scores.map((score, q) => (mask[q] ? Math.exp(score - most) : 0));
  const sum = powers.reduce((total, power) => total + power);
  return powers.map((power) => power / sum);
}

/** Everything between queries, keys and values and the outputs. */
export function attend(Q, K, V, divisor, mask) {
  const scores = Q.map((query) => K.map((key) => dot(query, key)));
  const logits = scores.map((row) => row.map((score) => score / divisor));
  const A = logits.map((row) => softmax(row, mask));
  const y = A.map((row) => [0, 1].map((axis) => row.reduce((sum, weight, q) => sum + weight * V[q][axis], 0)));
  return { scores, logits, A, y };
}

/** The cosine of the angle between two vectors; NaN where one has no direction. */
export const cosine = (a, b) => dot(a, b) / (Math.hypot(...a) * Math.hypot(...b));

/** The corners of the convex hull, anticlockwise from the leftmost point (Andrew's monotone chain). */
export function hull(points) {
  const ordered = [...points].sort((a, b) => a[0] - b[0] || a[1] - b[1]).filter((p, i, all) => !i || String(p) !== String(all[i - 1]));
  if (ordered.length < 3) return ordered;
  const chain = (along) => along.reduce((corners, c) => {
    while (corners.length > 1) {
      const [a, b] = corners.slice(-2);
      if ((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]) > 0) break;
      corners.pop();
    }
    return [...corners, c];
  }, []).slice(0, -1);
  return [...chain(ordered), ...chain([...ordered].reverse())];
}

/* ── As text ─────────────────────────────────────────────────────────────────────────────────────────── */

const fixed = (value, digits = 2) => (Number.isNaN(value) ? "–" : (Number(value.toFixed(digits)) || 0).toFixed(digits).replace("-", "−"));
const place = (point) => `(${point.map((at) => fixed(at)).join(", ")})`;

/** A weight in three decimals; 0 and 1 for nothing and for all of it alone. */
export function share(weight) {
  if (weight === 0 || weight === 1) return String(weight);
  return weight < 0.0005 ? "< 0.001" : weight >= 0.9995 ? "> 0.999" : weight.toFixed(3);
}

const named = ([letter, number]) => `${letter}${"₁₂₃₄"[number - 1]}`;
const symbol = ([letter, number]) => `<var>${letter}</var><sub>${number}</sub>`;

/* ── The form ────────────────────────────────────────────────────────────────────────────────────────── */

const thin = 'vector-effect="non-scaling-stroke"'; // as thick at every size of the plane
const lines = [-3, -2, -1, 1, 2, 3].map((at) => `M${at} -4V4M-4 ${at}H4`).join("");

const plane = (name, caption, points) => `
  <figure>
    <figcaption>${caption}</figcaption>
    <div class="c2a-panel c2a-plane" data-plane="${name}" role="img">
      <svg viewBox="${-EDGE} ${-EDGE} ${2 * EDGE} ${2 * EDGE}" aria-hidden="true"><g transform="scale(1 -1)">
        <path d="${lines}" ${thin}/><path d="M0 -4V4M-4 0H4" ${thin}/><path class="c2a-hull" ${thin}/>${points.map((point) => `
        <path class="c2a-arrow" data-arrow="${point}" ${thin}/>`).join("")}</g></svg>${points.map((point) => `
      <i class="c2a-tip" data-point="${point}"><b></b><span>${symbol(point)}</span></i>`).join("")}
    </div>
  </figure>`;

const template = `
  <div class="c2a-byhand">
    <div class="c2a-formulas">
      <p class="c2a-line"><var>A</var>[<var>p</var>, <var>q</var>] = softmax<sub><var>q</var></sub>
        (<var>Q</var><sub><var>p</var></sub> · <var>K</var><sub><var>q</var></sub>${output("over")})</p>
      <p class="c2a-line"><var>y</var><sub><var>p</var></sub> = Σ<sub><var>q</var></sub>
        <var>A</var>[<var>p</var>, <var>q</var>] <var>V</var><sub><var>q</var></sub></p>
    </div>
    <div class="c2a-planes">
      ${plane("scores", "queries <var>Q</var> and keys <var>K</var>: drag them", POINTS.slice(0, 6))}
      ${plane("values", "values <var>V</var>, their hull, outputs <var>y</var>", [...POINTS.slice(6), "y1", "y2"])}
    </div>
    <div class="c2a-tables">
      <table>
        <caption class="c2a-hidden">scores and weights of ${output("asks")}</caption>
        <tr><th>key</th><th>length</th><th>cos</th><th>${output("dot")}</th><th>${output("divisor")}</th><th><var>A</var></th></tr>
        ${[0, 1, 2, 3].map((q) => `
        <tr data-key="${q}"><th><label class="c2a-check"><input type="checkbox" name="read${q}">${hidden("read")} <span>${symbol(`K${q + 1}`)}</span></label></th>
          ${["length", "cos", "score", "logit", "weight"].map((name) => `<td>${output(`${name}${q}`)}</td>`).join("")}</tr>`).join("")}
      </table>
      <div>
        <table class="c2a-weights">
          <caption class="c2a-hidden">weights A</caption>
          <tr><th><var>A</var></th>${[1, 2, 3, 4].map((q) => `<th>${symbol(`K${q}`)}</th>`).join("")}</tr>
          ${[0, 1].map((p) => `
          <tr><th><label class="c2a-check"><input type="radio" name="row" value="${p}">${hidden("table of")} <span>${symbol(`Q${p + 1}`)}</span></label></th>
            ${[0, 1, 2, 3].map((q) => `<td>${output(`A${p}${q}`)}</td>`).join("")}</tr>`).join("")}
        </table>
        ${scale("weight", "<span>0</span>", "<span></span>", "<span>1</span>")}
        <p class="c2a-outputs">${[0, 1].map((p) => `<span>${symbol(`y${p + 1}`)} = ${output(`y${p}`, "c2a-value")}</span>`).join("")}</p>
      </div>
    </div>
    <div class="c2a-moves">
      <fieldset>
        <legend class="c2a-hidden">one point</legend>
        <label class="c2a-check"><span>move</span><select name="point">${POINTS.map((point) => `
          <option value="${point}">${named(point)}</option>`).join("")}</select></label>
        ${slider("first", "first coordinate", `min="${-LARGEST}" max="${LARGEST}" step="${STEP}"`)}
        ${slider("second", "second coordinate", `min="${-LARGEST}" max="${LARGEST}" step="${STEP}"`)}
      </fieldset>
      <fieldset>
        <legend class="c2a-hidden">all scores</legend>
        <label class="c2a-check"><input type="checkbox" name="scaled"> <span>divide by √<var>D</var><sub><var>h</var></sub> = √2</span></label>
        ${slider("longer", "length of the keys", 'min="0.1" max="3" step="0.1"')}
        ${slider("shear", "same scores, other <var>Q</var>, <var>K</var>", 'min="-1" max="1" step="0.05"')}
      </fieldset>
    </div>
    ${summary}
  </div>`;

function render({ model, el }) {
  const { controls, colours, now, all, say, show, on, set, start } = bench({ model, el }, template);
  const planes = all("[data-plane]");
  const tips = Object.fromEntries(all("[data-point]").map((tip) => [tip.dataset.point, tip]));
  const arrows = Object.fromEntries(all("[data-arrow]").map((arrow) => [arrow.dataset.arrow, arrow]));
  const [outline] = all("[data-plane=values] .c2a-hull");
  const rows = all("[data-key]");
  const cells = all(".c2a-weights td");

  function draw() {
    const [query, key, V, mask, scaled, shear, length, row, point] = ["query", "key", "value", "mask", "scaled", "shear", "key_length", "row", "point"]
      .map((name) => model.get(name));
    const Q = query.map((at) => drawnQuery(at, shear));
    const K = key.map((at) => drawnKey(at, shear, length));
    Object.assign(now, {
      query, key, V, mask, scaled, shear, length, row, point, Q, K,
      ...attend(Q, K, V, scaled ? Math.sqrt(DIMENSION) : 1, mask),
      hull: hull(V.filter((_, q) => mask[q])),
      lengths: K.map((at) => Math.hypot(...at)),
      cosines: K.map((at) => cosine(Q[row], at)),
    });
    drawPlanes();
    showControls();
    showNumbers();
  }

  /** Where a point is drawn. */
  const tipOf = ([letter, number]) => now[letter][number - 1];
  const outside = (at) => Math.max(...at.map(Math.abs)) > EDGE;

  function drawPlanes() {
    const { point, row, mask, A } = now;
    for (const [name, tip] of Object.entries(tips)) {
      const at = tipOf(name);
      const [x, y] = at.map((axis) => Math.max(-EDGE, Math.min(EDGE, axis)));
      tip.style.left = `${50 + (50 * x) / EDGE}%`;
      tip.style.top = `${50 - (50 * y) / EDGE}%`;
      const far = Math.hypot(x, y);
      const [right, up] = far ? [x / far, y / far] : [0, 1];
      const inward = outside(at) ? -1 : 1; // the name of a point beyond the edge stands inside it
      tip.lastChild.style.transform = `translate(${17 * inward * right}px, ${-17 * inward * up}px)`;
      tip.toggleAttribute("data-outside", outside(at));
      tip.toggleAttribute("data-chosen", name === point);
      if ("KV".includes(name[0])) {
        shade(tip.firstChild, colours.weight, A[row][name[1] - 1]);
        tip.toggleAttribute("data-masked", !mask[name[1] - 1]);
      } else tip.toggleAttribute("data-row", name[1] - 1 === row);
      if ("QK".includes(name[0])) {
        arrows[name].setAttribute("d", arrow(at));
        arrows[name].toggleAttribute("data-row", name === `Q${row + 1}`);
      }
    }
    outline.setAttribute("d", now.hull.map((at, i) => `${i ? "L" : "M"}${at.join(" ")}`).join("") + "z");
  }

  function showControls() {
    const { mask, scaled, shear, length, row, point } = now;
    controls.point.value = point;
    tipOf(point).forEach((at, axis) => show(["first", "second"][axis], at, fixed(at)));
    controls.scaled.checked = scaled;
    show("longer", length, `${fixed(length, 1)} ×`);
    show("shear", shear, fixed(shear));
    controls.row.value = row;
    const left = mask.filter(Boolean).length;
    mask.forEach((read, q) => {
      controls[`read${q}`].checked = read;
      controls[`read${q}`].disabled = read && left === 1;
    });
  }

  function showNumbers() {
    const { scores, logits, A, y, row, scaled, mask, lengths, cosines } = now;
    say("asks", named(`Q${row + 1}`));
    say("over", scaled ? " ∕ √2" : "");
    say("dot", `${named(`Q${row + 1}`)} · K`);
    say("divisor", scaled ? "∕ √2" : "∕ 1");
    mask.forEach((read, q) => {
      rows[q].toggleAttribute("data-masked", !read);
      say(`length${q}`, fixed(lengths[q]));
      say(`cos${q}`, fixed(cosines[q]));
      say(`score${q}`, fixed(scores[row][q]));
      say(`logit${q}`, read ? fixed(logits[row][q]) : "−∞");
      say(`weight${q}`, share(A[row][q]));
    });
    A.forEach((weights, p) => {
      weights.forEach((weight, q) => {
        say(`A${p}${q}`, share(weight));
        shade(cells[4 * p + q], colours.weight, weight);
      });
      say(`y${p}`, place(y[p]));
    });
  }

  function summarise() {
    const { A, row, mask, cosines, lengths } = now;
    const list = (names) => names.map((name) => `${named(name)} ${place(tipOf(name))}`).join(", ");
    planes[0].setAttribute("aria-label", `queries and keys: ${list(POINTS.slice(0, 6))}`);
    planes[1].setAttribute("aria-label", `values: ${list(POINTS.slice(6))}; outputs in their hull: ${list(["y1", "y2"])}`);
    const read = [0, 1, 2, 3].filter((q) => mask[q]);
    const best = (score) => read.reduce((a, b) => (score(b) > score(a) ? b : a));
    const most = best((q) => A[row][q]);
    const least = best((q) => -A[row][q]);
    const similar = best((q) => (Number.isNaN(cosines[q]) ? -2 : cosines[q]));
    const key = (q) => named(`K${q + 1}`);
    const asks = named(`Q${row + 1}`);
    if (A[row][most] === A[row][least]) return `${asks} reads ${share(A[row][most])} from every key that it may read.`;
    return `${asks} reads ${share(A[row][most])} from ${key(most)}, the most, and ${share(A[row][least])} from ${key(least)}, the least. `
      + `By angle alone ${key(similar)} is the most similar${similar === most ? "" : `; ${key(most)} is ${lengths[most] > lengths[similar] ? "longer" : "shorter"}`}.`;
  }

  const clamp = (at) => at.map((axis) => Math.max(-LARGEST, Math.min(LARGEST, axis)));
  const choose = (point) => ({ point, ...(point[0] === "Q" && { row: point[1] - 1 }) });

  /** Move a point to a place in the plane as it is drawn. */
  function move(point, at) {
    const { shear, length } = now;
    const plain = { Q: plainQuery, K: plainKey, V: (same) => same }[point[0]](at, shear, length);
    const list = LISTS[point[0]];
    set({ ...choose(point), [list]: model.get(list).map((old, i) => (i === point[1] - 1 ? clamp(plain) : old)) });
  }

  for (const pad of planes) {
    const under = ({ clientX, clientY }) => {
      const box = pad.getBoundingClientRect();
      return [((2 * (clientX - box.left)) / box.width - 1) * EDGE, (1 - (2 * (clientY - box.top)) / box.height) * EDGE];
    };
    let held = null; // the pointer that is down, the point that it moves, and how far beside it
    on(pad, "pointerdown", (event) => {
      if (held || event.button || !event.target.closest("[data-point]")) return;
      const at = under(event);
      const names = POINTS.filter((name) => pad.contains(tips[name]));
      // The nearest one; of several in one place, the one that was chosen before.
      const distance = (name) => Math.hypot(...clampToEdge(tipOf(name)).map((axis, i) => axis - at[i])) - (name === now.point ? 0.1 : 0);
      const point = names.reduce((a, b) => (distance(b) < distance(a) ? b : a));
      held = { id: event.pointerId, point, beside: clampToEdge(tipOf(point)).map((axis, i) => axis - at[i]) };
      pad.setPointerCapture(event.pointerId);
      event.preventDefault();
      set(choose(point));
    });
    on(pad, "pointermove", (event) => {
      if (held?.id !== event.pointerId) return;
      const at = under(event).map((axis, i) => Math.round((axis + held.beside[i]) / STEP) / Math.round(1 / STEP));
      move(held.point, clampToEdge(at));
    });
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) on(pad, end, () => { held = null; });
  }

  on(controls.point, "change", () => set(choose(controls.point.value)));
  for (const [axis, name] of ["first", "second"].entries()) {
    on(controls[name], "input", () => move(now.point, tipOf(now.point).map((at, i) => (i === axis ? controls[name].valueAsNumber : at))));
  }
  on(controls.scaled, "change", () => set({ scaled: controls.scaled.checked }));
  on(controls.longer, "input", () => set({ key_length: controls.longer.valueAsNumber }));
  on(controls.shear, "input", () => set({ shear: controls.shear.valueAsNumber }));
  for (const button of all("[name=row]")) on(button, "change", () => set({ row: Number(button.value) }));
  [0, 1, 2, 3].forEach((q) => on(controls[`read${q}`], "change", () => {
    set({ mask: model.get("mask").map((read, i) => (i === q ? controls[`read${q}`].checked : read)) });
  }));
  return start(["query", "key", "value", "scaled", "key_length", "shear", "mask", "row", "point"], draw, summarise);
}

const clampToEdge = (at) => at.map((axis) => Math.max(-EDGE, Math.min(EDGE, axis)));

/** An arrow from the origin to just before a point. */
function arrow([x, y]) {
  const far = Math.hypot(x, y);
  const end = Math.max(0, far - 0.17);
  const head = Math.min(0.3, end);
  const at = (along, beside) => `${(along * x - beside * y) / far} ${(along * y + beside * x) / far}`;
  return far ? `M0 0L${at(end - head, 0)}M${at(end, 0)}L${at(end - head, head / 2.4)}L${at(end - head, -head / 2.4)}z` : "";
}

export default { render };
