"use strict";
// Fetches the page again when the service says that something changed, and puts its live parts in place; forms stay as they are.
(() => {
  const meta = name => document.querySelector(`meta[name="${name}"]`).content;
  const token = meta("token"), status = document.getElementById("status");
  const name_of = e => `${e.tagName} ${e.getAttribute("href") || e.getAttribute("aria-label") || e.parentElement.id || e.textContent}`;
  let busy = false, again = false;
  const refresh = async () => {
    if (busy) { again = true; return; }
    busy = true;
    try {
      const answer = await fetch(location.pathname + location.search, { headers: { "X-XSRFToken": token }, credentials: "same-origin" });
      if (answer.ok) {
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
        for (const part of document.querySelectorAll("[data-live]")) {
          const other = fresh.getElementById(part.id);
          if (!other || other.innerHTML === part.innerHTML || part.querySelector("textarea:focus, input:focus, select:focus")) continue;
          if ([...part.querySelectorAll("textarea")].some(t => t.value !== t.defaultValue)) continue;
          const at = part.contains(document.activeElement) ? name_of(document.activeElement) : "";
          const open = new Set([...part.querySelectorAll("details[open][id]")].map(d => d.id));
          for (const d of other.querySelectorAll("details[id]")) if (open.has(d.id)) d.setAttribute("open", "");
          part.replaceChildren(...other.childNodes);
          // Who goes by keyboard stays where they were.
          if (at) [...part.querySelectorAll("a, summary, button, [tabindex]")].find(e => name_of(e) === at)?.focus({ preventScroll: true });
          status.textContent = "This page was brought up to date.";
        }
      }
    } catch { /* The stream says when the service is back. */ }
    busy = false;
    if (again) { again = false; refresh(); }
  };
  // A hand-in is answered on the page itself; without a script the same answer is a page of its own.
  for (const form of document.querySelectorAll("form[data-most]")) form.addEventListener("submit", async event => {
    event.preventDefault();
    const said = form.querySelector("[role=status]"), button = form.querySelector("button");
    const tell = (words, good) => { said.textContent = words; said.className = good ? "said good" : "said note"; button.disabled = false; };
    if ([...form.querySelector("input[type=file]").files].reduce((sum, f) => sum + f.size, 0) > Number(form.dataset.most)) { tell(form.dataset.tooLarge); return; }
    button.disabled = true; said.className = "said"; said.textContent = "It is being handed in …";
    try {
      const answer = await fetch(form.action, { method: "POST", body: new FormData(form), headers: { "X-XSRFToken": token }, credentials: "same-origin" });
      const words = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main > h1")?.textContent;
      tell(words || `The service does not answer (${answer.status}). Hand in again in a minute.`, answer.ok && words);
      if (answer.ok && words) form.reset();
    } catch { tell("The connection broke before there was an answer. If what you handed in is not listed above in a minute, hand in again."); }
  });
  const stream = new EventSource(meta("base") + "events?_xsrf=" + encodeURIComponent(token));
  stream.addEventListener("change", refresh);
  let lost = false;
  stream.addEventListener("error", () => { lost = true; status.textContent = "The connection is lost; it is tried again."; });
  stream.addEventListener("open", () => { if (lost) { lost = false; status.textContent = ""; refresh(); } });
})();
