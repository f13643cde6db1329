// Keeps a page up to date: asks for the number of runs heard, and fetches the page anew when there are more.
// Without this script every page is read as it is, and reloaded by hand.
"use strict";
(() => {
  const EVERY_MS = 5000, AT_LATEST_MS = 60000;
  const button = document.getElementById("live-switch"), said = document.getElementById("live-said");
  let version = document.body.dataset.version, fetchedAt = Date.now(), on = true, failures = 0;

  // A page somebody is filling in, or has marked text on, stays as it is.
  const isBusy = () => {
    const active = document.activeElement;
    if (active && active.matches("input, select, textarea")) return true;
    const marked = document.getSelection();
    if (marked && !marked.isCollapsed) return true;
    return [...document.querySelectorAll("main form input:not([type=hidden])")].some((each) => each.value !== each.defaultValue);
  };

  // Which part of the page an element is, so that focus and what was unfolded are found again in the new one.
  const placeOf = (element) => {
    const kind = element.tagName, like = [...document.querySelectorAll("#live " + kind)];
    return [kind, like.indexOf(element)];
  };

  const replace = (text) => {
    const fresh = new DOMParser().parseFromString(text, "text/html");
    const live = document.getElementById("live"), next = fresh.getElementById("live");
    if (!next || !fresh.body.dataset.version) { location.reload(); return; }
    const open = [...live.querySelectorAll("details")].map((each) => each.open);
    const focus = live.contains(document.activeElement) ? placeOf(document.activeElement) : null;
    live.replaceWith(next);
    next.querySelectorAll("details").forEach((each, place) => { if (place in open) each.open = open[place]; });
    if (focus) {
      const again = [...document.querySelectorAll("#live " + focus[0])][focus[1]];
      if (again) again.focus({ preventScroll: true });
    }
    const time = document.querySelector("footer time"), now = fresh.querySelector("footer time");
    if (time && now) time.replaceWith(now);
    if (document.title !== fresh.title) document.title = fresh.title;
    version = fresh.body.dataset.version;
    fetchedAt = Date.now();
  };

  const look = async () => {
    if (!on || document.hidden || isBusy()) return;
    try {
      const answer = await fetch("/live", { headers: { accept: "application/json" } });
      if (!answer.ok) throw new Error(String(answer.status));
      const { version: latest } = await answer.json();
      if (String(latest) !== version || Date.now() - fetchedAt > AT_LATEST_MS) {
        const page = await fetch(location.href, { headers: { accept: "text/html" } });
        if (page.redirected) { location.reload(); return; }
        if (!page.ok) throw new Error(String(page.status));
        const text = await page.text();
        if (!isBusy()) replace(text);
      }
      if (failures) said.textContent = "";
      failures = 0;
    } catch {
      failures += 1;
      if (failures === 3) said.textContent = "Not up to date: the process does not answer.";
    }
  };

  button.hidden = false;
  button.addEventListener("click", () => {
    on = !on;
    button.textContent = on ? "Pause updates" : "Go on updating";
    if (on) look();
  });
  document.addEventListener("visibilitychange", look);
  setInterval(look, EVERY_MS);
})();
