// One dream: waiting, running with its latest frame, or finished, beside its source.

import { $, ask, bytes, command, copy, facts, make, say, seconds } from "./dom.js";
import { post, remove } from "./api.js";
import { aimWords } from "./aims.js";
import { Compare, picture } from "./compare.js";
import { control, release, video } from "./film.js";
import { CAMERA, FINER, PLATFORM_NAMES, SLIDERS, read } from "./controls.js";
import { dreams, newestFirst, put } from "./news.js";

let id = "", compare, pictured = 0, isFinished = false, before = null, actionsFor = "", defaults, looks;

export function setUp(start) {
  ({ defaults, looks } = start);
  $("dream-copy").addEventListener("click", () => copy($("dream-command").textContent, $("dream-copy")));
}

export function open(theId) {
  id = theId;
  pictured = 0;
  isFinished = false;
  before = null;
  actionsFor = "";
  release();
  const dream = dreams.get(id);
  compare = new Compare($("dream-picture"), ["source", "dream"]);
  say($("dream-error"), "");
  const { upload } = dream;
  if (upload) {
    compare.shape(...(dream.wish.recipe.film?.size ?? upload.size));
    const here = id;
    picture(`/uploads/${upload.id}/frame.jpg`, "The source").then((image) => here === id && !isFinished && compare.setBefore((before = image)), () => {});
  } else {
    compare.shape(16, 9);
  }
  $("dream-recipe").replaceChildren(...recipeRows(dream));
  show();
}

export function close() {
  id = "";
  release();
  $("dream-picture").replaceChildren(); // ends its films
}

/** Bring the page up to what is known of the dream. */
export function show() {
  const dream = dreams.get(id);
  if (!dream) return false;
  $("dream-title").textContent = dream.output;
  $("dream-facts").textContent = dream.upload ? `of ${dream.source}, ${facts(dream.upload)}` : `of ${dream.source}`;
  command($("dream-command"), dream.command);
  const [state, hint] = words(dream);
  if ($("dream-state").textContent !== state) $("dream-state").textContent = state;
  $("dream-hint").textContent = hint;
  say($("dream-error"), dream.state === "failed" ? dream.error : "");
  showProgress(dream);
  showActions(dream);
  if (dream.state === "done") finish(dream);
  else showLatest(dream);
  return true;
}

function words(dream) {
  const ahead = newestFirst().filter((other) => ["queued", "running", "stopping"].includes(other.state) && other.created < dream.created).length;
  switch (dream.state) {
    case "queued": return ["Waiting", ahead ? `${ahead} ${ahead === 1 ? "dream is" : "dreams are"} before it. It begins by itself.` : "It begins in a moment."];
    case "running":
      if (!dream.progress.done) return ["Waking up", "The network is loaded and the clip is opened."];
      return countsStills(dream) ? ["Dreaming stills", "Once all are there the camera falls through them, which is quick."] : ["Dreaming", "You can close this page: it goes on."];
    case "stopping": return ["Stopping", "It finishes the frame that it is at."];
    case "stopped": return ["Stopped", "Resume goes on with it; nothing else is waiting for that."];
    case "failed": return ["It did not work", "What was wrong stands below. Resume tries again."];
    default: return ["Done", dream.note || `${bytes(dream.bytes)}, made in ${seconds(dream.ended - dream.created)}.`];
  }
}

/** Whether a fall is at its first stage: see `DREAMING_STILLS` in zoom/renders.py. */
const countsStills = (dream) => dream.progress.label === "dreaming stills";

function showProgress(dream) {
  const { done, expected, left } = dream.progress;
  const runs = ["running", "stopping"].includes(dream.state) || (dream.state === "stopped" && done);
  $("dream-progress").hidden = !runs;
  if (!runs) return;
  if (expected && done !== undefined) $("bar").value = done / expected;
  else $("bar").removeAttribute("value");
  $("done-share").textContent = expected ? `${Math.floor((100 * done) / expected)}%` : "–";
  $("done-what").textContent = countsStills(dream) ? "Stills" : "Frames";
  $("done-frames").textContent = expected ? `${done} of ${expected}` : `${done ?? 0}`;
  $("time-left").textContent = dream.state !== "running" ? "–" : left == null || done < 5 ? "…" : seconds(left);
}

async function showLatest(dream) {
  if (!dream.picture) {
    compare.wait(dream.upload ? "" : "The source is no longer here.");
    compare.busy(dream.state === "running");
    return;
  }
  compare.busy(false);
  if (dream.picture === pictured) return;
  pictured = dream.picture;
  const here = id;
  const image = await picture(`/dreams/${id}/picture.jpg?v=${dream.picture}`, "The newest frame of the dream").catch(() => null);
  if (!image || here !== id || isFinished) return;
  compare.setAfter(image);
  $("dream-under").textContent = dream.state === "running" ? "The newest frame, beside one of the source." : "";
}

/** Show the film itself, beside its source where the browser can play that. */
function finish(dream) {
  if (isFinished) return;
  isFinished = true;
  compare.busy(false);
  const film = `/dreams/${id}/film`, { ending } = dream.wish;
  $("dream-under").textContent = "";
  if (dream.upload?.kind === "still" && dream.wish.command === "dream") {
    picture(film, "The dream").then((image) => compare.setAfter(image));
    return;
  }
  if (["gif", "webp"].includes(ending)) {
    compare.setBefore(null);
    picture(film, "The dream, an animation").then((image) => compare.setAfter(image));
    return;
  }
  const after = video(film, "The dream");
  after.addEventListener("error", () => ($("dream-under").textContent = `This browser cannot play ${ending} films. Download it to see it.`));
  after.addEventListener("loadeddata", () => compare.setAfter(after), { once: true });
  if (!dream.upload || dream.wish.command === "zoom") {
    compare.setBefore(null);
    control(after, null, 0);
    return;
  }
  const source = video(`/uploads/${dream.upload.id}/source`, "The source");
  source.addEventListener("loadeddata", () => compare.setBefore(source), { once: true });
  source.addEventListener("error", () => {
    compare.setBefore(null);
    $("dream-under").textContent = "This browser cannot play the source, so only the dream is shown.";
  });
  control(after, source, dream.wish.recipe.film?.start ?? 0);
  $("dream-under").textContent = "Drag the line to compare.";
}

// --- what can be done with it ------------------------------------------------------------------------------

function showActions(dream) {
  if (actionsFor === dream.state) return;
  actionsFor = dream.state;
  const button = (name, action, kind = "button") => make("button", { type: "button", class: kind, onclick: action }, name);
  const act = (path) => async () => {
    try {
      put(await post(`/api/dreams/${id}/${path}`));
    } catch (error) {
      say($("dream-error"), error.message);
    }
  };
  const actions = [];
  if (dream.state === "done") actions.push(make("a", { class: "primary", href: `/dreams/${id}/film?download`, download: dream.output }, `Download ${dream.output}`));
  if (["stopped", "failed"].includes(dream.state)) actions.push(button("Resume", act("resume"), "primary"));
  if (["queued", "running"].includes(dream.state)) actions.push(button("Cancel", act("stop")));
  if (dream.upload) actions.push(make("a", { class: "button", href: `#/new/${dream.upload.id}/${id}` }, "Change settings"));
  actions.push(button("Delete", async () => {
    const question = `Delete ${dream.output}? The film, and ${dream.source} as it was dropped here, are removed from the studio.`;
    if (!(await ask(question))) return;
    try {
      await remove(`/api/dreams/${id}`);
      dreams.delete(id);
      location.hash = "#/dreams";
    } catch (error) {
      say($("dream-error"), error.message);
    }
  }, "button danger"));
  $("dream-actions").replaceChildren(...actions);
}

function recipeRows(dream) {
  const { recipe, model } = dream.wish;
  const rows = [["Sees", aimWords(recipe.dream, looks)]];
  for (const { path, name, show: words_, clip } of [...CAMERA, ...SLIDERS, ...FINER]) {
    const value = read(recipe, path);
    if (value === undefined || (clip && (dream.wish.command === "zoom" || dream.upload?.kind === "still"))) continue;
    if (value !== read(defaults.dream, path) || SLIDERS.some((each) => each.path === path)) rows.push([name, words_(value)]);
  }
  if (read(recipe, "film.platform")) rows.push(["Made for", PLATFORM_NAMES[read(recipe, "film.platform")] ?? read(recipe, "film.platform")]);
  if (model !== "auto") rows.push(["Network", model]);
  return rows.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]);
}
