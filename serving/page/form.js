// The form of a task, made from the JSON Schema of its request.

import {el} from "./dom.js";
import {makeField} from "./fields.js";
import {kindOf} from "./schema.js";

// {node, read(), shown(), text()}, and begin(), progress() and end() of the work.
export function makeForm(model, task, about, values, {run, stop, changed}) {
  const fields = fieldsOf(model, task, about);
  for (const field of fields) {
    field.before = field.text();
    if (Object.hasOwn(values, field.name)) field.set(values[field.name]);
  }
  const status = running(run, stop);
  const form = el("form", {novalidate: true, class: "form", onsubmit: (event) => {
    event.preventDefault();
    run();
  }}, laid(fields, values), status.node);
  form.addEventListener("input", changed);
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) run();
    if (event.key === "Escape") stop();
  });
  return {
    ...status,
    node: form,
    // The request: what is empty is left out.
    async read() {
      const read = async (field) => [field.name, await field.read()];
      const found = await Promise.all(fields.map(read));
      return Object.fromEntries(found.filter(([, value]) => value !== undefined));
    },
    // The pictures that are sent, to stand beside the answer.
    shown: () => fields.flatMap((field) => field.shown?.() ?? []),
    // What was changed and is short, for the address.
    text: () => Object.fromEntries(fields
      .map((field) => [field.name, field.text(), field.before])
      .filter(([, now, before]) => now !== null && now !== before)
      .map(([name, now]) => [name, now])),
  };
}

function fieldsOf(model, task, about) {
  const {request, example, files} = about;
  const names = Object.keys(request.properties);
  const kinds = names.map((name) => kindOf(request.properties[name]).kind);
  const texts = kinds.filter((kind) => kind === "text").length;
  return names.map((name) => makeField(name, request.properties[name], {
    model, task, files,
    example: example[name],
    required: (request.required ?? []).includes(name),
    main: texts === 1 && kindOf(request.properties[name]).most === undefined,
  })).filter(Boolean).map((field) => ({
    ...field,
    rare: field.wide && example[field.name] === undefined &&
      !(request.required ?? []).includes(field.name) && Object.keys(example).length > 0,
  }));
}

// What holds texts and pictures first, then settings, then what may stand in their place.
function laid(fields, values) {
  const of = (test) => fields.filter(test).map((field) => field.node);
  const rare = fields.filter((field) => field.rare);
  const parts = [...of((field) => field.wide && !field.rare)];
  const settings = of((field) => !field.wide);
  if (settings.length) parts.push(el("div", {class: "settings"}, settings));
  if (rare.length) {
    const open = rare.some((field) => Object.hasOwn(values, field.name));
    parts.push(el("details", {class: "more", open}, el("summary", {}, "More inputs"),
      rare.map((field) => field.node)));
  }
  return parts;
}

// The button, Stop, how far the work is, and one sentence on what went wrong.
function running(run, stop) {
  const go = el("button", {type: "submit", class: "go"}, "Run");
  const end = el("button", {type: "button", class: "stop", hidden: true, onclick: stop}, "Stop");
  const bar = el("progress", {hidden: true, "aria-label": "Progress"});
  const said = el("span", {class: "said", role: "status"});
  const error = el("p", {class: "error", role: "alert"});
  let waiting;
  return {
    node: el("div", {class: "actions"}, el("div", {class: "row"}, go, end, bar, said), error),
    begin() {
      error.textContent = said.textContent = "";
      go.setAttribute("aria-disabled", "true");
      // What is answered at once needs no way to stop it.
      waiting = setTimeout(() => {
        end.hidden = bar.hidden = false;
        bar.removeAttribute("value");
      }, 250);
    },
    progress({done, of}) {
      Object.assign(bar, {max: of, value: done});
      said.textContent = `${done} of ${of}`;
    },
    end(words, failed) {
      clearTimeout(waiting);
      if (document.activeElement === end) go.focus();
      end.hidden = bar.hidden = true;
      go.removeAttribute("aria-disabled");
      said.textContent = failed ? "" : words;
      error.textContent = failed ? words : "";
    },
  };
}
