// One field of a form: what people fill, and how it is read as the request has it.
//
// A field is {node, wide, read(), text(), set(text)}: read() gives undefined for what is left out
// and throws an Error that says what to enter; text() is its value for the address, or null.

import {el, humane, marked, newId, short} from "./dom.js";
import {pictures} from "./pictures.js";
import {kindOf} from "./schema.js";

const LONG = 200; // characters of a value that the address does not keep

export function makeField(name, schema, {example, required, files, model, task, main}) {
  const told = kindOf(schema);
  const make = {
    files: told.media?.startsWith("image/") ? pictures : otherFiles, choice, switch: onOff, number,
    numbers, text: main ? longText : shortText, texts: longText, lines, json,
  }[told.kind];
  if (!make) return null;
  const id = newId("field"), help = schema.description ? `${id}-help` : undefined;
  const start = hasFile(example, files) ? undefined : example;
  const context = {name, schema, told, id, help, required, model, task};
  const field = make({...context, start: start ?? schema.default ?? undefined, example: start});
  return {name, ...field, touched: false};
}

// Whether an example stands for files that it does not hold.
function hasFile(example, files) {
  return [example].flat().some((each) => typeof each === "string" && files.includes(each));
}

// A label, what people fill and the description, in this order.
function framed({id, help, name, schema, required}, input, {wide = true} = {}) {
  const free = wide && !required && el("span", {class: "soft"}, " optional");
  const label = el("label", {for: id}, humane(name), free || null);
  const told = help && marked(sentence(schema.description));
  const description = help ? el("p", {class: "help", id: help}, told) : null;
  return el("div", {class: wide ? "field" : "field small"}, label, input, description);
}

const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

function remember(text) {
  return text.length <= LONG ? text : null;
}

function area(context, value, rows, more = {}) {
  const input = el("textarea", {
    id: context.id, rows, value, spellcheck: "false", "aria-describedby": context.help, ...more,
  });
  const fit = () => {
    const lines = input.value.split("\n").length + input.value.length / 90;
    input.rows = Math.max(rows, Math.min(14, Math.ceil(lines)));
  };
  input.addEventListener("input", fit);
  fit();
  return input;
}

function line({id, help, told}, value) {
  return el("input", {
    id, type: "text", value, maxlength: told.most, autocomplete: "off", spellcheck: "false",
    "aria-describedby": help,
  });
}

function shortText(context) {
  const input = line(context, context.start ?? "");
  return {
    node: framed(context, input, {wide: false}),
    wide: false,
    read: () => required(context, input.value),
    text: () => remember(input.value),
    set: (text) => { input.value = text; },
  };
}

// An empty text may be sent where one has to be.
function required(context, text) {
  return text === "" && !context.required ? undefined : text;
}

// One text; where several may be sent, a switch makes each line one.
function longText(context) {
  const {start, told, id} = context, many = told.kind === "texts";
  const several = el("input", {type: "checkbox", id: `${id}-many`, checked: Array.isArray(start)});
  const input = area(context, [start ?? ""].flat().join("\n"), 2, {maxlength: told.most});
  const choice = many &&
    el("label", {class: "inline", for: `${id}-many`}, several, "several, one a line");
  const node = framed(context, input);
  if (choice) node.append(choice);
  return {
    node,
    wide: true,
    read() {
      const text = required(context, input.value);
      if (!several.checked || text === undefined) return text;
      return text.split("\n").filter((line) => line.trim());
    },
    text: () => several.checked ? null : remember(input.value),
    set: (text) => { input.value = text; several.checked = false; },
  };
}

function lines(context) {
  const {start, told, name} = context;
  const input = area(context, (start ?? []).flat().join("\n"), 3);
  const node = framed(context, input);
  const value = (line) => told.whole && /^\d+$/.test(line) ? Number(line) : line;
  return {
    node: addHint(node, "One a line."),
    wide: true,
    read() {
      const found = input.value.split("\n").map((line) => line.trim()).filter(Boolean);
      if (!found.length && context.required) throw new Error(`${humane(name)} is empty.`);
      return found.map(value);
    },
    text: () => remember(input.value),
    set: (text) => { input.value = text; },
  };
}

function addHint(node, text) {
  node.append(el("p", {class: "help"}, text));
  return node;
}

function number(context) {
  const {id, help, start, schema, told} = context;
  const input = el("input", {
    id, type: "number", value: start ?? "", min: told.minimum, max: told.maximum,
    step: told.whole ? 1 : "any", inputmode: told.whole ? "numeric" : "decimal",
    placeholder: schema.default === undefined ? "automatic" : short(schema.default),
    "aria-describedby": help,
  });
  return {
    node: framed(context, input, {wide: false}),
    wide: false,
    read() {
      const said = `${humane(context.name)} is to be ${wanted(told)}.`;
      if (!input.validity.valid) throw new Error(said);
      return input.value === "" ? undefined : Number(input.value);
    },
    text: () => input.value,
    set: (text) => { input.value = text; },
  };
}

function wanted({whole, minimum, maximum}) {
  const word = whole ? "a whole number" : "a number";
  return minimum === undefined || maximum === undefined ? word
    : `${word} from ${minimum} to ${maximum}`;
}

function choice(context) {
  const {id, help, told, start} = context;
  const free = context.required ? [] : [el("option", {value: ""}, "automatic")];
  const options = told.values.map((value, place) => el("option", {value: place}, String(value)));
  const select = el("select", {id, "aria-describedby": help}, free, options);
  const pick = (value) => {
    const place = told.values.findIndex((each) => String(each) === String(value));
    select.value = place >= 0 ? place : context.required ? 0 : "";
  };
  // An example may name a choice by its number.
  pick(typeof start === "number" && !told.values.includes(start) ? told.values[start] : start);
  return {
    node: framed(context, select, {wide: false}),
    wide: false,
    read: () => select.value === "" ? undefined : told.values[Number(select.value)],
    text: () => select.value === "" ? "" : String(told.values[Number(select.value)]),
    set: pick,
  };
}

function onOff(context) {
  const {id, help, start} = context;
  const input = el("input", {
    id, type: "checkbox", role: "switch", checked: Boolean(start), "aria-describedby": help,
  });
  return {
    node: framed(context, input, {wide: false}),
    wide: false,
    read: () => input.checked,
    text: () => String(input.checked),
    set: (text) => { input.checked = text === "true"; },
  };
}

// Numbers, lists of them and lists of lists: a line each, with an empty line between blocks.
function numbers(context) {
  const {start, told, name} = context;
  const deepest = Math.max(...told.depths);
  const small = deepest === 1 && !(Array.isArray(start) && start.length > 8);
  const input = small ? line(context, spelled(start)) : area(context, spelled(start), 3);
  const hint = deepest > 1 ? "Numbers with commas or spaces between; a line a list." : "";
  const node = framed(context, input, {wide: !small});
  return {
    node: hint ? addHint(node, hint) : node,
    wide: !small,
    read() {
      if (!input.value.trim() && !context.required) return undefined;
      const blocks = input.value.trim().split(/\n\s*\n/).map((block) => block.split("\n").map(row));
      return nested(blocks, told.depths);
    },
    text: () => remember(input.value),
    set: (text) => { input.value = text; },
  };

  function row(line) {
    return line.split(/[\s,;]+/).filter(Boolean).map((word) => {
      const value = Number(word);
      if (Number.isFinite(value)) return value;
      throw new Error(`${humane(name)}: “${word.slice(0, 40)}” is not a number.`);
    });
  }
}

// As deep as allowed and as shallow as the text is.
function nested(blocks, allowed) {
  const [rows] = blocks, column = rows.length > 1 && rows.every((row) => row.length === 1);
  if (blocks.length > 1 && allowed.has(3)) return blocks;
  const flat = blocks.flat();
  if (allowed.has(0) && flat.length === 1 && flat[0].length === 1) return flat[0][0];
  if (allowed.has(1) && (flat.length === 1 || column || !allowed.has(2))) return flat.flat();
  return allowed.has(2) ? flat : [flat];
}

function spelled(value) {
  if (value === undefined || value === null) return "";
  if (!Array.isArray(value)) return String(value);
  if (Array.isArray(value[0]?.[0])) return value.map(spelled).join("\n\n");
  return value.map((each) => [each].flat().join(", ")).join(Array.isArray(value[0]) ? "\n" : ", ");
}

// Files that are no pictures, sent as they are.
function otherFiles(context) {
  const {id, help, told} = context;
  const input = el("input", {
    id, type: "file", accept: told.media, multiple: told.most > 1, "aria-describedby": help,
  });
  return {
    node: framed(context, input),
    wide: true,
    async read() {
      const found = await Promise.all([...input.files].map(base64));
      if (!found.length) return undefined;
      return told.one && found.length === 1 ? found[0] : found;
    },
    text: () => null,
    set: () => {},
  };
}

// The bytes of a file, as JSON carries them.
export async function base64(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

// What no other field fits: JSON, checked while it is written.
function json(context) {
  const {id, start, name} = context;
  const value = start === undefined || start === null ? "" : pretty(start);
  const fault = el("p", {class: "fault", id: `${id}-fault`, "aria-live": "polite"});
  const described = [context.help, `${id}-fault`].filter(Boolean).join(" ");
  const input = area({...context, help: described}, value, 3, {class: "code"});
  const parse = () => {
    try {
      return JSON.parse(input.value);
    } catch (error) {
      throw new Error(`${humane(name)} is not valid JSON: ${error.message}.`);
    }
  };
  input.addEventListener("input", () => {
    fault.textContent = "";
    input.removeAttribute("aria-invalid");
    if (!input.value.trim()) return;
    try { parse(); } catch (error) {
      fault.textContent = error.message;
      input.setAttribute("aria-invalid", "true");
    }
  });
  const node = framed(context, input);
  node.append(fault);
  return {
    node,
    wide: true,
    read: () => input.value.trim() || context.required ? parse() : undefined,
    text: () => remember(input.value),
    set: (text) => { input.value = text; },
  };
}

// A list of plain values stays on one line.
function pretty(value) {
  const plain = Array.isArray(value) && value.every((each) => typeof each !== "object");
  return plain ? JSON.stringify(value).replaceAll(",", ", ") : JSON.stringify(value, null, 2);
}
