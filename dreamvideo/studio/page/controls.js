// The controls beside the picture. Each is a setting of the command line, and tells in a line what it does.

import { make } from "./dom.js";

const percent = (value) => `${Math.round(value * 100)}%`;

export const SLIDERS = [
  { path: "film.strength", name: "Strength", hint: "How much of the dream lies over the source.", min: 0.1, max: 2, step: 0.1, show: percent, ends: ["a hint", "overgrown"] },
  { path: "dream.octaves", name: "Size of patterns", hint: "Few sizes give small patterns; more let large ones grow over everything.", min: 1, max: 8, step: 1, show: (v) => `${v} ${v === 1 ? "size" : "sizes"}`, ends: ["fine", "giant"] },
  { path: "carry.cadence", name: "Stability", hint: "How long a dream is carried along before it is dreamed on: longer is calmer and faster.", min: 1, max: 15, step: 1, show: (v) => (v === 1 ? "every frame" : `every ${v} frames`), ends: ["restless", "calm"], clip: true },
];

export const CAMERA = [
  { path: "zoom.loop", name: "Length", hint: "Seconds until it is back at its beginning.", min: 2, max: 30, step: 1, show: (v) => `${v} s` },
  { path: "zoom.duration", name: "Length", hint: "Seconds that the fall goes on.", min: 2, max: 60, step: 1, show: (v) => `${v} s` },
  { path: "zoom.zoom", name: "Speed", hint: "How many times larger the picture is after a second.", min: 1.1, max: 4, step: 0.1, show: (v) => `${v.toFixed(1)} × a second`, ends: ["drifting", "falling"] },
  { path: "zoom.rotate", name: "Turn", hint: "Degrees that the camera turns in a second.", min: -90, max: 90, step: 5, show: (v) => `${v}°`, ends: ["left", "right"], open: true },
];

export const FINER = [
  { path: "dream.natural", name: "Colours", hint: "From the network's own rainbow to those of photographs.", min: 0, max: 1, step: 0.05, show: percent, ends: ["rainbow", "nearly grey"] },
  { path: "dream.steps", name: "Depth", hint: "Steps of dreaming in each size: more is denser, and slower.", min: 2, max: 40, step: 1, show: (v) => `${v} steps` },
  { path: "film.detail", name: "Detail", hint: "Long side that the dream is computed at; the film keeps its own size and sharpness.", min: 256, max: 1600, step: 32, show: (v) => `${v} px` },
  { path: "dream.seed", name: "Luck", hint: "Another number gives another dream of the same kind.", min: 0, max: 50, step: 1, show: (v) => `no. ${v}` },
];

export const ENDING_NAMES = { mp4: "MP4", gif: "GIF", webm: "WebM", webp: "WebP", mov: "MOV", png: "PNG", jpg: "JPG" };

export const PLATFORM_NAMES = { x: "X", discord: "Discord", reddit: "Reddit", slack: "Slack", tumblr: "Tumblr", instagram: "Instagram", tiktok: "TikTok", whatsapp: "WhatsApp", bluesky: "Bluesky", web: "a web page" };

export function read(recipe, path) {
  const [part, name] = path.split(".");
  return recipe[part]?.[name];
}

export function write(recipe, path, value) {
  const [part, name] = path.split(".");
  recipe[part] = { ...recipe[part] };
  if (value === undefined) delete recipe[part][name];
  else recipe[part][name] = value;
}

let numbered = 0;

/** A slider with its name, value and explanation. */
export function slider(control, value, changed) {
  const id = `control-${++numbered}`;
  const shown = make("output", { for: id });
  const input = make("input", { type: "range", id, min: String(control.min), max: String(control.max), step: String(control.step), "aria-describedby": `${id}-hint` });
  const show = () => {
    const now = Number(input.value);
    shown.textContent = control.show(now);
    input.setAttribute("aria-valuetext", control.show(now));
    input.style.setProperty("--fill", `${((now - control.min) / (control.max - control.min)) * 100}%`);
  };
  input.value = value;
  input.addEventListener("input", () => {
    show();
    changed(control.path, Number(input.value));
  });
  show();
  return make("div", { class: "control" },
    make("div", { class: "head" }, make("label", { for: id }, control.name), shown),
    make("p", { class: "hint", id: `${id}-hint` }, control.hint), input,
    control.ends ? make("div", { class: "ends", "aria-hidden": "true" }, ...control.ends.map((end) => make("span", {}, end))) : null);
}

/** A row of buttons of which one is chosen. `choices`: [value, name] pairs; `missing`: values that cannot be had. */
export function chips(name, hint, choices, value, changed, missing = []) {
  const id = `control-${++numbered}`;
  const buttons = choices.map(([choice, words]) =>
    make("button", { type: "button", "aria-pressed": String(choice === value), disabled: missing.includes(choice), onclick: () => {
      for (const [at, button] of buttons.entries()) button.setAttribute("aria-pressed", String(choices[at][0] === choice));
      changed(choice);
    } }, words));
  return make("div", { class: "control", role: "group", "aria-labelledby": id, "aria-describedby": `${id}-hint` },
    make("p", { class: "label", id }, name), make("p", { class: "hint", id: `${id}-hint` }, hint), make("div", { class: "chips" }, ...buttons));
}

/** Where in the clip it begins and ends, in seconds. */
export function part(upload, recipe, changed) {
  const field = (path, name, empty) => {
    const id = `control-${++numbered}`;
    const input = make("input", { type: "number", id, min: "0", max: String(upload.duration), step: "0.1", placeholder: empty, value: String(read(recipe, path) || "") });
    input.addEventListener("change", () => changed(path, input.value === "" ? undefined : Number(input.value)));
    return make("div", {}, make("label", { for: id }, name), input);
  };
  return make("div", { class: "control", role: "group", "aria-label": "Part of the clip" },
    make("p", { class: "label" }, "Part of the clip"), make("p", { class: "hint" }, "Seconds; a short part is a fast way to try something."),
    make("div", { class: "pair" }, field("film.start", "From", "0"), field("film.end", "To", String(Number(upload.duration.toFixed(1))))));
}
