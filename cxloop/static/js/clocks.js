// Keeps the words of running promises and of past moments true without a reload. The server's words are the base; this
// only rewrites them every 30 seconds, and says in the live region when a promise comes near or breaks.
(() => {
  "use strict";

  const SOON = 2 * 60 * 60; // seconds; the same as cxloop.web.words.SOON

  const span = (seconds) => {
    const minutes = Math.floor(seconds / 60);
    if (minutes < 1) return "less than a minute";
    if (minutes < 60) return `${minutes} min`;
    if (minutes < 24 * 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
    return `${Math.floor(minutes / 1440)} d ${Math.floor((minutes % 1440) / 60)} h`;
  };

  // Past moments need less: "35 min ago", "3 h ago".
  const past = (seconds) => {
    if (seconds < 60) return "just now";
    return seconds < 3600 ? `${Math.floor(seconds / 60)} min ago` : `${Math.floor(seconds / 3600)} h ago`;
  };

  const announce = (words) => {
    const region = document.getElementById("announcer");
    if (region) region.textContent = words;
  };

  const restate = (badge, status) => {
    const row = badge.closest("[data-row]");
    for (const [element, name] of [[badge, "clock"], [row, "row-item"]]) {
      element?.classList.replace(`${name}--${badge.dataset.status}`, `${name}--${status}`);
    }
    badge.dataset.status = status;
    const who = row?.querySelector(".row-item__link")?.textContent ?? document.querySelector("h1")?.textContent ?? "A case";
    announce(`${who}: ${badge.textContent.trim()}`);
  };

  const tellPromise = (time, now) => {
    const left = (Date.parse(time.dateTime) - now) / 1000;
    const status = left <= 0 ? "breached" : left <= SOON ? "soon" : "running";
    time.textContent = left <= 0 ? `breached ${span(-left)} ago` : `${span(left)} left`;
    const badge = time.closest("[data-status]");
    if (badge && badge.dataset.status !== status) restate(badge, status);
  };

  const tellMoment = (time, now) => {
    const ago = (now - Date.parse(time.dateTime)) / 1000;
    if (ago < 0 || ago > 24 * 3600 || !/ago$|^just now$/.test(time.textContent.trim())) return;
    time.textContent = past(ago);
  };

  // The exact moment, for whoever hovers, in the zone of the person reading.
  const localise = (time) => {
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.valueOf())) time.title = at.toLocaleString(undefined, { dateStyle: "full", timeStyle: "short" });
  };

  const tell = () => {
    const now = Date.now();
    document.querySelectorAll("time[data-clock]").forEach((time) => tellPromise(time, now));
    document.querySelectorAll("time[data-moment]").forEach((time) => tellMoment(time, now));
  };

  const titles = () => document.querySelectorAll("time[data-clock], time[data-moment]").forEach(localise);
  titles();
  document.addEventListener("htmx:after:swap", () => { titles(); tell(); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) tell(); });
  setInterval(tell, 30_000);
})();
