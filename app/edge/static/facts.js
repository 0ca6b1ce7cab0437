// What goes out, for each limit: its size, what was given up, and the exact request.

import { make, showBytes } from "./api.js";

function gauge(bytes, limit) {
  const share = Math.min(1, bytes / limit);
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 100 10");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("class", `gauge ${bytes > limit ? "over" : ""}`);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `${Math.round(share * 100)} percent of the limit`);
  const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  rect.setAttribute("width", String(share * 100));
  rect.setAttribute("height", "10");
  rect.setAttribute("rx", "3");
  svg.append(rect);
  return svg;
}

// Why one message has several sizes.
export function explainSizes(previews) {
  if (previews.length < 2) return [];
  return [make("p", { class: "notice go slim", id: "several-sizes" },
    `Operators take different amounts, so this message goes out in ${previews.length} sizes: each recipient gets what their operator takes.`)];
}

export function factOf(preview) {
  const stopped = preview.suppressed ? `, ${preview.suppressed.toLocaleString()} of them opted out` : "";
  const who = preview.recipients ? `${preview.recipients.toLocaleString()} recipient${preview.recipients === 1 ? "" : "s"}${stopped}` : "as an example";
  const losses = preview.parts.flatMap((part) => part.given_up);
  const media = preview.parts.filter((part) => part.url);
  return make("div", { class: "fact" },
    make("div", { class: "fact-head" }, make("span", {}, make("b", { class: "mono" }, preview.profile)),
      make("span", {}, `${showBytes(preview.message_bytes)} of ${showBytes(preview.limit_bytes)}`)),
    make("p", { class: "hint" }, `${who}${preview.side_pixels ? `; at most ${preview.side_pixels} px` : ""}`),
    make("p", { class: "hint" }, preview.reason),
    gauge(preview.message_bytes, preview.limit_bytes),
    ...media.map((part) => mediaFact(part, media.length)),
    losses.length ? make("ul", { "aria-label": "Given up" }, ...losses.map((loss) => make("li", {}, loss))) : null,
    media.length && !losses.length ? make("p", { class: "hint" }, "Nothing was given up.") : null,
    ...preview.advice.map((each) => make("p", { class: "notice warn slim" }, each)),
    make("details", {}, make("summary", {}, "The exact request"), make("pre", { tabindex: "0" }, preview.body)));
}

// What people call a type whose own name says something else.
const NAMES = { "text/x-vcard": "vCard", "audio/mp4": "M4A", "audio/mpeg": "MP3" };

function mediaFact(part, count) {
  const room = count > 1 ? ` of the ${showBytes(part.budget_bytes)} that it may have here` : "";
  const name = NAMES[part.content_type] || part.content_type.split("/")[1].toUpperCase();
  const line = `${name}, ${showBytes(part.bytes)}${room}${part.width ? `, ${part.width} × ${part.height}` : ""}${part.untouched ? ", unchanged" : ""}`;
  const report = /^(text|audio)\//.test(part.content_type) ? "What became of it" : "Compare with the original";
  return make("div", {}, make("p", { class: "hint" }, line),
    make("details", { class: "report-of", "data-report": `/app/renditions/${part.rendition.id}/report` },
      make("summary", {}, report), make("div", { "aria-live": "polite" })));
}
