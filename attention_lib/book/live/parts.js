// What the figures are put together from: elements, numbers as text, drawings.

const MINUS = "\u2212";

// A number as the tables show it; without a number, a dash.
function shown(x, digits = 2) {
  if (!Number.isFinite(x)) return "\u2013";
  const text = Math.abs(x).toFixed(digits);
  return x < 0 && Number(text) !== 0 ? MINUS + text : text;
}

const percent = (x) => `${shown(100 * x, 1)} %`;

// A count with commas: 1,024.
const count = (n) => Math.round(n).toLocaleString("en-US");

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

const make = (tag, attributes = {}, ...children) =>
  filled(document.createElement(tag), attributes, children);

const draw = (tag, attributes = {}, ...children) =>
  filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

// A drawing that says in words what it shows; `of` is what it shows now.
function picture(label, width, height, side = "") {
  const box = { class: `aw-picture ${side}`, role: "img", "aria-label": label };
  const drawn = draw("g");
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, ...box }, drawn);
  return {
    svg,
    show(words, ...children) {
      svg.setAttribute("aria-label", words);
      drawn.replaceChildren(...children);
    },
  };
}

const write = (x, y, text, attributes = {}) =>
  draw("text", { x, y, "text-anchor": "middle", ...attributes }, text);

const line = (points, attributes = {}) =>
  draw("polyline", { points: points.map((p) => p.join()).join(" "), ...attributes });

// From the numbers between two ends to places between two others.
const scale = ([from, to], [first, last]) =>
  (x) => first + ((x - from) / (to - from)) * (last - first);

// A mark at a place, told apart by its form as well as by its colour.
function mark(x, y, form, size, attributes = {}) {
  if (form === "o") return draw("circle", { cx: x, cy: y, r: size, ...attributes });
  const s = size * 1.1;
  const corners = {
    s: [[-s, -s], [s, -s], [s, s], [-s, s]],
    "^": [[0, -s * 1.2], [s * 1.1, s], [-s * 1.1, s]],
    D: [[0, -s * 1.3], [s * 1.3, 0], [0, s * 1.3], [-s * 1.3, 0]],
  }[form];
  const points = corners.map(([dx, dy]) => `${x + dx},${y + dy}`).join(" ");
  return draw("polygon", { points, ...attributes });
}

// The line and the mark of one of the first keys: the plots' own.
const keyLine = (points, key) =>
  line(points, {
    class: `aw-ink-${KEYS[key].ink} aw-stroke`, "stroke-dasharray": KEYS[key].dash,
  });
const keyMark = (x, y, key, size = 6) =>
  mark(x, y, KEYS[key].form, size, { class: `aw-ink-${KEYS[key].ink} aw-solid` });

// A table whose first column names its rows. `fill` takes a list of rows of cells; a
// cell is a text, or a text with the bar of a weight below it: {text, weight, ink}.
function table(caption, columns) {
  const head = make("tr", {}, ...columns.map((name) => make("th", { scope: "col" }, name)));
  const body = make("tbody");
  const words = make("caption", {}, caption);
  const parts = [words, make("thead", {}, head), body];
  const element = make("table", { class: "aw-table" }, ...parts);
  const cell = (content, place) => {
    if (place === 0) return make("th", { scope: "row" }, content);
    if (typeof content === "string") return make("td", {}, content);
    const { text, weight, ink } = content;
    const share = Math.min(Math.abs(weight) || 0, 1);
    const style = `--share: ${share.toFixed(4)}`;
    const sign = weight < 0 ? "aw-below" : "";
    return make("td", { class: `aw-bar aw-ink-${ink} ${sign}`, style }, text);
  };
  return {
    element,
    fill(rows) {
      body.replaceChildren(...rows.map((row) => make("tr", {}, ...row.map(cell))));
    },
  };
}

// A weight as a cell: four digits, and its bar in the colour of the key.
const weightCell = (weight, key) => ({ text: shown(weight, 4), weight, ink: key % 4 });
