// A long file goes straight to the store: part by part, each with its hash, and on again after a lost connection, also when the
// page was gone meanwhile and the same file is chosen again.

import { Problem, call, upload, wait } from "./api.js";
import { forget, recall, recognise, remember, sha256 } from "./resume.js";

const TRIES = 8; // of one part, with longer and longer waits: about a minute without a connection
const NEVER_REACHED = 3; // tries of the first part after which, if Postcard answers all the while, the store is out of reach

// Hashing needs a page that came by https or from this machine.
export const possible = Boolean(globalThis.crypto?.subtle);

export function uploadDirect(file, onProgress, onPause = () => {}) {
  const control = new AbortController();
  let begun = null; // { print, address }
  let usual = null;
  const done = send(file, onProgress, onPause, control.signal, (print, address) => (begun = { print, address })).catch((problem) => {
    // What the store or Postcard refused would be refused again; a connection may come back while the page is gone.
    if (begun && problem.name !== "AbortError" && !isLost(problem)) forget(begun.print);
    if (!problem.neverReached) throw problem;
    if (begun) forget(begun.print);
    onPause(false);
    usual = upload(file, onProgress); // through Postcard, which reaches the store
    return usual.done;
  });
  return {
    done,
    abort: () => {
      control.abort();
      usual?.abort();
      if (!begun) return;
      forget(begun.print);
      call("DELETE", begun.address).catch(() => {}); // the bucket's rule removes it after a day anyway
    },
  };
}

async function send(file, onProgress, onPause, signal, announce) {
  const again = (work) => patiently(work, onPause, signal);
  const print = await recognise(file);
  const earlier = await goOn(print, file, again, signal);
  const upload = earlier?.upload ?? (await begin(file, again, signal));
  const hashes = earlier?.hashes ?? {};
  const address = `/campaign-assets/uploads/${upload.id}`;
  announce(print, address);
  const keep = () => remember(print, { id: upload.id, name: file.name, hashes });
  keep();
  if (upload.state === "open") await sendParts(file, upload, hashes, { address, again, onProgress, signal, keep });
  const parts = upload.part_count === 1 ? [] : Object.entries(hashes).map(([number, hash]) => ({ number: Number(number), sha256: hash }));
  onProgress(1);
  // The answer does not wait for the fitting: the page follows that by itself.
  const complete = () => again(() => call("POST", `${address}/complete`, { parts }, { headers: { Prefer: "wait=1" }, signal }));
  let answer = await complete();
  while (answer.state === "arrived") {
    await wait(1, signal);
    answer = await complete();
  }
  forget(print);
  return answer;
}

// What an earlier page began with this file, if Postcard still knows it.
async function goOn(print, file, again, signal) {
  const kept = recall(print);
  if (!kept) return null;
  try {
    const upload = await again(() => call("GET", `/campaign-assets/uploads/${kept.id}`, undefined, { signal }));
    const isOf = upload.bytes === file.size && upload.state !== "failed";
    // Parts that are still to be put together are compared one by one; of what is together nothing may have changed since.
    const goesOn = upload.state === "open" && upload.part_count > 1;
    if (isOf && (goesOn || (await isWhole(file, upload, kept.hashes)))) return { upload, hashes: kept.hashes };
  } catch (problem) {
    if (problem.facts?.status !== 404) throw problem;
  }
  forget(print);
  return null;
}

async function isWhole(file, upload, hashes) {
  for (let number = 1; number <= upload.part_count; number += 1) {
    const part = file.slice((number - 1) * upload.part_bytes, number * upload.part_bytes);
    if (hashes[number] !== (await sha256(part))) return false;
  }
  return true;
}

async function begin(file, again, signal) {
  const known = { filename: file.name || "pasted", content_type: file.type, bytes: file.size };
  try {
    return await again(() => call("POST", "/campaign-assets/uploads", known, { signal }));
  } catch (problem) {
    // One that fits into a single part is announced with its hash.
    if (problem.facts?.field !== "sha256") throw problem;
    known.sha256 = await sha256(file);
    return again(() => call("POST", "/campaign-assets/uploads", known, { signal }));
  }
}

// Send what the store does not have; `hashes` says of each part what was sent, and is kept whenever it grows.
async function sendParts(file, upload, hashes, { address, again, onProgress, signal, keep }) {
  const there = new Map(upload.received.map((each) => [each.number, each]));
  let failures = 0;
  for (let number = 1, sent = 0; number <= upload.part_count; number += 1) {
    const part = file.slice(sent, sent + upload.part_bytes);
    const hash = await sha256(part);
    const has = there.get(number);
    // Not every store tells the hash of a part; then what this browser sent there counts.
    const isThere = has?.bytes === part.size && (has.sha256 || hashes[number]) === hash;
    const sendIt = async () => {
      // Signed anew at each try: a signature may have ended while there was no connection.
      const signed = await call("POST", `${address}/parts`, { parts: [{ number, sha256: hash }] }, { signal });
      try {
        await put(signed.parts[0], part, (count) => onProgress(Math.min((sent + count) / file.size, 0.999)), signal);
      } catch (problem) {
        failures += 1;
        problem.neverReached = number === 1 && failures >= NEVER_REACHED;
        throw problem;
      }
    };
    if (!isThere) await again(sendIt);
    hashes[number] = hash;
    keep();
    sent += part.size;
    onProgress(Math.min(sent / file.size, 0.999));
  }
}

// Whether it was the connection, or somebody's bad moment: then it may be tried again.
function isLost(problem) {
  return problem.lost || !problem.facts?.status || problem.facts.status >= 500;
}

async function patiently(work, onPause, signal) {
  for (let tries = 1; ; tries += 1) {
    try {
      const answer = await work();
      onPause(false);
      return answer;
    } catch (problem) {
      if (problem.name === "AbortError" || !isLost(problem) || problem.neverReached || tries === TRIES) throw problem;
      onPause(true);
      await wait(Math.min(2 ** (tries - 1), 30), signal);
    }
  }
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
