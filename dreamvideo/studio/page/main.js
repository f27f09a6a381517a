// The page: what is shown follows the address, so that a reload or a link leads to the same place.

import { $, say } from "./dom.js";
import { get } from "./api.js";
import { begin as beginNews, dreams, listen } from "./news.js";
import * as begin from "./begin.js";
import * as work from "./work.js";
import * as dream from "./dream.js";
import * as gallery from "./gallery.js";

const uploads = new Map();
let view = "";

function show(name, hasGallery) {
  view = name;
  for (const section of ["begin", "work", "dream"]) $(section).hidden = section !== name;
  $("gallery").hidden = !hasGallery;
  scrollTo(0, 0);
}

async function route() {
  const [, place, id, from] = location.hash.split("/");
  work.close();
  dream.close();
  if (place === "new" && id) {
    try {
      const upload = uploads.get(id) ?? (await get(`/api/uploads/${id}`));
      show("work", false);
      await work.open(upload, dreams.get(from)?.wish);
    } catch (error) {
      location.hash = "#/";
      say($("upload-error"), error.message);
    }
  } else if (place === "dreams" && id && dreams.has(id)) {
    show("dream", true);
    dream.open(id);
  } else if (place === "dreams") {
    show("gallery", true);
  } else {
    show("begin", true);
  }
  const heading = document.querySelector("main section:not([hidden]) :is(h1, h2)");
  document.title = `${heading?.textContent.trim() || "dreamvideo"} · dreamvideo studio`;
}

function opened(upload) {
  uploads.set(upload.id, upload);
  location.hash = `#/new/${upload.id}`;
}

async function main() {
  const start = await get("/api/start");
  begin.setUp(start, opened);
  work.setUp(start);
  dream.setUp(start);
  listen(() => {
    gallery.show();
    if (view === "dream" && !dream.show()) location.hash = "#/dreams";
  });
  await beginNews((isOnline) => ($("offline").hidden = isOnline));
  addEventListener("hashchange", route);
  await route();
}

main().catch((error) => {
  show("begin", false);
  say($("upload-error"), error.message);
});
