// The models by family, and a box that filters them.

import {el, humane, plural} from "./dom.js";
import {addressOf} from "./stage.js";

export class List {
  #links = new Map();
  #toggle;
  #place;

  constructor(place, models) {
    this.#place = place;
    const groups = byFamily(models).map(([family, members]) => this.#group(family, members));
    const none = el("p", {class: "soft", hidden: true}, "No model is called so.");
    const count = el("span", {class: "unseen", role: "status"});
    const filter = el("input", {
      type: "search", id: "filter", placeholder: `Filter ${plural(models.length, "model")}`,
      autocomplete: "off", "aria-label": "Filter models",
      oninput: () => {
        const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
        const shown = groups.map((group) => group.filter(words)).reduce((a, b) => a + b, 0);
        none.hidden = shown > 0;
        count.textContent = plural(shown, "model");
      },
    });
    this.#toggle = el("button", {
      type: "button", class: "toggle", "aria-expanded": "false", "aria-controls": "models",
      onclick: () => this.#open(!place.classList.contains("open")),
    }, "Models");
    const all = el("div", {id: "models", class: "models"}, filter, count, none,
      groups.map((group) => group.node));
    place.replaceChildren(this.#toggle, all);
  }

  // Marks the model that is shown; on a narrow screen the list closes.
  mark(name) {
    for (const [each, link] of this.#links) {
      if (each === name) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    this.#links.get(name)?.scrollIntoView({block: "nearest"});
    this.#toggle.textContent = name ? `Models: ${name}` : "Models";
    this.#open(false);
  }

  #open(open) {
    this.#place.classList.toggle("open", open);
    this.#toggle.setAttribute("aria-expanded", String(open));
  }

  #group(family, members) {
    const items = members.map((model) => {
      const said = model.verdict?.verdict;
      const mark = said && el("span", {class: `dot ${said.replaceAll(" ", "-")}`, title: said},
        el("span", {class: "unseen"}, `, ${said}`));
      const link = el("a", {href: addressOf(model.name)}, el("span", {}, model.name), mark || null);
      this.#links.set(model.name, link);
      const text = [model.name, model.title, humane(family), ...model.tasks].join(" ");
      return {text: text.toLowerCase(), node: el("li", {}, link)};
    });
    const node = el("section", {}, el("h2", {}, humane(family)),
      el("ul", {}, items.map((item) => item.node)));
    const filter = (words) => {
      for (const {text, node: item} of items) item.hidden = !words.every((w) => text.includes(w));
      const shown = items.filter((item) => !item.node.hidden).length;
      node.hidden = shown === 0;
      return shown;
    };
    return {node, filter};
  }
}

export function byFamily(models) {
  const found = new Map();
  for (const model of models) {
    const family = model.family ?? "other";
    found.set(family, [...found.get(family) ?? [], model]);
  }
  return [...found].sort(([a], [b]) => a.localeCompare(b));
}
