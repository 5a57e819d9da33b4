// The page: the list, the stage, and the address #/model/task?field=value that says what is shown.

import {models as askModels} from "./api.js";
import {el, humane, plural} from "./dom.js";
import {byFamily, List} from "./list.js";
import {reportUrl} from "./card.js";
import {addressOf, Stage} from "./stage.js";

const SHOWN = 4; // models of a family on the first view

const place = document.getElementById("stage");
const stage = new Stage(place);

function read(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  const [name = "", task] = path.split("/").map(decoded);
  return {name, task: task || undefined, values: Object.fromEntries(new URLSearchParams(query))};
}

function decoded(text) {
  try { return decodeURIComponent(text); } catch { return text; }
}

function welcome(models, said) {
  const cards = byFamily(models).map(([family, members]) => {
    const links = members.slice(0, SHOWN).map(({name}) => el("a", {href: addressOf(name)}, name));
    const others = members.length - SHOWN;
    const more = others > 0 ? el("span", {class: "soft"}, `and ${others} more`) : null;
    return el("li", {}, el("h2", {}, humane(family)), el("p", {class: "links"}, links, more));
  });
  const count = plural(models.length, "model");
  const line = said ?? `${count} to try, each with an example to start from.`;
  place.replaceChildren(
    el("h1", {id: "name", tabindex: -1}, "What shall it be?"), el("p", {class: "use"}, line),
    el("ul", {class: "families"}, cards));
  document.title = "Repertoire";
}

async function start() {
  const report = reportUrl();
  if (report) document.getElementById("pages").prepend(el("a", {href: report("")}, "Report"), " ");
  const models = await askModels();
  if (!models.length) {
    place.replaceChildren(el("h1", {}, "No model is served yet"));
    return;
  }
  const list = new List(document.getElementById("list"), models);
  const route = (event) => {
    // A link within the page, such as the one that skips the list, is no address of a model.
    if (location.hash && !location.hash.startsWith("#/")) return;
    const {name, task, values} = read(location.hash);
    const model = models.find((each) => each.name === name);
    list.mark(model?.name);
    if (model && (!task || model.tasks.includes(task))) stage.show(model, task, values);
    else {
      stage.leave();
      const missing = model ? `${name} has no task “${task}”.` : `There is no model “${name}”.`;
      welcome(models, name ? missing : undefined);
    }
    if (!event) return;
    scrollTo({top: 0});
    // Who chose with the keyboard goes on from there.
    document.getElementById("name")?.focus({preventScroll: true});
  };
  addEventListener("hashchange", route);
  route();
}

start().catch((error) => {
  place.replaceChildren(el("p", {class: "error", role: "alert"}, error.message));
});
