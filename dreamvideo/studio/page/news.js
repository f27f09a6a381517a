// All dreams, as the studio tells them: kept up to date by one stream of events.

export const dreams = new Map();
const listeners = new Set();

export function listen(listener) {
  listeners.add(listener);
}

export const newestFirst = () => [...dreams.values()].sort((a, b) => b.created - a.created);

export function put(dream) {
  dreams.set(dream.id, dream);
  for (const listener of listeners) listener();
}

/** Resolves when the first news are here. `online` is called with whether the studio answers. */
export function begin(online) {
  return new Promise((resolve) => {
    const stream = new EventSource("/api/news");
    let isFirst = true;
    stream.onopen = () => {
      isFirst = true;
      online(true);
    };
    stream.onerror = () => {
      online(false);
      if (stream.readyState === EventSource.CLOSED) setTimeout(() => begin(online), 2000);
    };
    stream.onmessage = (event) => {
      const { changed, gone } = JSON.parse(event.data);
      if (isFirst) dreams.clear();
      isFirst = false;
      for (const dream of changed) dreams.set(dream.id, dream);
      for (const id of gone) dreams.delete(id);
      for (const listener of listeners) listener();
      resolve();
    };
  });
}
