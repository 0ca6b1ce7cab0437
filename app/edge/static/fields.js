// Fields of the send page: how much of a text is left, times as a browser takes them, and who has opted out.

import { make } from "./api.js";

// Beside a field stands how long it is, and from when on that is too long.
export function count(field) {
  const counter = document.getElementById(`${field.id}-count`);
  const most = Number(field.dataset.most);
  const advised = Number(field.dataset.advised);
  const length = [...field.value].length;
  const tone = length > most ? "bad" : length > advised ? "warn" : "";
  counter.className = `counter ${tone}`;
  field.setAttribute("aria-invalid", String(length > most));
  counter.textContent = tone === "bad"
    ? `${length.toLocaleString()} characters: ${(length - most).toLocaleString()} too many`
    : tone === "warn"
      ? `${length.toLocaleString()} of ${most.toLocaleString()} characters; ${field.id === "subject" ? "some carriers cut it" : "handsets typically take it"} after ${advised.toLocaleString()}`
      : `${length.toLocaleString()} of ${most.toLocaleString()} characters`;
}

// The numbers of a field: one a line, between commas or tabs, or one after another where the next begins with +.
export function numbersIn(text) {
  return text.split(/[\n\t,;]+|\s+(?=\+)/).map((each) => each.trim()).filter(Boolean);
}

// What is odd about numbers that can be sent to; what is the same about many of them is said once.
export function cautionsOf(warnings) {
  const numbersOf = new Map();
  for (const { number, warning } of warnings) numbersOf.set(warning, [...(numbersOf.get(warning) || []), number]);
  return numbersOf.size ? [make("div", { class: "notice warn" }, make("ul", {}, ...[...numbersOf].map(cautionOf)))] : [];
}

function cautionOf([warning, numbers]) {
  const shown = numbers.slice(0, 20).flatMap((each, index) => [index ? ", " : "", make("code", {}, `+${each}`)]);
  if (numbers.length === 1) return make("li", {}, ...shown, ` ${warning}`);
  const more = numbers.length - 20;
  return make("li", {}, `${numbers.length.toLocaleString()} numbers, each of which ${warning}: `, ...shown, more > 0 ? ` and ${more.toLocaleString()} more` : "");
}

export function suppressedOf({ suppressed, suppressed_numbers: shown }) {
  const more = suppressed - Math.min(20, shown.length);
  return make("ul", {}, ...shown.slice(0, 20).map((each) => make("li", {}, make("code", {}, `+${each}`))),
    more ? make("li", {}, `and ${more.toLocaleString()} more`) : null);
}

// As a datetime-local field takes it: in the reader's own zone, to the minute.
export function localMinute(iso) {
  const at = new Date(iso);
  return new Date(at - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
