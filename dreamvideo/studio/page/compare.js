// Before and after: two pictures or films, one over the other, and a line to drag between them.

import { make } from "./dom.js";

export class Compare {
  constructor(place, [left, right] = ["before", "after"]) {
    this.slider = make("input", {
      type: "range", min: "0", max: "100", value: "50", "aria-label": `How much is shown of ${left}, the rest is ${right}`,
      oninput: () => this.#cut(Number(this.slider.value)),
    });
    this.words = make("p", { class: "wait" });
    this.box = make("div", { class: "compare plain" }, this.words, this.slider, make("span", { class: "line" }),
      make("span", { class: "tag left", "aria-hidden": "true" }, left), make("span", { class: "tag right", "aria-hidden": "true" }, right));
    this.before = this.after = null;
    this.#cut(50);
    place.replaceChildren(this.box);
  }

  #cut(percent) {
    this.box.style.setProperty("--cut", `${percent}%`);
  }

  /** The shape of what is shown; tall pictures stay on the screen. */
  shape(width, height) {
    this.box.style.aspectRatio = `${width} / ${height}`;
    this.box.style.maxWidth = `min(100%, ${Math.round((width / height) * 70)}vh)`;
  }

  wait(words) {
    this.words.textContent = words;
  }

  busy(isBusy) {
    this.box.classList.toggle("busy", isBusy);
    this.box.setAttribute("aria-busy", String(isBusy));
  }

  setBefore(element) {
    this.#replace("before", element);
  }

  setAfter(element) {
    this.#replace("after", element);
  }

  #replace(side, element) {
    this[side]?.remove();
    this[side] = element;
    if (element) {
      element.classList.add(side);
      if (side === "before") this.box.prepend(element);
      else this.slider.before(element);
    }
    this.words.hidden = Boolean(this.before || this.after);
    this.box.classList.toggle("plain", !(this.before && this.after));
    if (!this.before || !this.after) this.#cut(0);
    else this.#cut(Number(this.slider.value));
  }
}

/** A picture that is shown only when it is loaded, so that nothing flickers. */
export function picture(address, alt) {
  return new Promise((resolve, reject) => {
    const image = new Image();
    image.alt = alt;
    image.onload = () => resolve(image);
    image.onerror = () => reject(new Error("This picture cannot be shown."));
    image.src = address;
  });
}
