// The API as the pages use it: the same addresses and words as for programs, with the session's CSRF token.

const token = document.querySelector('meta[name="csrf-token"]').content;

// Somebody asked their system for less motion.
export const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;

const BUSY_SECONDS = 3;
const BUSY_TRIES = 20;

export class Problem extends Error {
  constructor(facts) {
    super(facts.detail || facts.title);
    this.facts = facts;
  }
}

const LOST = {
  title: "Postcard does not answer",
  detail: "The connection to Postcard was lost before an answer came.",
  remedy: "Check that it runs and that you are online, then try again.",
};

function read(status, text) {
  let facts = {};
  try {
    facts = text ? JSON.parse(text) : {};
  } catch {
    facts = {};
  }
  if (status >= 400 || status === 0) throw new Problem(facts.title ? facts : { ...LOST, status });
  return facts;
}

// Some seconds, or until the browser says that it is online again; rejects when it is broken off.
export function wait(seconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, seconds * 1000);
    addEventListener("online", resolve, { once: true });
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new DOMException("taken out", "AbortError"));
    }, { once: true });
  });
}

// Too many uploads at once: nothing was begun, so the same is asked for again, for about a minute.
async function asRoomComes(ask, signal) {
  for (let tries = 1; ; tries += 1) {
    try {
      return await ask();
    } catch (problem) {
      if (!problem.facts?.type?.endsWith("#decoder-busy") || tries === BUSY_TRIES) throw problem;
      await wait(BUSY_SECONDS, signal);
    }
  }
}

export function call(method, path, body, { headers = {}, signal } = {}) {
  return asRoomComes(() => callOnce(method, path, body, headers, signal), signal);
}

async function callOnce(method, path, body, headers, signal) {
  let answer;
  try {
    answer = await fetch(path, {
      method,
      signal,
      headers: {
        Accept: "application/json",
        "X-CSRFToken": token,
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(LOST);
  }
  return read(answer.status, await answer.text());
}

// An upload with progress: fetch() cannot tell how far it is.
// The answer does not wait for the fitting: the page follows that by itself.
export function upload(file, onProgress) {
  const control = new AbortController();
  const done = asRoomComes(() => uploadOnce(file, onProgress, control.signal), control.signal);
  return { done, abort: () => control.abort() };
}

function uploadOnce(file, onProgress, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    signal.addEventListener("abort", () => request.abort());
    request.open("POST", "/campaign-assets");
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("X-CSRFToken", token);
    request.setRequestHeader("Prefer", "wait=1");
    request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    request.onload = () => {
      try {
        resolve(read(request.status, request.responseText));
      } catch (problem) {
        reject(problem);
      }
    };
    request.onerror = () => reject(new Problem(LOST));
    request.onabort = () => reject(new DOMException("taken out", "AbortError"));
    const form = new FormData();
    form.append("file", file, file.name || "pasted");
    request.send(form);
  });
}

export function showBytes(count) {
  if (count < 1000) return `${count} bytes`;
  const [figure, unit] = count < 1e6 ? [count / 1000, "KB"] : [count / 1e6, "MB"];
  return `${figure.toFixed(1).replace(/\.0$/, "")} ${unit}`;
}

// make("p", { class: "hint" }, "text", node ...): text is never read as HTML.
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((each) => each !== null && each !== undefined && each !== false));
  return element;
}

// Words between backticks become code, as on the errors page.
export function withCode(text) {
  return String(text || "").split("`").map((each, index) => (index % 2 ? make("code", {}, each) : each));
}

export function problemBox(problem) {
  const facts = problem.facts || { title: "Something went wrong", detail: String(problem.message || problem) };
  const bad = facts.recipients || [];
  const listed = bad.slice(0, 100).map((each) =>
    typeof each === "string"
      ? make("li", {}, make("code", {}, each))
      : make("li", {}, make("code", {}, each.number), ` ${each.reason}`));
  if (bad.length > 100) listed.push(make("li", {}, `and ${(bad.length - 100).toLocaleString()} more`));
  const fields = listed.length ? [] : (facts.errors || []).slice(1).map((each) => make("li", {}, `${each.field}: ${each.message}`));
  return make("div", { class: "notice bad", role: "alert" },
    make("h2", {}, facts.title),
    // The list says it all, one by one; the sentence names only the first.
    listed.length ? null : make("p", {}, ...withCode(facts.detail)),
    listed.length || fields.length ? make("ul", {}, ...listed, ...fields) : null,
    facts.remedy && !facts.choices?.length ? make("p", { class: "remedy" }, ...withCode(facts.remedy)) : null);
}

export function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (each) => each.toString(16).padStart(2, "0")).join("");
}
