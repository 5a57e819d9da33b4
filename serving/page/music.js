// Music: a piano roll that can be heard and stopped.

import {calm, el, plural, svg} from "./dom.js";

let sound = null; // what is heard at the moment: {context, end}

export function silence() {
  sound?.end();
}

// `frames`: the notes of each step, as numbers of MIDI; `tempo` in quarters a minute.
export function music({frames, steps_a_quarter: steps, midi, tempo, name}) {
  const seconds = 60 / tempo / steps, notes = held(frames);
  const {node: roll, head} = pianoRoll(frames, notes);
  const play = el("button", {type: "button", "aria-pressed": "false"}, "Play");
  play.addEventListener("click", () => {
    const playing = play.getAttribute("aria-pressed") === "true";
    silence();
    if (!playing) sound = start(notes, seconds, frames.length, {play, head});
  });
  const file = midi && el("a", {
    class: "button", href: `data:audio/midi;base64,${midi}`, download: `${name}.mid`,
  }, "MIDI file");
  const length = Math.round(frames.length * seconds), count = plural(notes.length, "note");
  return el("div", {class: "music"}, roll, el("p", {class: "row"}, play, file || null,
    el("span", {class: "soft"}, `${count}, ${length} s at ${tempo} quarters a minute`)));
}

// [{note, start, length}] in frames: a note that goes on is one.
function held(frames) {
  const found = [], open = new Map();
  frames.forEach((chord, place) => {
    const now = new Map();
    for (const note of chord) {
      const before = open.get(note) ?? {note, start: place, length: 0};
      if (!before.length) found.push(before);
      before.length += 1;
      now.set(note, before);
    }
    open.clear();
    for (const [note, each] of now) open.set(note, each);
  });
  return found;
}

function pianoRoll(frames, notes) {
  const pitches = notes.map(({note}) => note);
  const low = Math.min(60, ...pitches) - 1, high = Math.max(60, ...pitches) + 1;
  const wide = 10 * Math.max(1, frames.length), tall = 8 * (high - low + 1);
  const rows = [];
  for (let pitch = low; pitch <= high; pitch++) {
    if ([1, 3, 6, 8, 10].includes(pitch % 12)) {
      rows.push(svg("rect", {class: "black", x: 0, y: 8 * (high - pitch), width: wide, height: 8}));
    }
  }
  const blocks = notes.map(({note, start: from, length}) => svg("rect", {
    class: "note", x: 10 * from, y: 8 * (high - note) + 1, width: 10 * length - 1, height: 6, rx: 2,
  }));
  const head = svg("line", {class: "head", x1: 0, x2: 0, y1: 0, y2: tall});
  const node = svg("svg", {
    class: "roll", viewBox: `0 0 ${wide} ${tall}`, preserveAspectRatio: "none", role: "img",
    "aria-label": `Piano roll of ${plural(notes.length, "note")}`,
  }, ...rows, ...blocks, head);
  return {node, head: {line: head, wide}};
}

function start(notes, step, length, {play, head}) {
  const context = new AudioContext(), out = context.createDynamicsCompressor();
  out.connect(context.destination);
  const from = context.currentTime + 0.1;
  for (const each of notes) sing(context, out, each, step, from);
  play.textContent = "Stop";
  play.setAttribute("aria-pressed", "true");
  head.line.classList.add("on");
  let frame = 0;
  const end = () => {
    cancelAnimationFrame(frame);
    context.close();
    play.textContent = "Play";
    play.setAttribute("aria-pressed", "false");
    head.line.classList.remove("on");
    sound = null;
  };
  const follow = () => {
    const done = (context.currentTime - from) / (length * step);
    if (done > 1) return end();
    const x = Math.max(0, done) * head.wide;
    if (!calm()) for (const side of ["x1", "x2"]) head.line.setAttribute(side, x);
    frame = requestAnimationFrame(follow);
  };
  follow();
  return {end};
}

function sing(context, out, {note, start: place, length}, step, begin) {
  const tone = context.createOscillator(), loud = context.createGain();
  const from = begin + place * step, to = from + length * step;
  tone.type = "triangle";
  tone.frequency.value = 440 * 2 ** ((note - 69) / 12);
  loud.gain.setValueAtTime(0, from);
  loud.gain.linearRampToValueAtTime(0.14, from + 0.03);
  loud.gain.setTargetAtTime(0.08, from + 0.05, 0.2);
  loud.gain.setTargetAtTime(0, to - 0.04, 0.03);
  tone.connect(loud).connect(out);
  tone.start(from);
  tone.stop(to + 0.2);
}
