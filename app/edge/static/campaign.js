// The campaign page: htmx follows the progress; this says it aloud, and says so when the connection is lost.

import { call, calm, newKey, problemBox } from "./api.js";

const told = document.getElementById("told");
let last = document.getElementById("progress").dataset.sentence;

document.addEventListener("htmx:afterSwap", () => {
  const now = document.getElementById("progress").dataset.sentence;
  if (now !== last) told.textContent = now;
  last = now;
});
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id === "detail") event.detail.target.scrollIntoView({ block: "nearest", behavior: calm ? "auto" : "smooth" });
});
for (const name of ["htmx:sendError", "htmx:responseError"]) {
  document.addEventListener(name, () => {
    last = "";
    told.textContent = "Postcard does not answer; this page goes on asking.";
  });
}

// A test is a campaign of its own: one press, one test, and its page shows what became of it.
const trial = document.getElementById("try");
if (trial) {
  const field = document.getElementById("try-number");
  let key = newKey();
  field.addEventListener("input", () => (key = newKey()));
  trial.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = trial.querySelector("button");
    button.disabled = true;
    try {
      const test = await call("POST", `/campaigns/${trial.dataset.campaign}/test`, { recipients: [field.value.trim()] }, { headers: { "Idempotency-Key": key } });
      location.assign(`/app/campaigns/${test.id}`);
    } catch (problem) {
      button.disabled = false;
      document.getElementById("try-problem").replaceChildren(problemBox(problem));
    }
  });
}
