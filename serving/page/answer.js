// An answer, shown by the JSON Schema of answers; what no rule here knows is shown as JSON.

import {askFile} from "./api.js";
import {fanChart, lineChart} from "./chart.js";
import {el, humane, short} from "./dom.js";
import {compared, figure, gallery, isPicture} from "./images.js";
import {music} from "./music.js";
import {alternatives} from "./schema.js";
import {handwriting} from "./strokes.js";
import {bars, listOfObjects, table} from "./tables.js";
import {coloured, notices} from "./tokens.js";

export {liveTokens} from "./tokens.js";

const SHORTEST = 8; // numbers that are worth a chart
const AUDIBLE = 3000; // samples a second

// `context`: {model, task, told, request, sent}, of the request that it answers.
export function answerOf(answer, context) {
  const {properties = {}} = context.told.answer;
  const node = el("div", {class: "found"});
  const rows = answer.results, item = properties.results?.items;
  const single = Object.keys(properties).length === 1;
  if (Array.isArray(rows) && item && single && isRows(context, rows)) {
    rows.forEach((row, place) => {
      const title = rows.length > 1 ? rowTitle(context, place) : null;
      node.append(el("article", {}, title, objectView(row, item, {...context, place})));
    });
  } else node.append(objectView(answer, context.told.answer, {...context, place: null}));
  node.append(files(answer, context) ?? "", asJson(answer, context));
  return node;
}

// Whether the results are one a row of the request, and not a list that belongs to one.
function isRows({request, told}, rows) {
  const given = request[told.rows];
  const plain = alternatives(told.answer.properties.results.items)[0]?.properties ?? {};
  const scored = Object.hasOwn(plain, "total"); // an order among what was sent
  return !scored && (rows.length === 1 || Array.isArray(given));
}

function rowTitle({request, told}, place) {
  const given = request[told.rows]?.[place];
  const text = typeof given === "string" && given.length < 200 ? given : "";
  return el("h3", {}, text || `${humane(told.rows)} ${place + 1}`);
}

function objectView(value, schema, context) {
  const left = new Map(Object.entries(value ?? {}));
  const of = (name) => schema.properties?.[name] ?? {};
  const parts = notices(value, left);
  for (const known of [pictures, sounds, pens, fans, signals, words, headline, shares, lists]) {
    parts.push(...known(value, left, of, context));
  }
  parts.push(...rest(left, of));
  return el("div", {class: "view"}, parts);
}

// Each of these takes what it shows out of `left`.
function pictures(value, left, of, context) {
  const names = [...left.keys()].filter((name) => isPicture(of(name)));
  const lists = [...left.keys()].filter((name) => of(name).items && isPicture(of(name).items));
  const found = lists.map((name) => gallery(left.get(name), name));
  if (names.length) {
    const {sent, place} = context;
    const before = place === null ? sent : sent.slice(place, place + 1);
    found.unshift(compared(before, names.map((name) => figure(left.get(name), name, of(name)))));
  } else if (!lists.length && context.sent.length && context.place !== null) {
    found.unshift(compared(context.sent.slice(context.place, context.place + 1), []));
  }
  for (const name of [...names, ...lists]) left.delete(name);
  return found;
}

function sounds(value, left, of, {request, told, model}) {
  if (!left.has("frames") || !left.has("steps_a_quarter")) return [];
  const tempo = request.tempo ?? told.request.properties.tempo?.default ?? 72;
  const shown = music({...value, tempo, name: `${model}-${value.seed ?? "piece"}`});
  for (const name of ["frames", "steps_a_quarter", "midi"]) left.delete(name);
  return [shown];
}

function pens(value, left, of, {request}) {
  if (!left.has("strokes")) return [];
  left.delete("strokes");
  left.delete("svg");
  return [handwriting(value.strokes, request.text)];
}

function fans(value, left, of, {request, told, place}) {
  if (!["median", "low", "high"].every((name) => Array.isArray(value[name]))) return [];
  for (const name of ["median", "low", "high", "quantiles", "levels", "times", "names",
    "interval_percent"]) left.delete(name);
  const given = request[told.rows];
  const listed = Array.isArray(given?.[0]?.[0]) || several(given, value);
  return fanChart(value, listed ? given[place] : given);
}

// Whether a list of lists holds several series, and not the rows of one.
function several(given, {median}) {
  return Array.isArray(given?.[0]) && !Array.isArray(median[0]);
}

function signals(value, left, of, {request}) {
  const isSignal = (each) => Array.isArray(each) && each.length >= SHORTEST &&
    each.every((number) => typeof number === "number");
  return [...left].filter(([name, each]) => isSignal(each) && name !== "log_probs")
    .map(([name, each]) => {
      left.delete(name);
      const before = isSignal(request[name]) ? request[name] : [];
      return lineChart(before, each, {name: humane(name), unit: value.unit});
    });
}

function words(value, left, of, {request}) {
  const {tokens, log_probs: probs} = value;
  if (!Array.isArray(tokens) || !Array.isArray(probs)) {
    left.delete("tokens");
    return [];
  }
  left.delete("tokens");
  left.delete("log_probs");
  const isAnswer = left.has("text");
  left.delete("text");
  return [coloured(tokens, probs, {
    text: isAnswer ? value.text : null, prompt: isAnswer ? request.prompt ?? "" : "",
  })];
}

// Texts, and what is true or false, stand large; what was sent is not said again.
function headline(value, left, of, {request, told}) {
  const given = [request[told.rows]].flat();
  const found = [];
  for (const [name, each] of left) {
    const schema = of(name);
    if (typeof each === "string" && schema.type === "string" && !schema.enum) {
      left.delete(name);
      const echo = given.includes(each) && schema.description?.startsWith("as ");
      if (echo || name === "unit") continue;
      const label = name === "text" ? null : el("span", {class: "eyebrow"}, humane(name));
      found.push(el("p", {class: "headline"}, label, each || "(nothing)"));
    } else if (typeof each === "boolean") {
      left.delete(name);
      const word = each ? humane(name) : `No ${humane(name).toLowerCase()}`;
      const flag = el("span", {class: each ? "flag on" : "flag"}, word);
      found.push(el("p", {class: "headline"}, flag));
    }
  }
  return found;
}

function shares(value, left, of) {
  const isShares = (name, each) => of(name).additionalProperties?.type === "number" &&
    each && typeof each === "object";
  return [...left].filter(([name, each]) => isShares(name, each)).map(([name, each]) => {
    left.delete(name);
    return bars(each, humane(name));
  });
}

function lists(value, left, of) {
  const found = [];
  for (const [name, each] of left) {
    const schema = of(name);
    if (Array.isArray(each) && schema.items && alternatives(schema.items)[0]?.properties) {
      left.delete(name);
      found.push(listOfObjects(each, schema, humane(name)));
    } else if (schema.additionalProperties?.properties && each && typeof each === "object") {
      left.delete(name);
      const rows = Object.entries(each).map(([key, row]) => ({name: key, ...row}));
      found.push(table(rows, humane(name)));
    }
  }
  return found;
}

function rest(left, of) {
  const plain = (each) => ["number", "string", "boolean"].includes(typeof each);
  const rows = [], found = [];
  for (const [name, each] of left) {
    const listed = Array.isArray(each) && each.every(plain) && each.length <= 24;
    if (plain(each) || listed) {
      const text = [each].flat().map((one) => short(one, 5)).join(", ") || "none";
      const why = of(name).description;
      rows.push(el("div", {}, el("dt", {}, humane(name)),
        el("dd", {}, text, why ? el("small", {}, why) : null)));
    } else found.push(el("h3", {}, humane(name)), el("pre", {}, spelled(each)));
  }
  return rows.length ? [el("dl", {class: "values"}, rows), ...found] : found;
}

// The same answer as files: drawn again with the seed that it tells.
function files(answer, {model, task, told, request}) {
  if (!told.accept.length) return null;
  const seeded = answer.seed === undefined ? request : {...request, seed: answer.seed};
  const said = el("span", {role: "status"});
  const buttons = told.accept.map((media) => el("button", {
    type: "button",
    async onclick() {
      said.textContent = "";
      try {
        const blob = await askFile(model, task, seeded, media);
        const url = URL.createObjectURL(blob);
        const suffix = media.split(/[/+]/)[1].replace("midi", "mid");
        el("a", {href: url, download: `${model}-${task}.${suffix}`}).click();
        // Browsers play no slower rates.
        if (media === "audio/wav" && answer.rate >= AUDIBLE) {
          said.replaceChildren(el("audio", {controls: true, src: url}));
        } else setTimeout(() => URL.revokeObjectURL(url), 10_000);
      } catch (error) {
        said.textContent = error.message;
      }
    },
  }, `Save as ${media.split("/")[1].replace("+xml", "").toUpperCase()}`));
  return el("p", {class: "row"}, buttons, said);
}

function asJson(answer, {request}) {
  return el("details", {class: "raw"}, el("summary", {}, "Request and answer as JSON"),
    el("pre", {tabindex: 0, "aria-label": "Request"}, spelled(request)),
    el("pre", {tabindex: 0, "aria-label": "Answer"}, spelled(answer)));
}

// JSON in which files are cut off and plain lists stay on one line.
function spelled(value) {
  const cut = (_, each) => typeof each === "string" && each.length > 300
    ? `${each.slice(0, 40)}… (${each.length} characters)` : each;
  return JSON.stringify(value, cut, 2)
    .replace(/\[\s+((?:-?[\d.e+-]+,?\s+)+)\]/g, (_, inner) =>
      `[${inner.trim().split(/\s+/).join(" ")}]`);
}
