// What a dream shall see: looks, layers, neurons or classes, chosen by eye from small dreams of the same frame.

import { arrows, make } from "./dom.js";
import { picture } from "./compare.js";

const THUMB_SIDE = 200;
const SHOWN_NEURONS = 9;

export const TABS = [
  { id: "dream", name: "Dream", title: "What shall it see?", hint: "The network paints what it thinks it sees into every frame.", command: "dream" },
  { id: "neurons", name: "Neurons", title: "Which neuron shall decide?", hint: "A single neuron of the network decides: a way to find out what it looks for.", command: "dream" },
  { id: "classes", name: "Classes", title: "What shall appear?", hint: "Say what shall appear: one of the 1000 things that the network was taught.", command: "dream" },
  { id: "zoom", name: "Zoom", title: "What shall it see?", hint: "The camera falls into the picture, and what it finds is dreamed on the way.", command: "zoom" },
  { id: "loop", name: "Loop", title: "What shall it see?", hint: "A fall without an end: the last frame leads into the first.", command: "zoom", stillOnly: true },
];

export const tabOf = ({ command, recipe }) => {
  if (command === "zoom") return recipe.zoom?.loop === undefined ? "zoom" : "loop";
  if (recipe.dream.classes?.length) return "classes";
  return recipe.dream.layers?.some(([name]) => name.includes(":")) ? "neurons" : "dream";
};

const byLook = (name) => ({ look: name });
const byLayer = (name) => ({ layers: [[name, 1]] });
const byClass = (name) => ({ classes: [[name, 1]] });

/** What of a recipe decides what is seen. */
export const aimOf = ({ look, layers, classes }) => JSON.stringify([look ?? null, layers ?? [], classes ?? []]);

/** An aim in words. */
export function aimWords(dream, looks) {
  if (dream.look) return looks.find(({ name }) => name === dream.look)?.title ?? dream.look;
  const names = [...(dream.layers ?? []), ...(dream.classes ?? [])].map(([name]) => name);
  return names.join(", ").replace(/(\w+):(\d+)/g, "neuron $2 of $1") || "what looks best";
}

export class Aims {
  /** `chosen` is called with an aim; `dreamed` gives the address of a small dream of an aim. */
  constructor(place, start, chosen, dreamed) {
    Object.assign(this, { place, start, chosen, dreamed });
    this.strips = [];
    this.shown = new Map();
    this.layer = start.neurons.at(-1);
    this.first = 0;
  }

  /** The choices of a tab; returns the aim to begin with. */
  draw(tab, current) {
    this.strips = [];
    this.shown.clear();
    this.current = aimOf(current);
    const build = { neurons: () => this.#neurons(current), classes: () => this.#classes(current) }[tab] ?? (() => this.#looks());
    const [first, ...parts] = build();
    this.place.replaceChildren(...parts);
    this.check(current);
    return first;
  }

  #looks() {
    const { looks, layers } = this.start;
    const more = this.#strip("Layers", layers.map((name) => ({ title: name, aim: byLayer(name) })), "narrow");
    const open = make("details", {}, make("summary", {}, "Or one layer of the network at a time"),
      make("p", { class: "hint" }, "From strokes to whole animals. Each is dreamed when this is opened."), more);
    more.isHidden = () => !open.open;
    open.open = layers.some((name) => aimOf(byLayer(name)) === this.current);
    open.addEventListener("toggle", () => open.open && this.refresh());
    return [byLook(looks[1].name), this.#strip("Looks", looks.map((look) => ({ ...look, aim: byLook(look.name) }))), open];
  }

  #neurons(current) {
    const named = /^(\w+):(\d+)$/.exec(current.layers?.[0]?.[0] ?? "");
    const wanted = named && this.start.neurons.find(({ name }) => name === named[1]);
    if (wanted) {
      this.layer = wanted;
      if (Number(named[2]) < this.first || Number(named[2]) >= this.first + SHOWN_NEURONS) this.first = Number(named[2]);
    }
    const { name, channels } = this.layer;
    this.first = Math.min(this.first, Math.max(0, channels - SHOWN_NEURONS));
    const aims = Array.from({ length: SHOWN_NEURONS }, (_, at) => byLayer(`${name}:${this.first + at}`));
    const go = (layer, first) => {
      [this.layer, this.first] = [layer, first];
      this.chosen(byLayer(`${layer.name}:${first}`), true);
    };
    const layers = make("div", { class: "chips", role: "group", "aria-label": "Layer" }, ...this.start.neurons.map((layer) =>
      make("button", { type: "button", "aria-pressed": String(layer.name === name), onclick: () => go(layer, 0) }, layer.name)));
    const others = make("button", { type: "button", class: "button others", onclick: () => go(this.layer, Math.floor(Math.random() * (channels - SHOWN_NEURONS))) }, "Nine others");
    return [aims[0], layers, this.#strip("Neurons", aims.map((aim, at) => ({ title: `no. ${this.first + at}`, aim })), "narrow"), others];
  }

  #classes(current) {
    const names = this.start.classes;
    const now = current.classes?.[0]?.[0];
    const input = make("input", { type: "search", id: "class-name", list: "class-names", placeholder: "sea snake, castle, espresso …", autocomplete: "off", "aria-describedby": "class-hint" });
    input.addEventListener("change", () => {
      const wanted = input.value.trim().toLowerCase();
      const found = names.find((name) => name.toLowerCase() === wanted) ?? names.find((name) => wanted && name.toLowerCase().includes(wanted));
      hint.textContent = found || !wanted ? NAMES_HINT : `The network does not know "${input.value}". It knows animals, things and some places.`;
      if (found) this.chosen(byClass(found), true);
    });
    const hint = make("p", { class: "hint", id: "class-hint" }, NAMES_HINT);
    const list = make("datalist", { id: "class-names" }, ...names.map((value) => make("option", { value })));
    const shown = this.start.examples.includes(now) || !now ? this.start.examples : [now, ...this.start.examples.slice(0, -1)];
    return [byClass(shown[0]), make("div", { class: "control search" }, make("label", { for: "class-name" }, "Any of a thousand"), hint, input, list),
      this.#strip("Classes", shown.map((name) => ({ title: name, aim: byClass(name) })), "narrow")];
  }

  /** A row of choices. Each shows itself when it has been dreamed. */
  #strip(label, choices, kind = "") {
    const strip = make("div", { class: `strip ${kind}`, role: "radiogroup", "aria-label": label });
    for (const { title, hint, aim } of choices) {
      const button = make("button", { type: "button", class: "choice", role: "radio" },
        make("span", { class: "frame loading" }), make("span", { class: "name" }, title, hint ? make("small", {}, hint) : null));
      button.aim = aim;
      button.addEventListener("click", () => this.chosen(aim, false));
      strip.append(button);
    }
    arrows(strip, "[role=radio]");
    strip.isHidden = () => false;
    this.strips.push(strip);
    return strip;
  }

  /** Mark what is chosen. One choice of each strip can be reached with the tab key, the others with arrows. */
  check(current) {
    this.current = aimOf(current);
    for (const strip of this.strips) {
      const buttons = [...strip.children];
      for (const button of buttons) button.setAttribute("aria-checked", String(aimOf(button.aim) === this.current));
      const reached = buttons.find((button) => button.getAttribute("aria-checked") === "true") ?? buttons[0];
      for (const button of buttons) button.tabIndex = button === reached ? 0 : -1;
    }
  }

  /** Dream what is not shown yet, or has changed. */
  async fill(signal) {
    for (const strip of this.strips) {
      for (const button of strip.children) {
        if (strip.isHidden()) break;
        const address = await this.dreamed(button.aim, THUMB_SIDE, signal);
        if (this.shown.get(button) === address) continue;
        const image = await picture(address, "");
        if (signal.aborted) return;
        this.shown.set(button, address);
        const frame = button.querySelector(".frame");
        frame.classList.remove("loading");
        frame.replaceChildren(image);
      }
    }
  }
}

const NAMES_HINT = "A name of ImageNet; part of one is enough.";
