// On every page: times in the reader's own zone, copy buttons, and pages that ask to be looked at again.

const short = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });

export function localTimes(root = document) {
  for (const time of root.querySelectorAll("time[data-local]")) {
    time.title = time.textContent;
    time.textContent = short.format(new Date(time.dateTime));
    time.removeAttribute("data-local");
  }
}
localTimes();
document.addEventListener("htmx:afterSwap", () => localTimes());

for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    const field = document.getElementById(button.dataset.copy);
    field.select();
    await navigator.clipboard.writeText(field.value);
    button.textContent = "Copied";
  });
}

// One open confirmation at a time; Escape closes it.
document.addEventListener("toggle", (event) => {
  if (!event.target.matches?.("details.confirm") || !event.target.open) return;
  for (const other of document.querySelectorAll("details.confirm[open]")) if (other !== event.target) other.open = false;
}, true);
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const open of document.querySelectorAll("details.confirm[open]")) {
    open.open = false;
    open.querySelector("summary").focus();
  }
});
