// The field of pictures: chosen, dropped, drawn, or those of the example.

import {imageSize} from "./api.js";
import {sketchpad} from "./draw.js";
import {el, humane, plural} from "./dom.js";

const FREE_PIXELS = 2e6; // sent to a model that takes any size
const SPARE = 2; // a model of fixed size gets this many times its sides, to cut and resize itself
const DRAWN = 64; // the longest side of what can be drawn

export function pictures({id, help, name, schema, told, required, example, model, task}) {
  const original = [example ?? []].flat().filter((each) => typeof each === "string");
  const state = {items: original.map(fromExample), size: null};
  const tiles = el("ul", {class: "tiles"}), several = told.most > 1;
  const fault = el("p", {class: "fault", role: "alert"});
  const chooser = el("input", {
    id, type: "file", accept: "image/*", multiple: several, class: "unseen",
    "aria-describedby": help, onchange: () => take([...chooser.files], false),
  });
  const adder = el("input", {
    id: `${id}-more`, type: "file", accept: "image/*", multiple: true, class: "unseen",
    onchange: () => take([...adder.files], true),
  });
  const add = el("label", {class: "button", for: `${id}-more`}, "Add …");
  const draw = el("button", {type: "button", hidden: true, "aria-expanded": "false"}, "Draw");
  const again = el("button", {type: "button", onclick: () => show(original.map(fromExample))},
    "Use the example");
  const pad = el("div", {class: "pad", hidden: true});
  const drop = el("div", {class: "drop"}, tiles, el("div", {class: "row"},
    chooser, el("label", {class: "button", for: id}, several ? "Choose pictures …" : "Choose …"),
    adder, add, draw, again), pad, el("p", {class: "help"}, "Or drop files here."), fault);
  const title = [humane(name), required ? null : el("span", {class: "soft"}, " optional")];
  const node = el("div", {class: "field", role: "group", "aria-labelledby": `${id}-label`},
    el("span", {class: "label", id: `${id}-label`}, title), drop,
    help ? el("p", {class: "help", id: help}, sentence(schema.description)) : null);
  dropping(drop, (files) => take(files, false));
  show(state.items);
  const ready = imageSize(model, task).then(prepare, () => {});

  function prepare(size) {
    state.size = size;
    const {height, width, colours} = size ?? {};
    if (!height || !width || colours !== 1 || Math.max(height, width) > DRAWN) return;
    draw.hidden = false;
    draw.addEventListener("click", () => {
      pad.hidden = !pad.hidden;
      draw.setAttribute("aria-expanded", String(!pad.hidden));
      if (!pad.firstChild) pad.append(sketchpad(size, drawn));
      if (!pad.hidden) pad.querySelector("canvas").focus();
    });
  }

  // The latest drawing replaces that of before, and what the example brought.
  function drawn(data) {
    const kept = state.items.filter((item) => !item.drawing && !item.example);
    show([...kept, ...(data ? [{...fromBase64(data, "a drawing"), drawing: true}] : [])]);
  }

  async function take(files, more) {
    fault.textContent = "";
    try {
      await ready;
      const made = await Promise.all(files.map((file) => shrunk(file, state.size)));
      const before = more ? state.items : [];
      if (made.length) show([...before, ...made].slice(0, told.most));
      if (before.length + made.length > told.most) {
        fault.textContent = `Only the first ${told.most} are sent.`;
      }
    } catch (error) {
      fault.textContent = error.message;
    }
    chooser.value = adder.value = "";
  }

  function show(items) {
    state.items = items;
    tiles.replaceChildren(...items.map((item, place) => tile(item, place, items.length)));
    tiles.hidden = !items.length;
    add.hidden = adder.hidden = told.most < 2 || !items.length || items.length >= told.most;
    again.hidden = !original.length || items.every((item) => item.example) && items.length > 0;
  }

  function tile(item, place, count) {
    const label = count > 1 ? `picture ${place + 1}, ${item.label}` : item.label;
    const drop = el("button", {
      type: "button", class: "remove", "aria-label": `Remove ${label}`,
      onclick: () => { show(state.items.filter((each) => each !== item)); chooser.focus(); },
    }, "×");
    const image = el("img", {src: item.url, alt: label, class: "fine"});
    image.addEventListener("load", () => {
      image.classList.toggle("pixels", Math.max(image.naturalWidth, image.naturalHeight) <= 128);
    });
    return el("li", {}, image, drop);
  }

  return {
    node,
    wide: true,
    read() {
      const found = state.items.map((item) => item.data);
      if (!found.length && required) throw new Error("Choose a picture first.");
      if (!found.length) return undefined;
      if (found.length < told.least) throw new Error(`Choose ${plural(told.least, "picture")}.`);
      return found;
    },
    shown: () => state.items.map((item) => ({url: item.url, label: item.label})),
    text: () => null,
    set: () => {},
  };
}

const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const fromExample = (data) => ({...fromBase64(data, "the example"), example: true});

function fromBase64(data, label) {
  const media = data.startsWith("/9j/") ? "image/jpeg" : "image/png";
  return {data, url: `data:${media};base64,${data}`, label};
}

function dropping(area, take) {
  area.addEventListener("dragover", (event) => {
    event.preventDefault();
    area.classList.add("over");
  });
  area.addEventListener("dragleave", () => area.classList.remove("over"));
  area.addEventListener("drop", (event) => {
    event.preventDefault();
    area.classList.remove("over");
    take([...event.dataTransfer.files]);
  });
}

// A file as it is, or smaller where the model cannot use more.
async function shrunk(file, size) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    const kinds = "choose a PNG, JPEG, WebP or GIF file";
    throw new Error(`${file.name} is not a picture that this browser can read; ${kinds}.`);
  }
  const {width, height} = bitmap;
  const scale = Math.min(1, size?.height && size.width
    ? SPARE * Math.max(size.width / width, size.height / height)
    : Math.sqrt(FREE_PIXELS / (width * height)));
  if (scale === 1) return fromFile(file);
  const canvas = el("canvas", {
    width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)),
  });
  const pen = canvas.getContext("2d");
  pen.imageSmoothingQuality = "high";
  pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  const large = canvas.width * canvas.height > 5e5 && file.type === "image/jpeg";
  const url = canvas.toDataURL(large ? "image/jpeg" : "image/png", 0.92);
  return {data: url.split(",")[1], url, label: file.name};
}

function fromFile(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => {
      resolve({data: reader.result.split(",")[1], url: reader.result, label: file.name});
    };
    reader.onerror = () => reject(new Error(`${file.name} cannot be read.`));
    reader.readAsDataURL(file);
  });
}
