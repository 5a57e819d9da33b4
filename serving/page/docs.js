// The endpoints, from the OpenAPI document of the server.

import {openapi} from "./api.js";
import {el, humane, marked, plural} from "./dom.js";
import {alternatives, typeWords} from "./schema.js";

const METHODS = ["get", "post", "put", "patch", "delete"];
const CUT = 60; // characters of a value that are shown of a command

const place = document.getElementById("endpoints");
let description;

// A schema, or what it refers to.
function resolved(schema) {
  if (!schema?.$ref) return schema ?? {};
  const path = schema.$ref.replace(/^#\//, "").split("/");
  return path.reduce((found, key) => found?.[key], description) ?? {};
}

function endpoints() {
  const found = new Map();
  for (const [path, methods] of Object.entries(description.paths)) {
    for (const method of METHODS.filter((each) => methods[each])) {
      const told = methods[method], tag = told.tags?.[0] ?? "other";
      const id = `${method}-${path}`.replace(/[^\w-]+/g, "-");
      found.set(tag, [...found.get(tag) ?? [], {path, method, told, id}]);
    }
  }
  // What most people came for is first.
  const rank = ([tag]) => tag === "tasks" ? 0 : 1;
  return new Map([...found].sort((a, b) => rank(a) - rank(b)));
}

const badge = (method) => el("span", {class: `method ${method}`}, method.toUpperCase());

function section({path, method, told, id}) {
  const body = told.requestBody?.content ?? {}, [media] = Object.keys(body);
  return el("section", {class: "endpoint", id, "aria-labelledby": `${id}-name`},
    el("h3", {id: `${id}-name`}, badge(method), path),
    el("p", {class: "use"}, marked(told.summary ?? "")),
    told.description ? el("p", {}, marked(told.description)) : null,
    parameters(told.parameters ?? []),
    media ? [el("h4", {}, "Request"), fields(resolved(body[media].schema), media)] : null,
    el("h4", {}, "Try it"), command(path, method, told, body[media]),
    el("h4", {}, "Responses"), responses(told.responses ?? {}));
}

function parameters(list) {
  if (!list.length) return null;
  return [el("h4", {}, "Parameters"), rowsOf(list.map((each) => ({
    name: each.name, required: each.required, schema: resolved(each.schema),
    note: [each.description, `in the ${each.in}`].filter(Boolean).join("; "),
  })))];
}

// The fields of an object as a table; those of objects within it follow with dotted names.
function fields(schema, media) {
  if (!schema.properties) return el("p", {class: "soft"}, `${media}: ${typeWords(schema)}`);
  return rowsOf(flat(schema, ""));
}

function flat(schema, before) {
  const needed = schema.required ?? [];
  return Object.entries(schema.properties).flatMap(([name, told]) => {
    const own = resolved(told), item = own.items ? resolved(own.items) : null;
    const row = {name: before + name, required: needed.includes(name), schema: own};
    const inner = [own, item].find((each) => each?.properties);
    if (!inner || before.includes(".")) return [row];
    return [row, ...flat(inner, `${before}${name}${item ? "[]" : ""}.`)];
  });
}

function rowsOf(rows) {
  const line = ({name, required, schema, note}) => el("tr", {},
    el("th", {scope: "row"}, el("code", {}, name),
      required ? el("span", {class: "required"}, " required") : null),
    el("td", {}, shortType(schema)),
    el("td", {}, marked(note ?? schema.description ?? ""),
      schema.default === undefined ? null
        : el("span", {class: "soft"}, ` Default ${JSON.stringify(schema.default)}.`)));
  const heads = ["Name", "Type", "Description"].map((each) => el("th", {scope: "col"}, each));
  return el("div", {class: "wide"}, el("table", {}, el("thead", {}, el("tr", {}, heads)),
    el("tbody", {}, rows.map(line))));
}

// Long choices, such as the names of all models, are cut off.
function shortType(schema) {
  const [one] = alternatives(schema), values = schema.enum ?? one?.enum;
  if (values?.length > 8) {
    return `one of ${values.slice(0, 5).join(", ")} and ${values.length - 5} others`;
  }
  return typeWords(schema);
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

function command(path, method, told, content) {
  const filled = path.replace(/\{(\w+)(?::\w+)?\}/g, (whole, name) => {
    const schema = told.parameters?.find((each) => each.name === name)?.schema ?? {};
    const known = resolved(schema).enum?.[0] ?? resolved(schema).examples?.[0];
    return known === undefined ? name.toUpperCase() : encodeURIComponent(known);
  });
  const line = (example) => ["curl", "-s", method === "get" ? "" : `-X ${method.toUpperCase()}`,
    `${location.origin}${filled}`,
    example === undefined ? ""
      : `-H 'Content-Type: application/json' -d ${quoted(JSON.stringify(example))}`,
  ].filter(Boolean).join(" ");
  const example = content?.example, cut = example && JSON.parse(JSON.stringify(example, (_, each) =>
    typeof each === "string" && each.length > 300 ? `${each.slice(0, CUT)}…` : each));
  const shown = el("pre", {tabindex: 0, "aria-label": "Command"}, line(cut));
  if (!navigator.clipboard) return shown;
  const copy = el("button", {type: "button", onclick: async () => {
    await navigator.clipboard.writeText(line(example));
    copy.textContent = "Copied";
  }}, "Copy");
  return [shown, copy];
}

function responses(list) {
  const known = Object.entries(list).map(([status, told]) => {
    const own = resolved(told);
    const contents = Object.entries(own.content ?? {}).map(([media, {schema}]) => {
      const found = resolved(schema);
      return el("div", {}, el("p", {class: "soft"}, media), fields(found, media));
    });
    const title = [el("b", {}, status), ` ${own.description ?? ""}`];
    // All errors have the same form.
    if (!contents.length || !status.startsWith("2")) return el("p", {class: "status"}, title);
    return el("details", {}, el("summary", {}, title), contents);
  });
  return el("div", {class: "responses"}, known);
}

function list(groups) {
  const items = [...groups].flatMap(([tag, members]) => [
    el("h2", {}, humane(tag)),
    el("ul", {}, members.map(({id, method, path, told}) => el("li", {},
      el("a", {href: `#${id}`}, 
        el("span", {class: "path"}, tag === "tasks" ? told.operationId : path),
        badge(method))))),
  ]);
  const holder = document.getElementById("list");
  const toggle = el("button", {
    type: "button", class: "toggle", "aria-expanded": "false", "aria-controls": "models",
  }, "Endpoints");
  const open = (shown) => {
    holder.classList.toggle("open", shown);
    toggle.setAttribute("aria-expanded", String(shown));
  };
  toggle.addEventListener("click", () => open(!holder.classList.contains("open")));
  holder.addEventListener("click", (event) => { if (event.target.closest("a")) open(false); });
  holder.replaceChildren(toggle, el("div", {id: "models", class: "models"}, items));
}

async function start() {
  description = await openapi();
  const groups = endpoints(), count = [...groups.values()].flat().length;
  list(groups);
  place.replaceChildren(
    el("h1", {}, `${description.info.title} API`),
    el("p", {class: "soft"}, `Version ${description.info.version}, ${plural(count, "endpoint")}`),
    el("p", {class: "use"}, description.info.description ?? ""),
    ...[...groups].flatMap(([tag, members]) =>
      [el("h2", {}, humane(tag)), ...members.map(section)]));
  // The address may name an endpoint that was not there when the page was loaded.
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

start().catch((error) => {
  place.replaceChildren(el("p", {class: "error", role: "alert"}, error.message));
});
