// What every module builds its part of the page with.

const SVG = "http://www.w3.org/2000/svg";
let lastId = 0;

export const newId = (stem) => `${stem}-${++lastId}`;

// An element; a name that begins with "on" is an event, undefined and false leave a property out.
export function el(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "text") made.textContent = value;
    else if (name === "class") made.className = value;
    else if (name === "value" || name === "checked") made[name] = value;
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

export function svg(tag, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// A name of the API as people read it: max_tokens is "Max tokens".
export function humane(name) {
  const words = String(name).replaceAll("_", " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

// A number as short as it is telling: whole ones in full, others with some digits.
export function short(value, digits = 4) {
  if (typeof value !== "number") return String(value);
  if (Number.isInteger(value)) return String(value);
  const size = Math.abs(value);
  return size !== 0 && (size >= 1e7 || size < 1e-4) ? value.toExponential(2)
    : String(Number(value.toPrecision(digits)));
}

export function plural(count, one, many = `${one}s`) {
  return `${count} ${count === 1 ? one : many}`;
}

// A text in which names of the API stand in `backticks`.
export function marked(text) {
  return text.split("`").map((part, place) => place % 2 ? el("code", {}, part) : part);
}

export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
