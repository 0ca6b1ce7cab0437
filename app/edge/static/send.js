// The send page: parts in order, a phone that shows them, numbers that are checked, and one send.

import * as direct from "./direct.js";
import { unfinished } from "./resume.js";
import { choicesOf, describe, offersOf, sameChoice, tuner } from "./choose.js";
import { explainSizes, factOf } from "./facts.js";
import { cautionsOf, count, localMinute, numbersIn, suppressedOf } from "./fields.js";
import { Problem, call, calm, make, newKey, problemBox, showBytes, upload, withCode } from "./api.js";

const $ = (id) => document.getElementById(id);
const composer = $("composer");
const maxBytes = Number(composer.dataset.maxBytes);
const directBytes = Number(composer.dataset.directBytes); // longer files go straight to the store; 0 = none
const draftId = composer.dataset.draft; // empty = a new message
const TEXT = { kind: "text" };
// What the phone shows, in its order: pieces of media, and the text once it is written.
let parts = [TEXT];
let previews = [];
let key = newKey();
let numbersFine = false;
let numbersBad = 0; // of the numbers that were checked, those that cannot be sent to
let reached = 0; // of the numbers that were checked, those that have not opted out
let busy = false;

// ---- parts -------------------------------------------------------------------------------------------------------

function say(sentence) {
  $("media-status").textContent = sentence;
}

function changed() {
  $("problem").replaceChildren();
  key = newKey(); // another message: it may be sent beside the first one
  renderPhone();
  renderSend();
  previewSoon();
}

// A new piece of media comes last, but before a text that nobody has moved.
function place(part) {
  parts.splice(parts.at(-1) === TEXT ? parts.length - 1 : parts.length, 0, part);
}

function takeFiles(files) {
  for (const file of files) {
    const part = { kind: "media", name: file.name || "pasted picture", type: file.type, local: URL.createObjectURL(file), state: "uploading", done: 0 };
    place(part);
    if (file.size > maxBytes) {
      part.state = "failed";
      part.problem = { title: "The file is too large", detail: `It has ${showBytes(file.size)}; ${showBytes(maxBytes)} are possible.`, remedy: "Export it smaller, a clip shorter, and choose that." };
    } else {
      $("unfinished").hidden = true;
      const straight = directBytes && file.size > directBytes && direct.possible;
      const sending = (straight ? direct.uploadDirect : upload)(file, (share) => {
        part.done = share;
        const bar = part.row?.querySelector("progress");
        if (bar) bar.value = share;
        note(part);
      }, (waiting) => {
        if (part.waiting === waiting) return;
        part.waiting = waiting;
        note(part);
      });
      part.abort = sending.abort;
      settle(part, sending.done);
    }
  }
  renderParts();
  changed();
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 500));

async function settle(part, answer) {
  try {
    part.asset = await answer;
    part.name = part.asset.filename;
    part.state = "fitting";
    renderParts();
    while (part.asset.state === "fitting" && parts.includes(part)) {
      await pause();
      await look(part);
    }
    // What was chosen once stands beside why it cannot go out as it is.
    if (part.asset.failure && !(part.choice && renditionOf(part))) throw new Problem(part.asset.failure);
    part.state = "ready";
    say(`${part.name} is ready.`);
  } catch (error) {
    await fail(part, error);
    if (isForLargerLimit(part)) return choose(part, part.choice || {});
  }
  renderParts();
  changed();
}

// Whether a part failed for a smaller limit than the one that is chosen for everybody.
function isForLargerLimit(part) {
  const budget = Number($("profile").selectedOptions[0].dataset.budgetBytes || 0);
  return part.state === "failed" && Boolean(part.asset) && part.problem.limit_bytes < budget;
}

async function fail(part, error) {
  if (error.name === "AbortError") return;
  part.state = "failed";
  part.problem = error.facts || { title: "Something went wrong", detail: error.message };
  if (part.stopped && wasCancelled(part.problem)) part.problem = { ...part.problem, detail: "You stopped it." };
  if (!part.asset && part.problem.asset_id) part.asset = await call("GET", `/campaign-assets/${part.problem.asset_id}`).catch(() => undefined);
  say(`${part.name}: ${part.problem.title}. ${part.problem.detail}`);
}

function wasCancelled(problem) {
  return problem?.slug === "fitting-cancelled" || problem?.type?.endsWith("#fitting-cancelled");
}

// Ask how far it is, and show it without drawing the row anew: nobody loses the focus.
async function look(part) {
  const poster = part.asset.poster_url;
  part.asset = await call("GET", `/campaign-assets/${part.asset.id}`);
  if (part.asset.poster_url !== poster) renderParts();
  const bar = part.row?.querySelector("progress");
  if (bar && part.asset.progress !== null) bar.value = part.asset.progress;
  note(part);
}

// Make what was chosen; the rendition is the answer, and how far it is stands in the asset meanwhile.
async function choose(part, { profile: larger, ...choice }) {
  if (larger) {
    $("profile").value = larger; // of the whole message, so for everybody
    $("profile").closest("details").open = true;
    explain();
  }
  part.choice = choice;
  part.state = "fitting";
  part.problem = undefined;
  part.stopped = false;
  say(`${part.name} is being fitted.`);
  renderParts();
  renderSend();
  let waits = true;
  const follow = (async () => {
    while (waits && parts.includes(part)) {
      await pause();
      if (waits) await look(part).catch(() => undefined);
    }
  })();
  const profile = $("profile").value === "auto" ? "universal" : $("profile").value;
  try {
    await call("POST", `/campaign-assets/${part.asset.id}/renditions`, { profile, ...choice });
    waits = false;
    await follow;
    part.asset = await call("GET", `/campaign-assets/${part.asset.id}`);
    part.state = "ready";
    say(`${part.name} is ready: ${describe(choice) || `within ${profile}`}.`);
  } catch (error) {
    waits = false;
    await fail(part, error);
  }
  renderParts();
  changed();
}

async function stop(part) {
  part.stopped = true;
  try {
    part.asset = await call("POST", `/campaign-assets/${part.asset.id}/cancel`);
  } catch (error) {
    say(error.facts?.detail || error.message); // it ended at that moment
  }
}

// What of an asset this part shows: the rendition of its choice, for the limit that is chosen where there is one.
function renditionOf(part) {
  const made = part.asset?.renditions?.filter((each) => sameChoice(each, part.choice)) || [];
  return made.find((each) => each.profile === $("profile").value) || made[0];
}

// How long it goes out: once the numbers are known perhaps in several sizes.
function sizesOf(part) {
  const planned = previews.flatMap((preview) => preview.parts.filter((each) => each.asset_id === part.asset.id && sameChoice(each.rendition, part.choice)));
  const shown = planned.length ? planned : [renditionOf(part)].filter(Boolean);
  return [...new Set(shown.map((each) => showBytes(each.bytes)))].join(" or ");
}

async function fetchUrl() {
  const field = $("url");
  const url = field.value.trim();
  if (!url) return;
  const part = { kind: "media", name: url, type: "", state: "uploading", done: 1 };
  place(part);
  field.value = "";
  renderParts();
  await settle(part, call("POST", "/campaign-assets", { url }));
}

function move(part, by) {
  const at = parts.indexOf(part);
  const to = at + by;
  if (to < 0 || to >= parts.length) return;
  parts.splice(at, 1);
  parts.splice(to, 0, part);
  renderParts();
  const button = part.row.querySelector(by < 0 ? "[data-up]" : "[data-down]");
  (button.disabled ? part.row.querySelector("button:not([disabled])") : button).focus();
  say(`Now at place ${to + 1} of ${parts.length}.`);
  changed();
}

function remove(part) {
  part.abort?.();
  if (part.local) URL.revokeObjectURL(part.local);
  parts = parts.filter((each) => each !== part);
  renderParts();
  $("file").focus();
  say(`${part.name} was taken out.`);
  changed();
}

function note(part) {
  const text = part.row?.querySelector(".part-note");
  if (!text) return;
  text.replaceChildren(...noteOf(part));
}

function noteOf(part) {
  if (part.kind === "text") return [$("text").value.trim().slice(0, 80)];
  if (part.state === "failed") {
    const { title, detail, remedy, accepted } = part.problem;
    const mend = choicesOf(part).length ? "Choose what to send instead:" : wasCancelled(part.problem) ? "" : remedy || "";
    return [make("strong", {}, `${title}. `), ...withCode(`${detail || ""} ${mend}`), accepted ? ` (${[accepted].flat().join(", ")})` : ""];
  }
  if (part.state === "uploading" && part.waiting) return ["no connection; the upload goes on by itself …"];
  if (part.state === "uploading" && part.done < 1) return [`uploading: ${Math.floor(100 * part.done)} %`];
  if (part.state !== "ready") {
    const share = part.asset?.fittings?.length ? part.asset.progress : null;
    if (!part.asset) return [part.local ? "arrived; it is being opened …" : "being fetched …"];
    return [share === null ? "being fitted and hosted …" : `being fitted: ${Math.round(100 * share)} %`];
  }
  const asset = part.asset;
  const sizes = sizesOf(part);
  const size = asset.width ? `, ${asset.width} × ${asset.height}` : "";
  const chosen = describe(part.choice);
  const length = showBytes(asset.bytes);
  return [`${length}${size}${sizes && sizes !== length ? ` → ${sizes}` : ""}${chosen ? `, ${chosen}` : ""}`];
}

function thumbOf(part) {
  if (part.kind === "text") return "Aa";
  const type = part.asset?.content_type || part.type;
  if (part.asset?.poster_url) return make("img", { src: part.asset.poster_url, alt: "", onerror: (event) => event.target.remove() });
  const rendition = renditionOf(part);
  const source = rendition?.url || part.local;
  if (source && (rendition || type.startsWith("image/")) && (rendition?.content_type || type).startsWith("image/")) {
    return make("img", { src: source, alt: "", onerror: (event) => event.target.remove() });
  }
  return (/\.(\w{1,5})$/.exec(part.name)?.[1] || type.split("/")[0].slice(0, 5) || "file").toLowerCase();
}

function rowOf(part, index, shown) {
  const name = part.kind === "text" ? "Text" : part.name;
  const failed = part.state === "failed";
  const fitting = part.state === "fitting";
  part.row = make("li", { class: `part${failed ? " bad" : ""}` },
    make("div", { class: "part-thumb", "aria-hidden": "true" }, thumbOf(part)),
    make("div", {},
      make("p", { class: "part-name", title: name }, name),
      make("p", { class: `part-note${failed ? " bad" : ""}` }, ...noteOf(part)),
      part.state === "uploading" && part.done < 1 ? make("progress", { max: 1, value: part.done, "aria-label": `Upload of ${name}` }) : null,
      fitting ? make("progress", { max: 1, value: part.asset?.progress || 0, "aria-label": `Fitting of ${name}` }) : null,
      fitting && part.asset ? make("button", { type: "button", class: "quiet", onclick: () => stop(part) }, "Stop") : null,
      failed ? offers(part) : null,
      part.state === "ready" ? tuner(part, (choice) => choose(part, choice)) : null),
    make("div", { class: "part-tools" },
      make("button", { type: "button", class: "icon", "data-up": true, "aria-label": `Move ${name} up`, disabled: index === 0, onclick: () => move(part, -1) }, "↑"),
      make("button", { type: "button", class: "icon", "data-down": true, "aria-label": `Move ${name} down`, disabled: index === shown - 1, onclick: () => move(part, 1) }, "↓"),
      part.kind === "text" ? null : make("button", { type: "button", class: "icon", "aria-label": `Take out ${name}`, onclick: () => remove(part) }, "✕")));
  return part.row;
}

// What would fit instead, each as a button; what was stopped can be begun again.
function offers(part) {
  const { buttons, warning } = offersOf({ ...part.problem, choices: choicesOf(part) }, (choice) => choose(part, choice));
  if (wasCancelled(part.problem)) {
    buttons.push(make("button", { type: "button", onclick: () => choose(part, part.choice || {}) }, "Fit it after all"));
  }
  return buttons.length ? make("div", {}, groupOf(part, buttons), warning) : null;
}

function groupOf(part, buttons) {
  return make("div", { class: "row choices", role: "group", "aria-label": `What to send of ${part.name}` }, ...buttons);
}

function renderParts() {
  const media = parts.some((part) => part.kind === "media");
  const shown = media ? parts : [];
  $("parts").replaceChildren(...shown.map((part, index) => rowOf(part, index, shown.length)));
}

// ---- the phone and the facts -------------------------------------------------------------------------------------

function renderPhone() {
  const subject = $("subject").value;
  const text = $("text").value;
  const shown = parts.filter((part) => (part.kind === "text" ? text.trim() : part.state !== "failed"));
  if (!shown.length && !subject.trim()) {
    $("phone").replaceChildren(make("p", { class: "phone-empty" }, "Your message appears here as the phone shows it."));
    return;
  }
  const most = previews.reduce((best, each) => (best && best.recipients >= each.recipients ? best : each), null);
  if (most) $("phone-who").textContent = most.recipients ? most.sender.source : "Your number";
  $("phone").replaceChildren(make("div", { class: "bubble" },
    subject.trim() ? make("p", { class: "bubble-subject" }, subject) : null,
    ...shown.map((part) => (part.kind === "text" ? make("p", { class: "bubble-text" }, text) : mediaOf(part)))));
}

function mediaOf(part) {
  const planned = previews[0]?.parts.find((each) => each.asset_id && each.asset_id === part.asset?.id && sameChoice(each.rendition, part.choice));
  const hosted = planned || renditionOf(part);
  const type = hosted?.content_type || part.type;
  const source = hosted?.url || part.local;
  const waiting = hosted ? "" : "waiting";
  if (source && type.startsWith("image/")) return make("img", { src: source, alt: part.name, class: waiting, onerror: (event) => event.target.replaceWith(attachment(part)) });
  if (source && type.startsWith("video/")) return make("video", { src: source, poster: part.asset?.poster_url, preload: part.asset?.poster_url ? "none" : "metadata", controls: true, playsinline: true, "aria-label": part.name, class: waiting });
  if (source && type.startsWith("audio/")) return make("audio", { src: source, controls: true, "aria-label": part.name });
  if (part.asset?.poster_url) return make("img", { src: part.asset.poster_url, alt: part.name, class: "waiting" });
  return attachment(part);
}

function attachment(part) {
  return make("span", { class: "attachment" }, part.name);
}

const nothingYet = [...$("facts").children];
let previewTimer;
let previewAbort;
function previewSoon() {
  clearTimeout(previewTimer);
  previewTimer = setTimeout(preview, 500);
}

async function preview() {
  previewAbort?.abort();
  previews = [];
  const body = message();
  $("facts").setAttribute("aria-busy", String(Boolean(body.parts.length)));
  if (!body.parts.length) $("facts").replaceChildren(...nothingYet);
  if (!body.parts.length || waiting()) return;
  previewAbort = new AbortController();
  const { signal } = previewAbort;
  try {
    const answer = await call("POST", "/campaigns/preview", { ...body, recipients: numbersFine ? numbers() : [] }, { signal });
    previews = answer.previews;
    $("facts").replaceChildren(...explainSizes(previews), ...previews.map(factOf));
    for (const part of parts) note(part);
    renderPhone();
  } catch (error) {
    if (error.name !== "AbortError") $("facts").replaceChildren(problemBox(error), ...mending(error.facts || {}));
  }
  if (!signal.aborted) $("facts").setAttribute("aria-busy", "false");
}

// A part may fit alone and not beside the others: then the message says what of it would.
function mending(refusal) {
  const part = parts.find((each) => each.asset && each.asset.id === refusal.asset_id);
  const { buttons, warning } = offersOf(refusal, (choice) => choose(part, choice));
  if (!part || !buttons.length) return [];
  return [make("p", { class: "hint" }, `Send of ${part.name}:`), groupOf(part, buttons), ...[warning].filter(Boolean)];
}

// ---- numbers -----------------------------------------------------------------------------------------------------

function numbers() {
  return numbersIn($("numbers").value);
}

let numbersTimer;
let numbersAsked = 0;
function numbersSoon() {
  numbersFine = false;
  numbersBad = 0;
  clearTimeout(numbersTimer);
  numbersTimer = setTimeout(checkNumbers, 350);
  changed();
}

async function checkNumbers() {
  const result = $("numbers-result");
  const asked = ++numbersAsked;
  const given = numbers();
  if (!given.length) {
    result.replaceChildren();
    $("numbers").removeAttribute("aria-invalid");
    renderSend();
    return;
  }
  try {
    const checked = await call("POST", "/recipients/check", { recipients: given });
    if (asked !== numbersAsked) return;
    numbersFine = true;
    reached = checked.recipients - checked.suppressed;
    $("numbers").setAttribute("aria-invalid", "false");
    const countries = Object.entries(checked.countries).map(([country, figure]) => `${country} ${figure.toLocaleString()}`).join(", ");
    result.replaceChildren(
      make("p", { class: "ok" }, `${checked.recipients.toLocaleString()} recipient${checked.recipients === 1 ? "" : "s"}: ${countries}${checked.duplicates ? `; ${checked.duplicates.toLocaleString()} listed twice and merged` : ""}`),
      ...checked.advice.map((each) => make("div", { class: "notice warn" }, each, suppressedOf(checked))),
      ...cautionsOf(checked.warnings));
  } catch (error) {
    if (asked !== numbersAsked) return;
    $("numbers").setAttribute("aria-invalid", "true");
    const bad = error.facts?.recipients;
    numbersBad = bad?.length || 0;
    result.replaceChildren(problemBox(bad ? new Problem({ ...error.facts, remedy: "Mend them or take them out." }) : error));
  }
  renderSend();
  previewSoon();
}

// ---- sending -----------------------------------------------------------------------------------------------------

function waiting() {
  return parts.some((part) => part.kind === "media" && (part.state === "uploading" || part.state === "fitting"));
}

function message() {
  const text = $("text").value;
  const body = {
    parts: parts.flatMap((part) => {
      if (part.kind === "text") return text.trim() ? [{ text }] : [];
      return part.state === "ready" ? [{ asset_id: part.asset.id, ...part.choice }] : [];
    }),
    profile: $("profile").value,
  };
  if ($("subject").value) body.subject = $("subject").value;
  if ($("name").value.trim()) body.name = $("name").value.trim();
  return body;
}

function missing() {
  if (busy) return "Sending …";
  if (waiting()) return "A picture is still on its way.";
  const failed = parts.filter((part) => part.state === "failed");
  if (failed.some((part) => choicesOf(part).length)) return "Choose what to send instead, or take the file out.";
  if (failed.length) return "Take out the file that cannot be sent.";
  if (!message().parts.length) return "Add a picture or a text.";
  if (!numbers().length) return "Add at least one number.";
  if (numbersBad) return numbersBad === 1 ? "Mend the number that cannot be sent to." : `Mend the ${numbersBad.toLocaleString()} numbers that cannot be sent to.`;
  if (numbersFine && !reached) return "Every number has opted out: nobody would get it.";
  return "";
}

function renderSend() {
  const figure = numbersFine ? reached : 0;
  $("send").textContent = $("send-at").value ? "Schedule" : figure > 1 ? `Send to ${figure.toLocaleString()}` : "Send";
  $("send").setAttribute("aria-disabled", String(Boolean(missing())));
  $("send-hint").textContent = missing();
}

function created(at, start) {
  const body = { ...message(), recipients: numbers(), start };
  if (at) body.send_at = at;
  return call("POST", "/campaigns", body, { headers: { "Idempotency-Key": key } });
}

// The draft as the page shows it, and begun if that is wanted. Numbers that nobody touched keep what a program said of them.
async function saved(at, start) {
  const body = { ...message(), subject: $("subject").value, name: $("name").value.trim() };
  if (at !== timeOfDraft()) body.send_at = at;
  if ($("numbers").value !== $("numbers").defaultValue) body.recipients = numbers();
  const draft = await call("PATCH", `/campaigns/${draftId}`, body);
  return start ? call("POST", `/campaigns/${draftId}/start`) : draft;
}

function timeOfDraft() {
  const { at } = $("send-at").dataset;
  return at ? new Date(`${localMinute(at)}`).toISOString() : null;
}

async function send(start) {
  const why = missing();
  if (why) {
    $("send-hint").textContent = why;
    return;
  }
  busy = true;
  renderSend();
  const at = $("send-at").value ? new Date($("send-at").value).toISOString() : null;
  try {
    const campaign = draftId ? await saved(at, start) : await created(at, start);
    location.assign(`/app/campaigns/${campaign.id}`);
  } catch (error) {
    busy = false;
    if (error.facts?.recipients) $("numbers-result").replaceChildren();
    $("problem").replaceChildren(problemBox(error));
    $("problem").focus();
    $("problem").scrollIntoView({ block: "center", behavior: calm ? "auto" : "smooth" });
    renderSend();
  }
}

// ---- putting it together -----------------------------------------------------------------------------------------

$("file").addEventListener("change", (event) => {
  takeFiles([...event.target.files]);
  event.target.value = "";
});
for (const name of ["dragenter", "dragover"]) {
  document.addEventListener(name, (event) => {
    if (![...event.dataTransfer.types].includes("Files")) return;
    event.preventDefault();
    $("drop").classList.add("over");
  });
}
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) $("drop").classList.remove("over");
});
document.addEventListener("drop", (event) => {
  if (!event.dataTransfer.files.length) return;
  event.preventDefault();
  $("drop").classList.remove("over");
  takeFiles([...event.dataTransfer.files]);
});
document.addEventListener("paste", (event) => {
  const files = [...(event.clipboardData?.files || [])];
  if (!files.length) return;
  event.preventDefault();
  takeFiles(files);
});
$("fetch").addEventListener("click", fetchUrl);
$("url").addEventListener("keydown", (event) => {
  if (event.key === "Enter") {
    event.preventDefault();
    fetchUrl();
  }
});
for (const id of ["subject", "text"]) {
  count($(id));
  $(id).addEventListener("input", () => {
    count($(id));
    note(TEXT);
    changed();
  });
}
$("numbers").addEventListener("input", numbersSoon);
for (const id of ["profile", "name", "send-at"]) $(id).addEventListener("input", changed);
const explain = () => {
  $("profile-hint").textContent = $("profile").selectedOptions[0].dataset.purpose;
};
$("profile").addEventListener("input", () => {
  explain();
  for (const part of parts.filter(isForLargerLimit)) choose(part, part.choice || {});
  renderParts();
});
explain();
$("use-test-number")?.addEventListener("click", (event) => {
  $("numbers").value = [...numbers(), event.target.textContent].join("\n");
  numbersSoon();
});
$("compose").addEventListener("submit", (event) => {
  event.preventDefault();
  send(true);
});
$("draft").addEventListener("click", () => send(false));
function fromLibrary(assetId, choice) {
  const part = { kind: "media", name: "From the library", type: "", state: "uploading", done: 1 };
  if (Object.keys(choice).length) part.choice = choice;
  settle(part, call("GET", `/campaign-assets/${assetId}`).catch((problem) => {
    if (problem.facts?.status !== 404) throw problem;
    throw new Problem({ title: "This picture is gone", detail: "It was deleted or taken down. Take it out of the message." });
  }));
  return part;
}

if (composer.dataset.asset) parts.unshift(fromLibrary(composer.dataset.asset, {}));
if (composer.dataset.parts) {
  const begun = JSON.parse(composer.dataset.parts).map(({ asset_id: assetId, text, ...choice }) => (text === undefined ? fromLibrary(assetId, choice) : TEXT));
  parts = begun.includes(TEXT) ? begun : [...begun, TEXT];
}
if ($("send-at").dataset.at) $("send-at").value = localMinute($("send-at").dataset.at);
renderParts();
const interrupted = unfinished();
if (interrupted.length) {
  $("unfinished").textContent = `The upload of ${interrupted.join(", ")} was interrupted. Choose the same file again: it goes on where it stopped.`;
  $("unfinished").hidden = false;
}
if ($("numbers").value) numbersSoon();
renderPhone();
renderSend();
