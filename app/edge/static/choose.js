// What a person may have made of a piece of media: the words for it, what is offered, and a small form to choose.

import { make } from "./api.js";

const WORDS = {
  mp4: "as MP4",
  "3gp": "as 3GP",
  first_frame: "as a still",
  aac: "as AAC",
  amr: "as AMR",
  mp3: "as MP3",
};
const seconds = (figure) => `${Number(figure.toFixed(1))} s`;

// The choices that a refusal offers, each as the API takes it back.
export function choicesOf(part) {
  return part.asset || part.problem?.asset_id ? part.problem?.choices || [] : [];
}

export function describe(choice, { asOffer = false } = {}) {
  const { as, cut } = choice || {};
  const piece = !cut ? "" : !cut.start ? `first ${seconds(cut.seconds)}` : cut.seconds ? `${seconds(cut.seconds)} from ${seconds(cut.start)} on` : `from ${seconds(cut.start)} on`;
  const form = WORDS[as] || "";
  if (!asOffer) return [piece, form].filter(Boolean).join(", ");
  if (as === "first_frame") return "Send a still";
  return `Send ${piece ? `the ${piece}` : "it"}${form ? ` ${form}` : ""}`;
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
  const figure = (label, value, most) => make("input", { type: "number", min: 0, max: most, step: "any", value, "aria-label": `${label} of ${part.name}, in seconds` });
  const start = figure("Begin", part.choice?.cut?.start || 0, length);
  const long = figure("Length", part.choice?.cut?.seconds || length, length);
  const apply = () => {
    const choice = form.value === "auto" ? {} : { as: form.value };
    const cut = { start: Number(start.value), seconds: Number(long.value) };
    if (cuttable && form.value !== "first_frame" && (cut.start > 0 || (cut.seconds > 0 && cut.seconds < length))) choice.cut = cut;
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
