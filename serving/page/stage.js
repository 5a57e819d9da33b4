// One model: what it is, its tasks, a form and the answer.

import {about as aboutTask, ask, Refused} from "./api.js";
import {answerOf, liveTokens} from "./answer.js";
import {card, verdict} from "./card.js";
import {el, humane, marked} from "./dom.js";
import {makeForm} from "./form.js";
import {silence} from "./music.js";

export const addressOf = (model, task, values = {}) => {
  const query = new URLSearchParams(values).toString();
  const path = [model, task].filter(Boolean).map(encodeURIComponent).join("/");
  return `#/${path}${query && `?${query}`}`;
};

export class Stage {
  #place;
  #work = null;
  #turn = 0;

  constructor(place) {
    this.#place = place;
  }

  // Shows a model and one of its tasks; `values` fill the form.
  async show(model, task, values) {
    this.leave();
    const turn = ++this.#turn, chosen = task ?? model.tasks[0];
    const body = el("div", {class: "body"});
    this.#place.replaceChildren(...head(model, chosen), body, card(model));
    document.title = `${model.name}: ${humane(chosen ?? "")} – Repertoire`;
    if (!chosen) return body.append(el("p", {}, "This model has no task; its graphs are at ",
      el("code", {}, `/v2/models/${model.name}`), "."));
    try {
      const told = await aboutTask(model.name, chosen);
      if (turn === this.#turn) this.#fill(body, model, chosen, told, values);
    } catch (error) {
      if (turn === this.#turn) body.append(el("p", {class: "error", role: "alert"}, error.message));
    }
  }

  // Ends what is at work and what sounds.
  leave() {
    this.#work?.abort();
    this.#work = null;
    silence();
  }

  #fill(body, model, task, told, values) {
    const answer = el("section", {class: "answer", "aria-label": "Answer", hidden: true});
    let timer;
    const form = makeForm(model.name, task, told, values, {
      run: () => this.#run(model.name, task, told, form, answer),
      stop: () => this.#work?.abort(),
      changed: () => {
        clearTimeout(timer);
        timer = setTimeout(() => {
          // The address of what is shown by now alone.
          if (!form.node.isConnected) return;
          history.replaceState(null, "", addressOf(model.name, task, form.text()));
        }, 250);
      },
    });
    const [first, ...more] = told.description.split("\n\n");
    body.append(
      el("p", {class: "use"}, marked(first)),
      ...more.map((text) => el("p", {class: "soft"}, marked(text))),
      form.node, answer);
  }

  async #run(model, task, told, form, answer) {
    if (this.#work) return;
    const work = this.#work = new AbortController();
    silence();
    form.begin();
    const start = performance.now();
    try {
      const request = await form.read(), sent = form.shown();
      const live = liveTokens(request);
      const found = await ask(model, task, request, {
        signal: work.signal,
        streams: told.streams,
        onEvent(kind, content) {
          if (kind === "progress") form.progress(content);
          if (kind !== "token") return;
          live.add(content);
          show(answer, live.node);
        },
      });
      show(answer, answerOf(found, {model, task, told, request, sent}));
      const seconds = (performance.now() - start) / 1000;
      form.end(`Answered in ${seconds.toFixed(seconds < 10 ? 2 : 0)} s`);
    } catch (error) {
      if (error.name === "AbortError") form.end("Stopped.");
      else form.end(sentence(error), true);
    } finally {
      if (this.#work === work) this.#work = null;
    }
  }
}

function sentence(error) {
  // Errors of this page are sentences; what only JavaScript knows is told as it is.
  const text = error instanceof Refused ? error.message : String(error.message);
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
}

function show(answer, node) {
  answer.hidden = false;
  if (answer.firstChild !== node) answer.replaceChildren(node);
}

function head(model, chosen) {
  const tabs = model.tasks.map((task) => el("a", {
    href: addressOf(model.name, task), "aria-current": task === chosen && "page",
  }, humane(task)));
  return [
    el("p", {class: "family"}, humane(model.family ?? "model")),
    el("h1", {id: "name", tabindex: -1}, model.name),
    model.title && model.title !== model.name ? el("p", {class: "title"}, model.title) : "",
    verdict(model),
    tabs.length ? el("nav", {class: "tabs", "aria-label": "Tasks"}, tabs) : "",
  ];
}
