// The campaign page: htmx follows the progress; this says it aloud, and says so when the connection is lost.

const told = document.getElementById("told");
let last = document.getElementById("progress").dataset.sentence;

document.addEventListener("htmx:afterSwap", () => {
  const now = document.getElementById("progress").dataset.sentence;
  if (now !== last) told.textContent = now;
  last = now;
});
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id === "detail") event.detail.target.scrollIntoView({ block: "nearest", behavior: "smooth" });
});
for (const name of ["htmx:sendError", "htmx:responseError"]) {
  document.addEventListener(name, () => {
    last = "";
    told.textContent = "Postcard does not answer; this page goes on asking.";
  });
}
