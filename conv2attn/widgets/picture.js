/* A picture of side×side pixels, of which one is chosen: by the pointer, and by the arrow keys while it has the focus. */

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

/** Listen to a canvas.

    on                  bench's
    side()              how many pixels it has along an axis
    place()             [row, column] of the pixel that is chosen now
    pick(to)            choose another
    press(at)           what a pointer that comes down does: picks, unless told otherwise
    drag(to, from)      what a pointer that moves while it is down does: picks, unless told otherwise
    hover               does a mouse pick without being pressed? */
export function pickable(canvas, { on, side, place, pick, press = pick, drag = pick, hover = false }) {
  const under = ({ clientX, clientY }) => {
    const box = canvas.getBoundingClientRect();
    const index = (from, length) => Math.min(side() - 1, Math.max(0, Math.floor((from / length) * side())));
    return [index(clientY - box.top, box.height), index(clientX - box.left, box.width)];
  };
  let last = null; // where the pointer was, while it is down
  on(canvas, "pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    last = under(event);
    press(last);
  });
  on(canvas, "pointermove", (event) => {
    const at = under(event);
    if (last) {
      drag(at, last);
      last = at;
    } else if (hover && event.pointerType === "mouse" && String(at) !== String(place())) pick(at);
  });
  for (const end of ["pointerup", "pointercancel"]) on(canvas, end, () => { last = null; });
  on(canvas, "keydown", (event) => {
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    pick(place().map((at, axis) => Math.min(side() - 1, Math.max(0, at + step[axis]))));
  });
}

/** The frame of a chosen pixel of a canvas of that side, for marks laid over it: the custom properties row and column
    (its middle) and side (its width), for bench's style(). */
export function frame(style, [row, column], side) {
  const percent = (pixels) => `${(100 * pixels) / side}%`;
  style("row", percent(row + 0.5));
  style("column", percent(column + 0.5));
  style("side", percent(1));
}
