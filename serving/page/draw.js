// A canvas to draw on, white on black as the small grey pictures are.

import {el} from "./dom.js";

const SIDE = 280; // pixels of the longer side on the screen
const STEP = 8; // pixels that an arrow key moves the pen

// `changed(data)` gets the base64 of a PNG file of the model's size, or null after Clear.
export function sketchpad({width, height}, changed) {
  const scale = SIDE / Math.max(width, height);
  const canvas = el("canvas", {
    width: Math.round(width * scale), height: Math.round(height * scale), tabindex: 0,
    role: "img", "aria-label": "Drawing area. Arrow keys move the pen, Space puts it down or up.",
  });
  const pen = canvas.getContext("2d"), thick = SIDE / 12;
  const at = {x: canvas.width / 2, y: canvas.height / 2, down: false};
  blank();
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    line(place(event), place(event));
  });
  canvas.addEventListener("pointermove", (event) => {
    if (event.buttons) line({x: at.x, y: at.y}, place(event));
  });
  canvas.addEventListener("pointerup", finish);
  canvas.addEventListener("keydown", (event) => {
    const move = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
    if (event.key === " ") at.down = !at.down;
    else if (!move[event.key]) return;
    event.preventDefault();
    const [x, y] = move[event.key] ?? [0, 0];
    const to = {
      x: inside(at.x + STEP * x, canvas.width), y: inside(at.y + STEP * y, canvas.height),
    };
    if (!at.down) return void Object.assign(at, to);
    line({x: at.x, y: at.y}, to);
    finish();
  });
  const clear = el("button", {type: "button", onclick: () => { blank(); changed(null); }}, "Clear");
  return el("div", {class: "row"}, canvas, clear);

  function blank() {
    pen.fillStyle = "#000";
    pen.fillRect(0, 0, canvas.width, canvas.height);
  }

  function place(event) {
    const box = canvas.getBoundingClientRect();
    return {
      x: (event.clientX - box.left) * canvas.width / box.width,
      y: (event.clientY - box.top) * canvas.height / box.height,
    };
  }

  function line(from, to) {
    Object.assign(pen, {strokeStyle: "#fff", lineWidth: thick, lineCap: "round"});
    pen.beginPath();
    pen.moveTo(from.x, from.y);
    pen.lineTo(to.x, to.y);
    pen.stroke();
    Object.assign(at, to);
  }

  function finish() {
    const small = el("canvas", {width, height}), paper = small.getContext("2d");
    paper.imageSmoothingQuality = "high";
    paper.drawImage(canvas, 0, 0, width, height);
    changed(small.toDataURL("image/png").split(",")[1]);
  }
}

const inside = (value, most) => Math.max(0, Math.min(most, value));
