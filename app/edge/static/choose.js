// What a person may have made of a piece of media: the words for it, what is offered, and a small form to choose.

import { make, showBytes } from "./api.js";

const WORDS = {
  mp4: "as MP4",
  "3gp": "as 3GP",
  first_frame: "as a still",
  aac: "as AAC",
  amr: "as AMR",
  mp3: "as MP3",
};
const figures = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const bits = (plan) => `${figures.format(((plan.video_bits_a_second || 0) + plan.sound_bits_a_second) / 1000)} kb/s`;
const seconds = (figure) => `${Number(figure.toFixed(1))} s`;

// The choices that a refusal offers, each as the API takes it back.
export function choicesOf(part) {
  return part.asset || part.problem?.asset_id ? part.problem?.choices || [] : [];
}

// A choice in words; as the button of a refusal, with what speaks for it.
export function describe(choice, refusal) {
  const { as, cut, profile } = choice || {};
  const piece = !cut ? "" : !cut.start ? `first ${seconds(cut.seconds)}` : cut.seconds ? `${seconds(cut.seconds)} from ${seconds(cut.start)} on` : `from ${seconds(cut.start)} on`;
  const form = WORDS[as] || "";
  if (!refusal) return [piece, form].filter(Boolean).join(", ");
  if (as === "first_frame") return "Send a still";
  const { larger, good_seconds: good, fits_seconds: longest } = refusal;
  const limit = profile && larger ? ` within ${profile}, ${showBytes(larger.limit_bytes)}` : "";
  const why = !good || !cut ? "" : cut.seconds === good ? ": looks good" : cut.seconds === longest ? ": the longest that fits" : "";
  const plan = cut && (refusal.plans || []).find((each) => each.seconds === cut.seconds);
  const at = plan ? ` (${[plan.width && `${plan.width} × ${plan.height}`, plan.fps && `${figures.format(plan.fps)} fps`, bits(plan)].filter(Boolean).join(", ")})` : "";
  return `Send ${piece ? `the ${piece}` : profile ? "all of it" : "it"}${form ? ` ${form}` : ""}${limit}${why}${at}`;
}

// What a refusal offers, each as a button, and who takes the larger limit where that is one of them.
export function offersOf(refusal, onChoose) {
  const buttons = (refusal.choices || []).map((choice) =>
    make("button", { type: "button", onclick: () => onChoose(choice) }, describe(choice, refusal)));
  return { buttons, warning: refusal.larger ? make("p", { class: "hint larger" }, refusal.larger.taken_by) : null };
}

export function sameChoice(made, choice) {
  const { as = "auto", cut } = choice || {};
  return Boolean(made) && made.as === as && (made.cut?.start || 0) === (cut?.start || 0) && (made.cut?.seconds || 0) === (cut?.seconds || 0);
}

// For clips, sound and animations: send it in another form, or a piece of it.
export function tuner(part, onChoose) {
  const { forms, kind, seconds: length } = part.asset;
  if (!forms.length) return null;
  const cuttable = kind === "video" || kind === "audio";
  const form = make("select", { "aria-label": `Form of ${part.name}` },
    ...["auto", ...forms].map((each) => make("option", { value: each, selected: each === (part.choice?.as || "auto") }, each === "auto" ? "in the usual form" : WORDS[each])));
  const figure = (label, value, least) => make("input", { type: "number", min: least, max: length, step: "any", value, required: true, "aria-label": `${label} of ${part.name}, in seconds` });
  const start = figure("Begin", part.choice?.cut?.start || 0, 0);
  const long = figure("Length", part.choice?.cut?.seconds || length, 0.1);
  const apply = () => {
    if (cuttable && ![start, long].every((field) => field.reportValidity())) return;
    const choice = form.value === "auto" ? {} : { as: form.value };
    const cut = { start: Number(start.value), seconds: Number(long.value) };
    if (cuttable && form.value !== "first_frame" && (cut.start > 0 || cut.seconds < length)) choice.cut = cut;
    if (cuttable && form.value === "first_frame" && cut.start > 0) choice.cut = { start: cut.start };
    onChoose(choice);
  };
  return make("details", { class: "tuner" },
    make("summary", {}, "Send it differently"),
    make("div", { class: "row" }, form,
      cuttable ? make("label", { class: "hint" }, "from", start, "s") : null,
      cuttable ? make("label", { class: "hint" }, "for", long, "s") : null,
      make("button", { type: "button", onclick: apply }, "Apply")));
}
