// A long file goes straight to the store: part by part, each with its hash, and on again after a lost connection.

import { Problem, call, upload } from "./api.js";

const TRIES = 8; // of one part, with longer and longer waits: about a minute without a connection
const NEVER_REACHED = 3; // tries of the first part after which, if Postcard answers all the while, the store is out of reach

async function sha256(blob) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await blob.arrayBuffer()));
  return Array.from(digest, (each) => each.toString(16).padStart(2, "0")).join("");
}

// Hashing needs a page that came by https or from this machine.
export const possible = Boolean(globalThis.crypto?.subtle);

export function uploadDirect(file, onProgress, onPause = () => {}) {
  const control = new AbortController();
  let address = null;
  let usual = null;
  const done = send(file, onProgress, onPause, control.signal, (id) => (address = `/campaign-assets/uploads/${id}`)).catch((problem) => {
    if (!problem.neverReached) throw problem;
    onPause(false);
    usual = upload(file, onProgress); // through Postcard, which reaches the store
    return usual.done;
  });
  return {
    done,
    abort: () => {
      control.abort();
      usual?.abort();
      if (address) call("DELETE", address).catch(() => {}); // the bucket's rule removes it after a day anyway
    },
  };
}

async function send(file, onProgress, onPause, signal, announce) {
  const again = (work) => patiently(work, onPause, signal);
  const known = { filename: file.name || "pasted", content_type: file.type, bytes: file.size };
  let upload;
  try {
    upload = await again(() => call("POST", "/campaign-assets/uploads", known, { signal }));
  } catch (problem) {
    // One that fits into a single part is announced with its hash.
    if (problem.facts?.field !== "sha256") throw problem;
    known.sha256 = await sha256(file);
    upload = await again(() => call("POST", "/campaign-assets/uploads", known, { signal }));
  }
  announce(upload.id);
  const address = `/campaign-assets/uploads/${upload.id}`;
  const hashes = [];
  let failures = 0;
  for (let number = 1, sent = 0; number <= upload.part_count; number += 1) {
    const part = file.slice(sent, sent + upload.part_bytes);
    const hash = upload.part_count === 1 ? known.sha256 : await sha256(part);
    hashes.push({ number, sha256: hash });
    await again(async () => {
      // Signed anew at each try: a signature may have ended while there was no connection.
      const signed = await call("POST", `${address}/parts`, { parts: [{ number, sha256: hash }] }, { signal });
      try {
        await put(signed.parts[0], part, (count) => onProgress(Math.min((sent + count) / file.size, 0.999)), signal);
      } catch (problem) {
        failures += 1;
        problem.neverReached = number === 1 && failures >= NEVER_REACHED;
        throw problem;
      }
    });
    sent += part.size;
    onProgress(Math.min(sent / file.size, 0.999));
  }
  const parts = upload.part_count === 1 ? [] : hashes;
  let answer = await again(() => call("POST", `${address}/complete`, { parts }, { signal }));
  onProgress(1);
  while (answer.state === "arrived") {
    await wait(1, signal);
    answer = await again(() => call("POST", `${address}/complete`, { parts }, { signal }));
  }
  return answer;
}

async function patiently(work, onPause, signal) {
  for (let tries = 1; ; tries += 1) {
    try {
      const answer = await work();
      onPause(false);
      return answer;
    } catch (problem) {
      const lost = problem.lost || !problem.facts?.status || problem.facts.status >= 500;
      if (problem.name === "AbortError" || !lost || problem.neverReached || tries === TRIES) throw problem;
      onPause(true);
      await wait(Math.min(2 ** (tries - 1), 30), signal);
    }
  }
}

// Ends early when the browser says that it is online again.
function wait(seconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, seconds * 1000);
    addEventListener("online", resolve, { once: true });
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new DOMException("taken out", "AbortError"));
    }, { once: true });
  });
}

// fetch() cannot tell how far it is.
function put(signed, part, onCount, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const fail = () => {
      const problem = new Problem({ title: "The upload was interrupted", detail: "The store could not be reached, or did not take a part of the file.", remedy: "Check that you are online, then choose the file again." });
      problem.lost = request.status === 0 || request.status >= 400;
      reject(problem);
    };
    request.open(signed.method, signed.url);
    for (const [name, value] of Object.entries(signed.headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => onCount(event.loaded);
    request.onload = () => (request.status === 200 ? resolve() : fail());
    request.onerror = fail;
    request.onabort = () => reject(new DOMException("taken out", "AbortError"));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(part);
  });
}
