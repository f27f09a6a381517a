// A finished film beside its source: two videos held in step, with one set of controls.

import { $, clock, make } from "./dom.js";

const ICONS = {
  play: '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M8 5v14l11-7z"/></svg>',
  sound: '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M4 9h4l5-4v14l-5-4H4zm11.5-1.5a6 6 0 0 1 0 9l-1-1.2a4.5 4.5 0 0 0 0-6.6zm2.5-2.7a9.5 9.5 0 0 1 0 14.4l-1-1.2a8 8 0 0 0 0-12z"/></svg>',
  silent: '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M4 9h4l5-4v14l-5-4H4zm11.6.7 1.1-1.1L19 10.9l2.3-2.3 1.1 1.1-2.3 2.3 2.3 2.3-1.1 1.1L19 13.100l-2.3 2.3-1.1-1.1 2.3-2.3z"/></svg>',
  pause: '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M7 5h4v14H7zm6 0h4v14h-4z"/></svg>',
};
const DRIFT = 0.1; // s that the source may run away from the film
let current = null; // the film that the controls belong to

/** Take the controls away. */
export function release() {
  current = null;
  $("player").hidden = true;
}

export function video(address, label) {
  return make("video", { src: address, muted: true, loop: true, playsInline: true, preload: "auto", "aria-label": label, tabindex: "-1" });
}

/** Give `after` the controls; `before`, if there is one, follows `offset` seconds later in its own time. */
export function control(after, before, offset) {
  const player = $("player"), play = $("play"), seek = $("seek"), mute = $("mute");
  player.hidden = false;
  current = after;

  const show = () => {
    play.innerHTML = after.paused ? ICONS.play : ICONS.pause;
    play.setAttribute("aria-label", after.paused ? "Play" : "Pause");
    mute.innerHTML = after.muted ? ICONS.silent : ICONS.sound;
    mute.setAttribute("aria-label", after.muted ? "Sound on" : "Sound off");
  };
  const follow = () => {
    if (before && before.readyState > 0) {
      const wanted = after.currentTime + offset;
      if (!before.seeking && Math.abs(before.currentTime - wanted) > DRIFT) before.currentTime = wanted;
      if (after.paused !== before.paused) after.paused ? before.pause() : before.play().catch(() => {});
    }
    if (document.activeElement !== seek || !after.paused) {
      seek.value = after.duration ? (after.currentTime / after.duration) * 1000 : 0;
    }
    seek.style.setProperty("--fill", `${seek.value / 10}%`);
    seek.setAttribute("aria-valuetext", `${clock(after.currentTime)} of ${clock(after.duration)}`);
    $("time").textContent = `${clock(after.currentTime)} / ${clock(after.duration)}`;
  };
  const tick = () => {
    follow();
    if (current === after) requestAnimationFrame(tick);
  };
  play.onclick = () => (after.paused ? after.play() : after.pause());
  seek.oninput = () => (after.currentTime = (Number(seek.value) / 1000) * (after.duration || 0));
  mute.onclick = () => {
    after.muted = !after.muted;
    show();
  };
  for (const name of ["play", "pause", "volumechange"]) after.addEventListener(name, show);
  show();
  requestAnimationFrame(tick);
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches) after.play().catch(() => {});
}
