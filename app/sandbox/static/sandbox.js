// Looks again every second and puts the new page in place of the old, unless the reader is busy with it.
"use strict";
let last = "";
async function look() {
  const busy = document.hidden || String(getSelection()) || document.querySelector("#live details[open], #live video, #live audio, #reply:focus-within");
  if (!busy) {
    try {
      const answer = await fetch(location.href, { cache: "no-store" });
      const text = answer.ok ? await answer.text() : "";
      if (text && last && text !== last) {
        const page = new DOMParser().parseFromString(text, "text/html");
        const focused = document.activeElement?.getAttribute("href");
        document.getElementById("live").replaceWith(document.adoptNode(page.getElementById("live")));
        if (focused) document.querySelector(`#live a[href="${CSS.escape(focused)}"]`)?.focus();
      }
      last = text || last;
    } catch {
      // The sandbox is away; the next look tells.
    }
  }
  setTimeout(look, 1000);
}
look();

// What a person answers as the handset goes the way of the API, which takes JSON alone: no other page can send such a form.
document.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const text = document.getElementById("reply-text").value;
  const told = document.getElementById("reply-told");
  const body = JSON.stringify({ source: form.dataset.source, destinations: [form.dataset.to], text });
  try {
    const answer = await fetch("/sandbox/api/inbound", { method: "POST", headers: { "Content-Type": "application/json" }, body });
    const posted = await answer.json();
    told.textContent = !answer.ok ? `Not posted: ${posted.detail}.` : posted.status ? `Posted “${text}”; the callback answered ${posted.status}.` : `Posted “${text}”; the callback did not answer. ${posted.note}`;
  } catch {
    told.textContent = "The sandbox does not answer.";
  }
});
