// A file is here: see what it would look like, choose by eye, and run it.

import { $, arrows, command, copy, facts, make, say } from "./dom.js";
import { post } from "./api.js";
import { Aims, TABS, tabOf } from "./aims.js";
import { Compare, picture } from "./compare.js";
import { CAMERA, ENDING_NAMES, FINER, PLATFORM_NAMES, SLIDERS, chips, part, read, slider, write } from "./controls.js";
import { put } from "./news.js";

const QUICK_SIDE = 320, MAX_SIDE = 960;
const LENGTH = 6; // s of a fall into a picture
const CLIP_SPEED = 1.2;
const PAUSE = 300; // ms without a change before a preview is asked for

let start, upload, wish, tab, compare, aims;
let asking = new AbortController();
let timer = 0;

export function setUp(theStart) {
  start = theStart;
  arrows($("tabs"), "[role=tab]");
  $("panel").addEventListener("submit", run);
  $("copy").addEventListener("click", () => copy($("command").textContent, $("copy")));
}

/** Show an upload with the wish of an earlier dream, or with the defaults. */
export async function open(theUpload, earlier) {
  upload = theUpload;
  wish = earlier ? structuredClone(earlier) : { command: "dream", recipe: structuredClone(start.defaults.dream), model: "auto" };
  wish.upload = upload.id;
  tab = "";
  $("work-title").textContent = upload.name;
  $("work-facts").textContent = facts(upload);
  say($("go-error"), "");
  compare = new Compare($("work-picture"), ["source", "dream"]);
  compare.shape(...upload.size);
  const tabs = TABS.filter((each) => start.commands.includes(each.command) && !(each.stillOnly && upload.kind === "clip"));
  $("tabs").replaceChildren(...tabs.map(({ id, name }) =>
    make("button", { type: "button", role: "tab", id: `tab-${id}`, "aria-controls": "tab-body", onclick: () => choose(id) }, name)));
  aims = new Aims($("aims"), start, aim, thumb);
  aims.refresh = () => aims.fill(asking.signal).catch(tellNoPreview);
  choose(earlier ? tabOf(earlier) : "dream", Boolean(earlier));
  compare.setBefore(await picture(`/uploads/${upload.id}/frame.jpg`, "The source"));
}

export function close() {
  asking.abort();
  clearTimeout(timer);
}

const isZoom = () => wish.command === "zoom";
const isFilm = () => isZoom() || upload.kind === "clip";
const platform = () => start.platforms.find(({ name }) => name === read(wish.recipe, "film.platform"));
const endings = () => start.endings[isFilm() ? "clip" : "still"].filter((ending) => platform()?.endings.includes(ending) ?? true);

/** Go to a tab. `keeps`: with the aim and the lengths that the wish has. */
function choose(id, keeps = false) {
  const { command: theCommand, hint, title } = TABS.find((each) => each.id === id);
  const before = tab;
  tab = id;
  for (const button of $("tabs").children) {
    button.setAttribute("aria-selected", String(button.id === `tab-${id}`));
    button.tabIndex = button.id === `tab-${id}` ? 0 : -1;
  }
  $("tab-body").setAttribute("aria-labelledby", `tab-${id}`);
  $("tab-hint").textContent = hint;
  $("aims-title").textContent = title;
  if (theCommand !== wish.command) swapDefaults(wish.command, theCommand);
  wish.command = theCommand;
  if (id === "neurons") wish.model = "vgg16-lite"; // whose neurons are shown: another network numbers others
  if (!isZoom()) delete wish.recipe.zoom;
  else if (!keeps) wish.recipe.zoom = cameraOf(id);
  if (!isFilm()) write(wish.recipe, "film.platform", undefined);
  if (!endings().includes(wish.ending)) [wish.ending] = endings();
  const aimless = !["neurons", "classes"].includes(id) && before && !["neurons", "classes"].includes(before);
  const first = aims.draw(id, wish.recipe.dream);
  if (!keeps && !aimless) setAim(first);
  drawControls();
  change(0);
}

/** Commands do not have the same defaults: what was left as it is in one becomes as it is in the other. */
function swapDefaults(from, to) {
  const [before, after] = [start.defaults[from], start.defaults[to]];
  for (const part of Object.keys(before).filter((part) => part in after)) {
    for (const [name, value] of Object.entries(after[part])) {
      if (read(wish.recipe, `${part}.${name}`) === before[part][name]) write(wish.recipe, `${part}.${name}`, value);
    }
  }
}

/** How the camera moves to begin with. Through a clip it moves for as long as that plays; a loop has to close. */
function cameraOf(id) {
  const length = upload.kind === "clip" ? {} : { [id === "loop" ? "loop" : "duration"]: LENGTH };
  const { zoom, ...others } = start.defaults.zoom.zoom;
  return { ...others, zoom: upload.kind === "clip" ? CLIP_SPEED : zoom, ...length };
}

function setAim({ look, layers, classes }) {
  Object.assign(wish.recipe.dream, { look, layers: layers ?? [], classes: classes ?? [] });
  aims.check(wish.recipe.dream);
}

/** An aim was chosen. `redraws`: it leads to other choices. */
function aim(wanted, redraws) {
  setAim(wanted);
  if (redraws) aims.draw(tab, wish.recipe.dream);
  change(0);
}

function drawControls() {
  const set = (path, value) => {
    write(wish.recipe, path, value);
    change();
  };
  const quietly = (path, value) => {
    write(wish.recipe, path, value);
    change(0, false);
  };
  const sliders = (controls, changed = set) => controls
    .filter((control) => read(wish.recipe, control.path) !== undefined && (!control.clip || (isFilm() && !isZoom())) && !(control.open && tab === "loop"))
    .map((control) => slider(control, read(wish.recipe, control.path), changed));
  const choice = (name) => (value) => {
    wish[name] = value;
    change(0, false);
  };
  const controls = [
    ...sliders(CAMERA, quietly),
    ...sliders(SLIDERS),
    chips("Make", isFilm() ? "MP4 plays everywhere; a GIF loops without sound and is best short." : "PNG keeps every pixel; JPG is smaller.",
      endings().map((name) => [name, ENDING_NAMES[name]]), wish.ending, choice("ending")),
    isFilm() ? chips("Post to", "The file keeps to what is taken there: size, length, rate, bytes.",
      [[undefined, "anywhere"], ...start.platforms.map(({ name }) => [name, PLATFORM_NAMES[name] ?? name])], read(wish.recipe, "film.platform"), (name) => {
        write(wish.recipe, "film.platform", name);
        if (!endings().includes(wish.ending)) [wish.ending] = endings();
        drawControls();
        $("controls").querySelectorAll(".chips [aria-pressed=true]")[1].focus();
        change(0, false);
      }) : null,
    make("details", {}, make("summary", {}, "Finer settings"),
      ...sliders(FINER),
      upload.kind === "clip" && !isZoom() ? part(upload, wish.recipe, quietly) : null,
      networks(choice("model"))),
  ];
  const isOpen = $("controls").querySelector("details")?.open;
  $("controls").replaceChildren(...controls.filter(Boolean));
  if (isOpen) $("controls").querySelector("details").open = true;
  $("go-hint").textContent = isFilm() ? "It runs on this machine; you can close the page meanwhile." : "A picture takes a few seconds.";
}

function networks(changed) {
  const hasBig = upload.auto === "vgg16";
  const hint = hasBig ? "VGG16 sees most; the small one is faster." : "VGG16 sees more than the small one. Its weights are not on this machine: the command dreamvideo models says where they go.";
  return chips("Network", hint, start.models.map(({ name, label }) => [name, label]), wish.model, changed, hasBig ? [] : ["vgg16"]);
}

/** Something was changed: tell it as a command, and dream it. */
function change(pause = PAUSE, isSeen = true) {
  clearTimeout(timer);
  timer = setTimeout(() => {
    tellCommand();
    if (isSeen) preview();
  }, pause);
}

async function tellCommand() {
  try {
    command($("command"), (await post("/api/command", wish)).command);
    say($("go-error"), "");
    $("go").disabled = false;
  } catch (error) {
    say($("go-error"), error.message);
    $("go").disabled = true;
  }
}

// --- previews ----------------------------------------------------------------------------------------------

/** A quick preview first, then the choices, then one at the detail of the film. */
async function preview() {
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  compare.busy(true);
  $("preview-words").textContent = "Dreaming a preview";
  try {
    await show(QUICK_SIDE, signal);
    await aims.fill(signal);
    await show(Math.min(MAX_SIDE, read(wish.recipe, "film.detail")), signal);
    $("preview-words").textContent = previewWords();
    compare.busy(false);
  } catch (error) {
    tellNoPreview(error);
  }
}

function previewWords() {
  if ((wish.model === "auto" ? upload.auto : wish.model) === "vgg16") return "A preview by the small network; VGG16 will see other things. Drag the line to compare.";
  return isZoom() ? "Where the fall begins. Drag the line to compare." : "One frame, as it will look. Drag the line to compare.";
}

function tellNoPreview(error) {
  if (error.name === "AbortError") return; // another one is on its way
  compare.busy(false);
  $("preview-words").textContent = `No preview: ${error.message}`;
}

async function show(side, signal) {
  const { picture: address } = await post(`/api/uploads/${upload.id}/preview`, { ...wish, side }, signal);
  const image = await picture(address, "A preview of the dream");
  if (!signal.aborted) compare.setAfter(image);
}

/** The address of a small dream of another aim. */
async function thumb({ look, layers, classes }, side, signal) {
  const dream = { ...wish.recipe.dream, look, layers: layers ?? [], classes: classes ?? [] };
  const asked = { ...wish, recipe: { ...wish.recipe, dream }, side };
  return (await post(`/api/uploads/${upload.id}/preview`, asked, signal)).picture;
}

// --- run ---------------------------------------------------------------------------------------------------

async function run(event) {
  event.preventDefault();
  $("go").disabled = true;
  try {
    const dream = await post("/api/dreams", wish);
    put(dream);
    location.hash = `#/dreams/${dream.id}`;
  } catch (error) {
    say($("go-error"), error.message);
  } finally {
    $("go").disabled = false;
  }
}
