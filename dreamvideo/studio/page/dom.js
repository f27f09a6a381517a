// Elements and words: the few things every part of the page needs.

export const $ = (id) => document.getElementById(id);

/** make("p", { class: "hint", onclick }, "words", otherElement) */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && typeof value !== "string") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Put words into an element, or hide it where there are none. */
export function say(element, words) {
  if (element.textContent !== words) element.textContent = words;
  element.hidden = !words;
}

export function seconds(value) {
  if (!Number.isFinite(value)) return "";
  const whole = Math.max(0, Math.round(value));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  if (h) return `${h} h ${m} min`;
  return m ? `${m} min ${s} s` : `${s} s`;
}

export function clock(value) {
  const whole = Math.max(0, Math.floor(value || 0));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

export function bytes(count) {
  if (count >= 1e9) return `${Number((count / 1e9).toFixed(1))} GB`;
  if (count >= 1e6) return `${Number((count / 1e6).toFixed(1))} MB`;
  return `${Math.max(1, Math.round(count / 1000))} kB`;
}

export function facts(upload) {
  if (!upload || !upload.size) return "";
  const size = upload.size.join(" × ");
  if (upload.kind === "still") return `picture, ${size}`;
  const length = upload.duration < 60 ? `${Number(upload.duration.toFixed(1))} s` : seconds(upload.duration);
  return `${length}, ${size}, ${Number(upload.fps.toFixed(2))} frames per second`;
}

/** A command line that breaks between its words, not inside of them. */
export function command(element, line) {
  if (element.textContent === line) return;
  element.replaceChildren(...line.split(" ").flatMap((word, at) => [at ? " " : "", make("span", {}, word)]));
}

export async function copy(text, button) {
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    const range = document.createRange();
    range.selectNodeContents(button.parentElement.querySelector("code"));
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    button.textContent = "Selected";
  }
  setTimeout(() => (button.textContent = before), 1600);
}

/** Ask before something is lost. */
export function ask(words) {
  const dialog = $("ask");
  $("ask-words").textContent = words;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) =>
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }),
  );
}

/** Arrow keys move between the members of a radiogroup or tablist, as screen readers promise. */
export function arrows(group, selector) {
  group.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const members = [...group.querySelectorAll(selector)];
    const next = members[(members.indexOf(document.activeElement) + step + members.length) % members.length];
    if (!next) return;
    event.preventDefault();
    next.focus();
    next.click();
  });
}
