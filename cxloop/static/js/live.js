// Lists that renew themselves (hx-trigger="every …"): says what is new, and what went wrong.
(() => {
  "use strict";

  const rows = () => new Set([...document.querySelectorAll("[data-live] [data-row]")].map((row) => row.id));
  let known = rows();

  // A request that failed leaves the page as it is; its words stand where flash messages do.
  document.addEventListener("htmx:response:error", (event) => {
    const place = document.querySelector(".flashes");
    if (!place) return;
    const line = document.createElement("p");
    line.className = "flash flash--warning";
    line.textContent = event.detail.ctx.text.slice(0, 300);
    place.replaceChildren(line);
  });

  document.addEventListener("htmx:after:swap", (event) => {
    const now = rows();
    const fresh = [...now].filter((id) => !known.has(id)).length;
    known = now;
    const region = document.getElementById("announcer");
    if (!region) return;
    if (event.detail.ctx.sourceElement?.matches?.("form")) region.textContent = `${now.size} in the list`;
    else if (fresh) region.textContent = fresh === 1 ? "One more case in the list" : `${fresh} more cases in the list`;
  });
})();
