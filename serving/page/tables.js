// Shares as bars, lists of objects as tables.

import {el, humane, short} from "./dom.js";
import {alternatives} from "./schema.js";

const SHOWN = 10; // rows of a long table that are shown at first
const LONG = 15; // rows from which on the others are folded

function bar(share) {
  const fill = el("span", {class: "fill"});
  fill.style.width = `${Math.max(0, Math.min(1, share)) * 100}%`;
  return el("span", {class: "bar", "aria-hidden": "true"}, fill);
}

export function bars(shares, name) {
  const rows = Object.entries(shares).sort(([, a], [, b]) => b - a);
  return el("table", {class: "bars", "aria-label": name}, el("tbody", {}, rows.map(([key, value]) =>
    el("tr", {}, el("th", {scope: "row"}, key), el("td", {class: "grow"}, bar(value)),
      el("td", {class: "number"}, `${(100 * value).toFixed(1)} %`)))));
}

// A table where all cells are plain, else an object a part.
export function listOfObjects(rows, schema, name) {
  if (!rows.length) return el("p", {class: "soft"}, `${name}: none`);
  const plain = rows.every((row) => Object.values(row).every((each) => typeof each !== "object"));
  const of = alternatives(schema.items)[0].properties;
  if (plain) return table(rows, name, Object.keys(of));
  return el("pre", {}, JSON.stringify(rows, null, 2));
}

export function table(rows, name, order) {
  const used = new Set(rows.flatMap(Object.keys));
  const isText = (each) => rows.some((row) => typeof row[each] === "string");
  const isCount = (each) => each.startsWith("unknown_");
  const told = (order ?? [...used]).filter((each) => used.has(each) && each !== "input_tokens" &&
    !(isCount(each) && rows.every((row) => !row[each])));
  // What a row is about comes first, and what the model could not read last.
  const rank = (each) => isCount(each) ? 2 : isText(each) ? 0 : 1;
  const names = told.toSorted((a, b) => rank(a) - rank(b));
  // Where the error lies is what is looked for; a cell as expected is no part of that.
  const kept = (row) => used.has("expected") && row.value === row.expected;
  const sorted = used.has("error")
    ? rows.toSorted((a, b) => kept(a) - kept(b) || b.error - a.error) : rows;
  const shares = new Set(names.filter((each) => rows.every((row) => isShare(row[each]))));
  const line = (row) => el("tr", {}, names.map((each, place) =>
    cell(row[each], place, shares.has(each))));
  const head = el("thead", {}, el("tr", {}, names.map((each) => el("th", {
    scope: "col", class: rows.every((row) => typeof row[each] === "number") && "number",
  }, humane(each)))));
  const first = sorted.length > LONG ? SHOWN : sorted.length;
  const body = el("tbody", {}, sorted.slice(0, first).map(line));
  const made = el("table", {"aria-label": name}, head, body);
  if (first === sorted.length) return el("div", {class: "wide"}, made);
  const more = el("button", {type: "button", onclick: () => {
    body.append(...sorted.slice(first).map(line));
    more.remove();
  }}, `Show all ${sorted.length}`);
  return el("div", {class: "wide"}, made, more);
}

// Whole numbers from 0 to 1 are counts.
const isShare = (value) => typeof value === "number" && value >= 0 && value <= 1 &&
  !Number.isInteger(value);

function cell(value, place, drawn) {
  const number = typeof value === "number";
  const text = value === null || value === undefined ? "–" : drawn ? value.toFixed(3)
    : number ? short(value) : String(value);
  if (place === 0 && !number) return el("th", {scope: "row"}, text);
  return el("td", {class: number && "number"}, drawn ? bar(value) : null, text);
}
