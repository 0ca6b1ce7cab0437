// What a rendition kept and gave up, beside its original: fetched when somebody opens it, with a wipe between the two.

function wipe(figure) {
  const frame = figure.querySelector(".compare-frame");
  const range = frame.querySelector("input");
  const show = () => frame.style.setProperty("--at", `${range.value}%`);
  range.addEventListener("input", show);
  show();
}

async function fill(details) {
  const place = details.querySelector("div");
  if (place.childElementCount) return;
  place.textContent = "…";
  try {
    const answer = await fetch(details.dataset.report, { headers: { "HX-Request": "true" } });
    if (!answer.ok) throw new Error(String(answer.status));
    place.replaceChildren(document.createRange().createContextualFragment(await answer.text()));
    for (const figure of place.querySelectorAll("[data-compare]")) wipe(figure);
  } catch {
    place.textContent = "The report cannot be read now; close and open it to try again.";
  }
}

// A toggle does not bubble, so it is caught on its way down; pieces of the page that come later are heard, too.
document.addEventListener("toggle", (event) => {
  if (event.target.matches?.("details[data-report]") && event.target.open) fill(event.target);
}, true);
