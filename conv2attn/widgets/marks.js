/* Lines over a picture of cells, such as pixels or entries of a matrix, each with a halo, so that they show on any
   colour. Paths are in cells: a line from (column, row). */

const haloed = '<path vector-effect="non-scaling-stroke"/>'; // as thick at every size of the picture

/** A place for lines, by their names. */
export const marks = (...names) => `<svg class="c2a-marks" aria-hidden="true" preserveAspectRatio="none">${names.map((name) => `
  <g class="c2a-${name}">${haloed}${haloed}</g>`).join("")}</svg>`;

/** Put lines there: paths by their names, over a picture of width×height cells. */
export function mark(svg, paths, width, height = width) {
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  for (const [name, path] of Object.entries(paths)) {
    svg.querySelectorAll(`.c2a-${name} path`).forEach((line) => line.setAttribute("d", path));
  }
}

/** The outline of a box of cells. */
export const box = (row, column, rows = 1, columns = 1) => `M${column} ${row}h${columns}v${rows}h${-columns}z`;
