// Strokes of a pen, drawn one after the other as the pen went.

import {calm, el, plural, svg} from "./dom.js";

const SPEED = 28; // milliseconds for a unit of length

export function handwriting(strokes, words) {
  const points = strokes.flat();
  if (!points.length) return el("p", {class: "soft"}, "No stroke was drawn.");
  const xs = points.map(([x]) => x), ys = points.map(([, y]) => y), edge = 1;
  const low = [Math.min(...xs) - edge, Math.min(...ys) - edge];
  const size = [Math.max(...xs) + edge - low[0], Math.max(...ys) + edge - low[1]];
  const lines = strokes.filter((stroke) => stroke.length).map((stroke) =>
    svg("polyline", {class: "stroke", points: stroke.map((point) => point.join(",")).join(" ")}));
  const label = words ? `“${words}” written in ${plural(strokes.length, "stroke")}`
    : `A drawing of ${plural(strokes.length, "stroke")}`;
  const paper = svg("svg", {
    class: "paper", viewBox: [...low, ...size].join(" "), role: "img", "aria-label": label,
  }, ...lines);
  const draw = () => {
    let wait = 0;
    for (const line of lines) {
      const length = line.getTotalLength() || 0.1, duration = Math.max(40, SPEED * length);
      line.setAttribute("stroke-dasharray", length);
      line.animate([{strokeDashoffset: length}, {strokeDashoffset: 0}],
        {duration, delay: wait, fill: "backwards"});
      wait += duration;
    }
  };
  // Lengths are known once it stands in the page.
  if (!calm()) requestAnimationFrame(draw);
  return el("div", {class: "writing"}, paper,
    el("button", {type: "button", onclick: draw}, "Draw it again"));
}
