// What a JSON Schema asks for, in the terms of a form.

// The alternatives of a schema without null, however deep they are nested.
export function alternatives(schema) {
  const several = schema.anyOf ?? schema.oneOf;
  if (several) return several.flatMap(alternatives);
  return schema.type === "null" ? [] : [schema];
}

const isFile = (schema) => schema.type === "string" && Boolean(schema.contentMediaType);
const isNumber = (schema) => schema.type === "number" || schema.type === "integer";

// How deep lists are around values of a kind: 0 is one value; null if they hold anything else.
function depthOf(schema, isValue) {
  if (isValue(schema)) return 0;
  if (schema.type !== "array" || !schema.items) return null;
  const depths = alternatives(schema.items).map((each) => depthOf(each, isValue));
  const [first] = depths;
  return first === undefined || depths.some((each) => each !== first) || first === null
    ? null : first + 1;
}

function depths(options, isValue) {
  const found = options.map((each) => depthOf(each, isValue));
  return found.length && !found.includes(null) ? new Set(found) : null;
}

// The innermost schema of values within lists.
export function innermost(schema) {
  const [first] = alternatives(schema);
  return first?.type === "array" && first.items ? innermost(first.items) : first ?? {};
}

// {kind, ...}: none, files, choice, switch, number, numbers, text, texts, lines or json.
export function kindOf(schema) {
  const options = alternatives(schema);
  const closed = [schema, ...options].some((each) => each.maxLength === 0 || each.maxItems === 0);
  if (closed) return {kind: "none"};
  const values = schema.enum ?? (options.length === 1 ? options[0].enum : undefined);
  if (values) return {kind: "choice", values: distinct(values)};
  const file = options.find(isFile);
  const files = options.find((each) => each.items && alternatives(each.items).some(isFile));
  if (file || files) {
    const media = (file ?? alternatives(files.items).find(isFile)).contentMediaType;
    const most = Math.max(file ? 1 : 0, files ? files.maxItems ?? 256 : 0);
    return {kind: "files", media, least: file ? 1 : files.minItems ?? 1, most, one: Boolean(file)};
  }
  if (options.length === 1 && options[0].type === "boolean") return {kind: "switch"};
  const numeric = depths(options, isNumber);
  if (numeric) return ofNumbers(schema, options, numeric);
  const isText = (each) => each.type === "string" || each.type === "integer";
  const textual = depths(options, isText);
  if (textual?.has(0) && textual.has(1)) return {kind: "texts"};
  if (textual?.has(0)) return {kind: "text", most: schema.maxLength ?? options[0].maxLength};
  if (textual?.has(1)) {
    const list = options.find((each) => each.type === "array");
    return {kind: "lines", whole: alternatives(list.items).some((each) => each.type === "integer")};
  }
  return {kind: "json"};
}

function ofNumbers(schema, options, found) {
  const {minimum, maximum, type} = {...innermost(options[0]), ...bounds(schema)};
  const whole = type === "integer";
  const alone = found.size === 1 && found.has(0);
  return {kind: alone ? "number" : "numbers", minimum, maximum, whole, depths: found};
}

function bounds(schema) {
  const own = Object.entries(schema).filter(([name]) => name === "minimum" || name === "maximum");
  return Object.fromEntries(own);
}

// Where names stand in for numbers, the names do.
function distinct(values) {
  const known = values.filter((value) => value !== null);
  const names = known.filter((value) => typeof value === "string");
  return names.length ? names : known;
}

// The type of a schema in words, as tables of the API have it.
export function typeWords(schema) {
  if (!schema || !Object.keys(schema).length) return "any value";
  if (schema.enum) return `one of ${schema.enum.map((each) => JSON.stringify(each)).join(", ")}`;
  const several = schema.anyOf ?? schema.oneOf;
  // null is the same as leaving a field out.
  const told = several?.filter((each) => each.type !== "null").map(typeWords);
  if (told) return [...new Set(told)].join(", or ");
  if (schema.contentMediaType) return `${schema.contentMediaType} in base64`;
  if (schema.type === "array") {
    const size = range(schema.minItems, schema.maxItems);
    return `list of ${size ? `${size} × ` : ""}${typeWords(schema.items)}`;
  }
  if (schema.type === "object") {
    const inner = schema.additionalProperties;
    return inner && typeof inner === "object" ? `object of ${typeWords(inner)}` : "object";
  }
  const size = range(schema.minimum ?? schema.minLength, schema.maximum ?? schema.maxLength);
  const unit = schema.type === "string" && size ? " characters" : "";
  return size ? `${schema.type}, ${size}${unit}` : String(schema.type ?? "any value");
}

function range(low, high) {
  if (low === undefined && high === undefined) return "";
  if (low === undefined) return `at most ${high}`;
  if (high === undefined) return `at least ${low}`;
  return low === high ? String(low) : `${low} to ${high}`;
}
