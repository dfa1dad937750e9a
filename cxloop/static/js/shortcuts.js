// Keyboard shortcuts. Single letters are inactive while one types, with a modifier held, and when switched off (WCAG 2.1.4).
// A page says what a letter does by `data-key` on a button, link or field; `g` then a letter follows `data-go`.
(() => {
  "use strict";

  const STORE = "cxloop.letters";
  const help = document.getElementById("shortcuts");
  let goUntil = 0; // a letter counts as "go to" for a second after g

  const remembered = () => { try { return localStorage.getItem(STORE); } catch { return null; } };
  const remember = (value) => { try { localStorage.setItem(STORE, value); } catch { /* private mode: for this page only */ } };
  let letters = remembered() !== "off";

  const typing = (target) => target.closest?.("input:not([type=checkbox],[type=radio],[type=button],[type=submit]), textarea, select, [contenteditable]");

  const rows = () => [...document.querySelectorAll("[data-row] .row-item__link")];
  const here = () => document.activeElement?.closest("[data-row]");

  const walk = (step) => {
    const links = rows();
    const at = links.indexOf(here()?.querySelector(".row-item__link"));
    const next = links[Math.max(0, Math.min(links.length - 1, at + step))];
    if (at < 0 && step < 0) return links.at(-1)?.focus();
    next?.focus();
  };

  // The row one stands on first, then the page.
  const act = (key) => {
    const wanted = `[data-key="${CSS.escape(key)}"]`;
    const found = here()?.querySelector(wanted) ?? [...document.querySelectorAll(wanted)].find((element) => !element.closest("[data-row]"));
    if (!found) return false;
    found.closest("details:not([open])")?.setAttribute("open", "");
    if (found.matches("button, a")) found.click();
    else found.focus();
    return true;
  };

  const go = (key) => {
    const link = document.querySelector(`[data-go="${CSS.escape(key)}"]`);
    link?.click();
    return Boolean(link);
  };

  const openHelp = () => { if (help && !help.open) help.showModal(); };

  const letter = (key) => {
    if (Date.now() < goUntil) { goUntil = 0; return go(key); }
    if (key === "j" || key === "k") { walk(key === "j" ? 1 : -1); return true; }
    if (key === "g") { goUntil = Date.now() + 1000; return true; }
    if (key === "?") { openHelp(); return true; }
    return act(key);
  };

  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      const form = event.target.form;
      if (form && event.target.matches("textarea")) { event.preventDefault(); form.requestSubmit(); }
      return;
    }
    if (!letters || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.key.length !== 1) return;
    if (typing(event.target) || document.querySelector("dialog[open]")) return;
    if (letter(event.key)) event.preventDefault();
  });

  const opener = document.querySelector("[data-shortcuts-open]");
  if (opener) {
    opener.hidden = false;
    opener.addEventListener("click", () => {
      const menu = opener.closest("details");
      if (menu) menu.open = false;
      menu?.querySelector("summary").focus(); // the dialog gives focus back to where it was
      openHelp();
    });
  }
  const toggle = help?.querySelector("[data-shortcuts-switch]");
  if (toggle) {
    toggle.checked = letters;
    toggle.addEventListener("change", () => { letters = toggle.checked; remember(letters ? "on" : "off"); });
  }
})();
