// What a model is: its verdict, its metrics beside baselines, and facts in short.

import {el, humane, short} from "./dom.js";

const DEEP = 3; // entries of a nested fact that are told

// (page) -> its address where the page is told of a report with ?report=; else null.
export function reportUrl() {
  const told = new URLSearchParams(location.search).get("report");
  if (!told) return null;
  try {
    const base = new URL(told.endsWith("/") ? told : `${told}/`, location.href);
    if (!["http:", "https:"].includes(base.protocol)) return null;
    return (page) => new URL(page || "index.html", base).href;
  } catch {
    return null;
  }
}

export function verdict(model) {
  const {verdict: word, sentence} = model.verdict ?? {};
  if (!word && !sentence) return "";
  // The sentence begins with the word that the badge shows.
  const begins = word && sentence?.toLowerCase().startsWith(word);
  const rest = begins ? sentence.slice(word.length) : ` ${sentence ?? ""}`;
  const kind = `badge ${word?.replaceAll(" ", "-")}`;
  const badge = word ? el("strong", {class: kind}, humane(word)) : "";
  return el("p", {class: "verdict"}, badge, rest);
}

export function card(model) {
  const report = reportUrl(), metrics = metricTable(model), facts = factList(model.facts ?? {});
  const link = report && el("p", {}, el("a", {
    href: report(`${model.family}.html#model-${model.name}`),
  }, "Its page of the report"));
  return el("details", {class: "card"},
    el("summary", {}, "About this model"),
    el("p", {class: "soft"}, `Version ${model.version}`), link || null,
    metrics ?? null, facts);
}

// Each metric, and the same one of each baseline.
function metricTable({metrics, baselines}) {
  const rows = Object.entries(metrics ?? {}).filter(([, value]) => typeof value === "number");
  if (!rows.length) return null;
  const keys = rows.map(([name]) => name.replace(/^test_/, ""));
  const body = rows.map(([, value], place) => el("tr", {},
    el("th", {scope: "row"}, humane(keys[place])), el("td", {class: "number"}, short(value)),
    el("td", {}, beside(keys[place], keys, baselines ?? {}))));
  return el("div", {class: "wide"}, el("table", {},
    el("thead", {}, el("tr", {}, ["Metric", "Model", "Baselines"].map((name) =>
      el("th", {scope: "col"}, name)))),
    el("tbody", {}, body)));
}

function beside(key, keys, baselines) {
  // A baseline ends with the longest metric that fits: nats_per_token, not token.
  const longer = keys.filter((each) => each.length > key.length && each.endsWith(`_${key}`));
  const found = Object.entries(baselines).filter(([name]) => name.endsWith(`_${key}`) &&
    !longer.some((each) => name.endsWith(each)));
  return found.map(([name, value]) => el("span", {class: "pair"},
    `${humane(name.slice(0, -key.length - 1))} `, el("b", {}, short(value))));
}

function factList(facts) {
  const rows = Object.entries(facts).map(([name, value]) => [name, told(value)]);
  return el("dl", {class: "facts"}, rows.filter(([, text]) => text).map(([name, text]) =>
    el("div", {}, el("dt", {}, humane(name)), el("dd", {}, text))));
}

function told(value, deep = false) {
  if (value === null || value === "") return "";
  if (Array.isArray(value)) {
    const plain = value.every((each) => typeof each !== "object");
    return plain && value.length <= 12 ? value.map((each) => short(each)).join(", ")
      : `${value.length} values`;
  }
  if (typeof value !== "object") return short(value);
  const entries = Object.entries(value);
  if (deep || entries.length > 2 * DEEP) return `${entries.length} entries`;
  const line = ([name, each]) => `${name.replaceAll("_", " ")} ${told(each, true)}`;
  return entries.map(line).join(" · ");
}
