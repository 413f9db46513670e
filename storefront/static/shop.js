// What pages do better with a script. Each of them is complete without it.
"use strict";

// A form is sent once, however often its button is pressed; coming back with the back button makes it whole again.
for (const form of document.querySelectorAll("form[data-once]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "yes";
    for (const button of form.querySelectorAll("button[type=submit]")) button.setAttribute("aria-busy", "true");
  });
}
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
  }
});

// What is changed sends its form by itself; the buttons for those without a script are spare then.
addEventListener("change", (event) => {
  if (event.target.matches("[data-submits]") && event.target.form) event.target.form.requestSubmit();
});
function hideSpare(root) {
  for (const button of root.querySelectorAll("[data-spare]")) button.hidden = true;
}
hideSpare(document);

// A part of a page (data-swap) whose forms are sent behind the scenes: the answer's same part takes its place.
addEventListener("submit", (event) => {
  const part = event.target.closest("[data-swap]");
  if (!part || event.defaultPrevented || event.submitter?.hasAttribute("data-leaves")) return;
  event.preventDefault();
  swap(part, event.target, event.submitter);
});
let latestSwap = 0;
async function swap(part, form, submitter) {
  const turn = ++latestSwap, data = new FormData(form, submitter), action = new URL(submitter?.formAction || form.action);
  const asks = form.method === "get";
  if (asks) action.search = new URLSearchParams([...data].filter(([, value]) => value !== "")).toString();
  part.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(action, asks ? {} : { method: "POST", body: data });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById(part.id);
    // Something later was sent meanwhile: its answer is the one to show.
    if (turn !== latestSwap) return;
    if (!fresh) { location.assign(answer.redirected ? answer.url : location.href); return; }
    const focused = document.activeElement?.id;
    part.replaceWith(fresh);
    for (const id of ["told", "cart-link"]) {
      const now = document.getElementById(id), then = page.getElementById(id);
      if (now && then) now.replaceWith(then);
    }
    if (asks) history.replaceState(null, "", action);
    document.title = page.title;
    hideSpare(fresh);
    localTimes(fresh);
    (fresh.querySelector("[aria-invalid=true]") || document.getElementById(focused))?.focus();
  } catch {
    part.removeAttribute("aria-busy");
    tellOffline();
  }
}

// Without a network the page says so, and goes on when it is back.
function tellOffline() {
  const told = document.getElementById("told");
  if (!told || told.querySelector("[data-offline]")) return;
  const note = document.createElement("p");
  note.className = "note note-warning";
  note.dataset.offline = "";
  note.textContent = "You seem to be offline. Nothing was changed; try again once you are back.";
  told.append(note);
}
addEventListener("offline", tellOffline);
addEventListener("online", () => document.querySelector("[data-offline]")?.remove());

// The focus goes to the first thing to change.
document.querySelector("[aria-invalid=true]")?.focus();

// Times in the reader's own zone and words.
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
function localTimes(root) {
  for (const time of root.querySelectorAll("time[data-time]")) {
    const at = new Date(time.dateTime);
    const today = at.toDateString() === new Date().toDateString();
    time.textContent = (time.dataset.time === "clock" && today ? clock : moment).format(at);
  }
  tickAges();
}
function tickAges() {
  for (const place of document.querySelectorAll("[data-since]")) {
    const seconds = Math.max(0, Math.round((Date.now() - new Date(place.dataset.since)) / 1000));
    const words = seconds < 90 ? `${seconds} s` : seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
    place.textContent = `(${words})`;
  }
}
localTimes(document);

// An order page reads its changing part anew whenever the shop says so, and now and then by itself.
const READ_AGAIN_MS = 15000, POLL_MS = 3000;
const live = document.getElementById("live");
if (live && !live.querySelector("[data-ended]")) followOrder(live);

function followOrder(part) {
  let source = null, reading = false, wanted = false, ended = false, timer = 0;

  async function read() {
    if (ended) return;
    if (reading) { wanted = true; return; }
    reading = true;
    clearTimeout(timer);
    try {
      const answer = await fetch(part.dataset.live, { headers: { Accept: "text/html" } });
      if (answer.redirected || answer.status === 404) { location.reload(); return; }
      if (answer.ok) show(await answer.text());
    } catch { /* The network is away: the next round tries again. */ }
    reading = false;
    if (wanted) { wanted = false; read(); return; }
    const listening = source && source.readyState === EventSource.OPEN;
    if (!ended) timer = setTimeout(read, listening ? READ_AGAIN_MS : POLL_MS);
  }

  function show(html) {
    const fresh = new DOMParser().parseFromString(html, "text/html").body.firstElementChild;
    const old = part.firstElementChild;
    if (!fresh?.dataset.version) return;
    if (old.dataset.words !== fresh.dataset.words) {
      document.getElementById("live-words").textContent = fresh.dataset.words;
    }
    part.replaceChildren(fresh);
    localTimes(part);
    if ("ended" in fresh.dataset) {
      ended = true;
      source?.close();
    }
  }

  source = new EventSource(part.dataset.events);
  source.addEventListener("changed", read);
  // Refused for good (no place left): the timer goes on by itself.
  source.addEventListener("error", () => { clearTimeout(timer); timer = setTimeout(read, POLL_MS); });
  setInterval(tickAges, 1000);
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
}
