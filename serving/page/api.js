// What the page asks of the server.

export class Refused extends Error {}

async function reach(path, options) {
  try {
    return await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused("The server cannot be reached. Is it still running?");
  }
}

async function refusal(response) {
  try {
    const {error} = await response.json();
    if (typeof error === "string") return new Refused(error);
  } catch { /* no JSON: the status has to do */ }
  return new Refused(`The server answered ${response.status} ${response.statusText}`.trim());
}

async function get(path) {
  const response = await reach(path);
  if (!response.ok) throw await refusal(response);
  return response.json();
}

const part = encodeURIComponent;

export const models = async () => (await get("/v1/models")).models;
export const about = (model, task) => get(`/v1/models/${part(model)}/${part(task)}`);
export const openapi = () => get("/openapi.json");

const known = new Map();

// The input of images of a model, that of the task's own graph first: {height, width, colours};
// a side is null where it is free. null if no graph takes images.
export function imageSize(model, task) {
  const key = `${model}/${task}`;
  if (!known.has(key)) known.set(key, findImageSize(model, task));
  return known.get(key);
}

async function findImageSize(model, task) {
  // A model of one graph is described as that graph.
  const {graphs = [model]} = await get(`/v2/models/${part(model)}`);
  const own = graphs.filter((name) => name === `${model}.${task}`);
  for (const graph of new Set([...own, ...graphs])) {
    const {inputs} = await get(`/v2/models/${part(graph)}`);
    const images = inputs.find(({datatype, shape}) => datatype === "UINT8" && shape.length > 2);
    if (!images) continue;
    const [, height, width, colours = 1] = images.shape.map((side) => side < 0 ? null : side);
    return {height, width, colours};
  }
  return null;
}

function post(model, task, body, signal, accept) {
  const headers = {"Content-Type": "application/json", Accept: accept};
  const options = {method: "POST", headers, body: JSON.stringify(body), signal};
  return reach(`/v1/models/${part(model)}/${part(task)}`, options);
}

// The answer; where the task streams, `onEvent(kind, content)` hears of what happens before it.
export async function ask(model, task, body, {signal, streams, onEvent}) {
  const sent = streams ? {...body, stream: true} : body;
  const response = await post(model, task, sent, signal, "application/json");
  if (!response.ok) throw await refusal(response);
  if (!streams) return response.json();
  for await (const {kind, content} of events(response)) {
    if (kind === "done") return content;
    if (kind === "error") throw new Refused(content.error);
    onEvent(kind, content);
  }
  throw new Refused("The server closed the connection before the answer was there.");
}

// The answer as a file of a media type.
export async function askFile(model, task, body, accept) {
  const response = await post(model, task, body, undefined, accept);
  if (!response.ok) throw await refusal(response);
  return response.blob();
}

async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  for (;;) {
    const {value, done} = await reader.read();
    if (done) return;
    buffer += value;
    const blocks = buffer.split("\n\n");
    buffer = blocks.pop();
    for (const block of blocks) {
      const lines = block.split("\n").map((line) => line.match(/^(\w+): ?(.*)$/) ?? []);
      const told = Object.fromEntries(lines.map(([, name, text]) => [name, text]));
      if (told.data) yield {kind: told.event, content: JSON.parse(told.data)};
    }
  }
}
