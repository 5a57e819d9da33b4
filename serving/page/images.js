// Pictures of an answer, beside those that were sent.

import {el, humane} from "./dom.js";

const SMALL = 128; // the longest side of a picture that is enlarged pixel by pixel
const LARGE = 224; // pixels on the screen that it is enlarged to

export function isPicture(schema) {
  return schema.type === "string" && (schema.contentMediaType ?? "").startsWith("image/");
}

function picture(url, alt, target) {
  const image = el("img", {src: url, alt});
  image.addEventListener("load", () => {
    const longest = Math.max(image.naturalWidth, image.naturalHeight);
    if (longest > SMALL) return;
    image.classList.add("pixels");
    image.style.width = `${image.naturalWidth * Math.max(1, Math.round(target / longest))}px`;
  });
  return image;
}

const png = (data) => `data:image/png;base64,${data}`;

export function figure(data, name, schema) {
  const why = schema.description ?? "", alt = `${humane(name)}${why && `, ${why}`}`;
  return el("figure", {}, picture(png(data), alt, LARGE),
    el("figcaption", {}, el("b", {}, humane(name)), why && ` ${why}`));
}

export function compared(sent, figures) {
  const before = sent.map(({url, label}) => el("figure", {},
    picture(url, `Sent: ${label}`, sent.length > 2 ? LARGE / 2 : LARGE),
    el("figcaption", {}, el("b", {}, "Sent"))));
  const arrow = before.length && figures.length
    ? el("span", {class: "arrow", "aria-hidden": "true"}, "→") : null;
  return el("div", {class: "figures"}, before, arrow, figures);
}

export function gallery(list, name) {
  const target = list.length > 9 ? LARGE / 2 : list.length > 1 ? 0.63 * LARGE : LARGE;
  const one = humane(name).replace(/s$/, "");
  return el("ul", {class: "gallery", "aria-label": humane(name)}, list.map((data, place) =>
    el("li", {}, picture(png(data), `${one} ${place + 1} of ${list.length}`, target))));
}
