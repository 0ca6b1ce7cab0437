// What this browser remembers of uploads that have not ended, so that choosing the same file again goes on where they stopped:
// also after the page was loaded anew, or the tab was closed.

const PLACE = "postcard-uploads";
const LASTS = 23 * 3600 * 1000; // milliseconds; the store forgets parts after a day
const HEAD_BYTES = 1_000_000;

export async function sha256(blob) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await blob.arrayBuffer()));
  return Array.from(digest, (each) => each.toString(16).padStart(2, "0")).join("");
}

function read() {
  try {
    const kept = Object.entries(JSON.parse(localStorage.getItem(PLACE)) ?? {});
    return Object.fromEntries(kept.filter(([, entry]) => Date.now() - entry.at < LASTS));
  } catch {
    return {}; // a browser that keeps nothing, or something that is not ours: then uploads begin anew
  }
}

function write(entries) {
  try {
    localStorage.setItem(PLACE, JSON.stringify(entries));
  } catch {
    // full, or not allowed: this upload cannot go on after the page is gone, and that is all
  }
}

// The same name, length and first bytes: most likely the same file; each part is compared by its hash before it is left out.
export async function recognise(file) {
  return `${file.name}|${file.size}|${await sha256(file.slice(0, HEAD_BYTES))}`;
}

// { id, name, at, hashes: part number -> SHA-256 of what was sent }
export function recall(print) {
  return read()[print];
}

export function remember(print, entry) {
  write({ ...read(), [print]: { ...entry, at: Date.now() } });
}

export function forget(print) {
  const { [print]: _gone, ...others } = read();
  write(others);
}

// Names of the files whose upload an earlier page began.
export function unfinished() {
  return Object.values(read()).map((entry) => entry.name);
}
