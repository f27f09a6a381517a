// Requests to the studio. What fails is an Error with a line for a person.

async function answer(response) {
  if (response.status === 204) return null;
  const text = await response.text();
  let data;
  try {
    data = JSON.parse(text);
  } catch {
    data = { error: text.trim() };
  }
  if (!response.ok) throw new Error(data.error || `The studio answered ${response.status}.`);
  return data;
}

async function ask(method, path, options = {}) {
  let response;
  try {
    response = await fetch(path, { method, ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The studio does not answer. Is it still running?");
  }
  return answer(response);
}

export const get = (path) => ask("GET", path);
export const remove = (path) => ask("DELETE", path);
export const post = (path, data = {}, signal) =>
  ask("POST", path, { body: JSON.stringify(data), headers: { "Content-Type": "application/json" }, signal });

/** Send a file; `progress` is called with 0 to 1. Returns the promise and a way to give up. */
export function upload(file, progress) {
  const request = new XMLHttpRequest();
  const done = new Promise((resolve, reject) => {
    request.open("POST", `/api/uploads?name=${encodeURIComponent(file.name)}`);
    request.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
    request.onabort = () => reject(Object.assign(new Error("stopped"), { name: "AbortError" }));
    request.onerror = () => reject(new Error("The file did not arrive: the studio ended the connection."));
    request.onload = () => answer(new Response(request.responseText, { status: request.status })).then(resolve, reject);
    request.send(file);
  });
  return { done, abort: () => request.abort() };
}
