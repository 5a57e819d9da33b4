// Tokens coloured by how surprising they were, and what is to be said of unknown ones.

import {el, plural, short} from "./dom.js";

const MOST = 10; // nats from which on a token has the full colour
const STEPS = 8;

function chip(token, logProb) {
  const step = Math.min(STEPS, Math.max(0, Math.round(-logProb / MOST * STEPS)));
  const share = 100 * Math.exp(logProb);
  const shown = share >= 0.01 ? `${share.toPrecision(2)} %` : "less than 0.01 %";
  const title = `${shown} likely (${short(logProb, 3)} nats)`;
  return el("span", {class: `token s${step}`, title}, token);
}

function legend() {
  const scale = Array.from({length: STEPS + 1}, (_, step) =>
    el("span", {class: `token s${step}`}, " "));
  return el("p", {class: "legend"}, "expected ", el("span", {"aria-hidden": "true"}, scale),
    " surprising");
}

// `text` is what the tokens spell, where spaces are in it; null where tokens are shown one by one.
export function coloured(tokens, logProbs, {text, prompt}) {
  const line = el("p", {class: "tokens"});
  if (prompt) line.append(el("span", {class: "prompt"}, prompt));
  let rest = text;
  tokens.forEach((token, place) => {
    const at = rest === null ? -1 : rest.indexOf(token);
    if (at > 0) line.append(rest.slice(0, at));
    else if (rest === null && place > 0) line.append(" ");
    if (at >= 0) rest = rest.slice(at + token.length);
    line.append(chip(token, logProbs[place]));
  });
  if (rest) line.append(rest);
  return el("div", {}, line, legend());
}

// What was drawn so far, while the next is drawn.
export function liveTokens(request) {
  const prompt = el("span", {class: "prompt"}, String(request.prompt ?? ""));
  const line = el("p", {class: "tokens"}, prompt);
  const node = el("div", {class: "found"}, line);
  return {node, add: ({text, log_prob: logProb}) => line.append(chip(text, logProb))};
}

// Says how much the model could not read or write, and takes the counts out of `left`.
export function notices(value, left) {
  const found = [];
  const {unknown_tokens: unknown, input_tokens: all} = value ?? {};
  const unwritten = value?.unknown_output_tokens;
  if (unknown > 0) {
    const are = unknown === 1 ? "is" : "are";
    found.push(`${unknown} of ${plural(all, "token")} ${are} not in the vocabulary.`);
  }
  if (unwritten > 0) {
    found.push(`The model has no token for ${plural(unwritten, "place")} of its answer.`);
  }
  for (const name of ["unknown_tokens", "input_tokens", "unknown_output_tokens"]) left.delete(name);
  return found.map((text) => el("p", {class: "notice"}, text));
}
