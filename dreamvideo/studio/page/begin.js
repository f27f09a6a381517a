// The start: drop a file, choose one, or take a sample.

import { $, bytes, make, say } from "./dom.js";
import { post, upload } from "./api.js";

export function setUp(start, opened) {
  $("max-size").textContent = bytes(start.max_bytes);
  $("samples").replaceChildren(...start.samples.map((sample, number) => sampleCard(sample, number, opened)));
  $("samples-title").hidden = !start.samples.length;

  const drop = $("drop");
  const sendChosen = () => $("file").files[0] && send($("file").files[0], start, opened);
  $("file").addEventListener("change", sendChosen);
  sendChosen(); // somebody may have been faster than the page
  // A file dropped anywhere on the page is meant for it; the browser would open it and leave.
  for (const name of ["dragover", "drop", "dragleave"]) {
    document.addEventListener(name, (event) => {
      if (name !== "dragleave") event.preventDefault();
      drop.classList.toggle("over", name === "dragover");
      const file = name === "drop" && event.dataTransfer?.files[0];
      if (file) {
        location.hash = "#/";
        send(file, start, opened);
      }
    });
  }
}

async function send(file, start, opened) {
  say($("upload-error"), "");
  if (file.size > start.max_bytes) {
    say($("upload-error"), `${file.name} has ${bytes(file.size)}; the studio takes ${bytes(start.max_bytes)}. Cut it, or make it smaller.`);
    return;
  }
  $("drop").hidden = true;
  $("uploading").hidden = false;
  $("upload-words").textContent = `Bringing in ${file.name}`;
  const sending = upload(file, (share) => {
    $("upload-bar").value = share;
    if (share === 1) $("upload-words").textContent = `Looking at ${file.name}`;
  });
  $("upload-cancel").onclick = sending.abort;
  try {
    opened(await sending.done);
  } catch (error) {
    if (error.name !== "AbortError") say($("upload-error"), error.message);
  } finally {
    $("drop").hidden = false;
    $("uploading").hidden = true;
    $("upload-bar").value = 0;
    $("file").value = "";
  }
}

function sampleCard(sample, number, opened) {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const isFilm = sample.type.startsWith("video/");
  const address = `/samples/${number}`;
  const look = isFilm
    ? make("video", { src: address, muted: true, loop: true, autoplay: !still, playsInline: true, "aria-hidden": "true", tabindex: "-1" })
    : make("img", { src: address, alt: "" });
  const name = sample.name.replace(/\.\w+$/, "");
  const words = make("span", {}, `${name} `, make("small", {}, isFilm ? "a clip" : "a picture"));
  const card = make("button", { type: "button", class: "sample" }, look, words);
  card.addEventListener("click", async () => {
    card.disabled = true;
    say($("upload-error"), "");
    try {
      opened(await post(`/api/samples/${number}`));
    } catch (error) {
      say($("upload-error"), error.message);
    } finally {
      card.disabled = false;
    }
  });
  return card;
}
