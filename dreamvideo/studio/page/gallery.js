// All dreams as cards, the newest first.

import { $, make, seconds } from "./dom.js";
import { dreams, newestFirst } from "./news.js";

const STATES = { queued: "waiting", running: "dreaming", stopping: "stopping", stopped: "stopped", failed: "failed", done: "" };
const cards = new Map(); // id -> what its card shows

export function show() {
  const all = newestFirst();
  $("count").textContent = String(all.length);
  $("gallery-empty").hidden = all.length > 0;
  for (const id of cards.keys()) {
    if (dreams.has(id)) continue;
    cards.get(id).element.remove();
    cards.delete(id);
  }
  all.forEach((dream, place) => {
    const card = cards.get(dream.id) ?? build(dream);
    if ($("cards").children[place] !== card.element) $("cards").insertBefore(card.element, $("cards").children[place] ?? null);
    update(card, dream);
  });
}

/** The time of today, the day of earlier ones. */
function when(date) {
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday ? date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }) : date.toLocaleDateString([], { month: "short", day: "numeric" });
}

function build(dream) {
  const card = {
    frame: make("span", { class: "frame" }),
    chip: make("span", { class: "chip" }),
    name: make("span", { class: "name" }, dream.output),
    left: make("span"),
    date: make("span", {}, when(new Date(dream.created * 1000))),
    bar: make("progress", { max: "1", "aria-hidden": "true" }),
    pictured: -1,
  };
  card.element = make("li", { class: "card" }, make("a", { href: `#/dreams/${dream.id}` }, card.frame, card.chip,
    make("span", { class: "words" }, card.name, make("span", { class: "what" }, card.left, card.date))));
  cards.set(dream.id, card);
  return card;
}

function update(card, dream) {
  const { done, expected, left } = dream.progress;
  const runs = dream.state === "running" && expected;
  card.chip.textContent = STATES[dream.state];
  card.chip.hidden = !STATES[dream.state];
  card.chip.className = `chip ${dream.state}`;
  card.left.textContent = runs ? (left == null || done < 5 ? `${Math.floor((100 * done) / expected)}%` : `${seconds(left)} left`) : dream.wish.ending.toUpperCase();
  if (runs) {
    card.bar.value = done / expected;
    card.frame.append(card.bar);
  } else {
    card.bar.remove();
  }
  if (card.pictured === dream.picture) return;
  card.pictured = dream.picture;
  const address = dream.picture ? `/dreams/${dream.id}/picture.jpg?v=${dream.picture}` : dream.upload ? `/uploads/${dream.upload.id}/frame.jpg` : "";
  if (!address) return;
  const image = new Image();
  image.alt = "";
  image.onload = () => {
    card.frame.querySelector("img")?.remove();
    card.frame.prepend(image);
  };
  image.src = address;
}
