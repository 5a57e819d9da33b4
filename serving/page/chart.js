// Line charts: a series and what may come next, or a signal.

import {el, plural, short, svg} from "./dom.js";

const WIDEST = 720, HIGH = 260, LEFT = 52, RIGHT = 12, TOP = 12, BOTTOM = 26;
const BEFORE = 4; // known values are shown up to this many times what is forecast

// Charts of a forecast: one, or one a series where several lie side by side.
export function fanChart(found, given) {
  const names = found.names ?? [];
  const sides = Array.isArray(found.median[0]) ? found.median[0].length : 0;
  if (!sides) return [oneFan(found, (given ?? []).flat(), "")];
  return Array.from({length: sides}, (_, side) => {
    const of = (values) => values.map((row) => row[side]);
    const keys = ["median", "low", "high", "quantiles"];
    const own = Object.fromEntries(keys.map((key) => [key, of(found[key])]));
    return oneFan({...found, ...own}, of(given ?? []), names[side] ?? `series ${side + 1}`);
  });
}

function oneFan(found, known, name) {
  const {median, low, high, quantiles, interval_percent: percent, times} = found;
  const before = known.slice(-Math.max(12, BEFORE * median.length));
  const last = before.length ? [before.at(-1)] : [];
  const ahead = (values) => [...last, ...values];
  const start = Math.max(0, before.length - 1);
  const plot = new Plot([...before, ...low, ...high], start + ahead(median).length - 1);
  const bands = quantiles?.[0]?.length > 2 ? quantiles[0].length >> 1 : 0;
  for (let place = 0; place < Math.max(1, bands); place++) {
    const from = bands ? quantiles.map((each) => each[place]) : low;
    const to = bands ? quantiles.map((each) => each.at(-1 - place)) : high;
    plot.band(ahead(from), ahead(to), start);
  }
  plot.line(before, 0, "known");
  plot.line(ahead(median), start, "ahead");
  plot.steps(before.length, median.length);
  const line = `${name && `${name}: `}the last ${plural(before.length, "known value")}, ` +
    `then the median of ${plural(median.length, "step")} and the ${percent} % interval`;
  const rows = median.map((each, step) => el("tr", {},
    el("th", {scope: "row"}, times?.[step] ?? `+${step + 1}`),
    [each, low[step], high[step]].map((value) => el("td", {class: "number"}, short(value)))));
  const heads = ["Step", "Median", "Low", "High"].map((each, n) =>
    el("th", {scope: "col", class: n > 0 && "number"}, each));
  return el("figure", {class: "chart"},
    name ? el("figcaption", {}, el("b", {}, name)) : null, plot.svg(line),
    el("p", {class: "legend"}, key("known", "known"), key("ahead", "median"),
      key("between", `${percent} % interval`)),
    el("details", {}, el("summary", {}, "As a table"),
      el("table", {}, el("thead", {}, el("tr", {}, heads)), el("tbody", {}, rows))));
}

// What was given, then what is new.
export function lineChart(before, values, {name, unit}) {
  const plot = new Plot([...before, ...values], before.length + values.length - 1);
  if (before.length) plot.line([...before, values[0]], 0, "known");
  plot.line(values, before.length, "ahead");
  plot.steps(before.length, values.length);
  const keys = before.length ? [key("known", "sent"), key("ahead", "new")] : [key("ahead", name)];
  return el("figure", {class: "chart"}, plot.svg(`${name}: ${plural(values.length, "value")}`),
    el("p", {class: "legend"}, keys, unit ? ` in ${unit}` : ""));
}

const key = (kind, text) =>
  el("span", {class: "key"}, el("i", {class: kind, "aria-hidden": "true"}), text);

class Plot {
  #parts = [];
  // As wide as there is room, so that letters keep their size on a narrow screen.
  #wide = Math.min(WIDEST, document.documentElement.clientWidth - 60);

  constructor(values, last) {
    const low = Math.min(...values), high = Math.max(...values);
    const ticks = ticksOf(low, high);
    this.low = Math.min(low, ticks[0]);
    this.high = Math.max(high, ticks.at(-1));
    this.last = Math.max(1, last);
    for (const tick of ticks) {
      const y = this.y(tick);
      this.#parts.push(svg("line", {class: "grid", x1: LEFT, x2: this.#wide - RIGHT, y1: y, y2: y}),
        text(short(tick), LEFT - 8, y + 4, "end"));
    }
  }

  x = (place) => LEFT + (this.#wide - LEFT - RIGHT) * place / this.last;

  y = (value) => HIGH - BOTTOM -
    (HIGH - TOP - BOTTOM) * (value - this.low) / (this.high - this.low || 1);

  #points = (values, start) => values.map((value, n) =>
    `${this.x(start + n).toFixed(1)},${this.y(value).toFixed(1)}`);

  line(values, start, kind) {
    const points = this.#points(values, start).join(" ");
    this.#parts.push(svg("polyline", {class: `line ${kind}`, points}));
  }

  band(low, high, start) {
    const outline = [...this.#points(low, start), ...this.#points(high, start).reverse()];
    this.#parts.push(svg("polygon", {class: "band", points: outline.join(" ")}));
  }

  // Where the known values end.
  steps(known, ahead) {
    const middle = this.x(Math.max(0, known - 1)), y = HIGH - 7;
    if (known > 1) {
      const ends = {x1: middle, x2: middle, y1: TOP, y2: HIGH - BOTTOM};
      this.#parts.push(svg("line", {class: "now", ...ends}));
      this.#parts.push(text(`−${known - 1}`, LEFT, y, "start"));
    }
    this.#parts.push(text(`+${ahead}`, this.#wide - RIGHT, y, "end"));
  }

  svg(label) {
    const viewBox = `0 0 ${this.#wide} ${HIGH}`;
    return svg("svg", {viewBox, role: "img", "aria-label": label}, ...this.#parts);
  }
}

function text(words, x, y, anchor) {
  const made = svg("text", {x, y, "text-anchor": anchor});
  made.textContent = words;
  return made;
}

// Three to six round numbers that span the values.
function ticksOf(low, high) {
  const span = high - low || Math.abs(high) || 1;
  const rough = span / 4, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= rough);
  const first = Math.floor(low / step), last = Math.ceil(high / step);
  return Array.from({length: last - first + 1}, (_, n) =>
    Number(((first + n) * step).toPrecision(12)));
}
