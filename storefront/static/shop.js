// What pages do better with a script. Each of them is complete without it.
"use strict";

// A file that is too large is told of at once and never sent: the form waits for another file, or for none.
for (const field of document.querySelectorAll("input[data-most-bytes]")) {
  const told = document.getElementById(`${field.id}-error`), most = Number(field.dataset.mostBytes), megabyte = 1 << 20;
  const without = document.createElement("button");
  Object.assign(without, { type: "button", className: "button button-quiet", textContent: "Go on without this file", hidden: true });
  told.after(without);
  const isTooLarge = () => {
    const size = field.files[0]?.size ?? 0, wrong = size > most;
    told.textContent = wrong ? `This file has ${Math.round(size / megabyte)} MB; at most ${most / megabyte} MB are fine. Choose a smaller one.` : "";
    without.hidden = !wrong;
    if (wrong) field.setAttribute("aria-invalid", "true"); else field.removeAttribute("aria-invalid");
    return wrong;
  };
  field.addEventListener("change", isTooLarge);
  without.addEventListener("click", () => { field.value = ""; isTooLarge(); field.focus(); });
  field.form.addEventListener("submit", (event) => {
    if (isTooLarge()) { event.preventDefault(); field.focus(); }
  });
}

// A form is sent once, however often its button is pressed; coming back with the back button makes it whole again.
for (const form of document.querySelectorAll("form[data-once]")) {
  form.addEventListener("submit", (event) => {
    if (event.defaultPrevented) return;
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

// What UPS says of an account is asked once it is written.
const verdict = document.getElementById("account-verdict");
if (verdict) {
  const field = verdict.parentElement.querySelector("input");
  let asked = null;
  const ask = async () => {
    const name = field.value.trim();
    if (name === asked) return;
    asked = name;
    verdict.textContent = name ? "Asking UPS …" : "";
    let said = "";
    try {
      const answer = await fetch(`${verdict.dataset.account}?name=${encodeURIComponent(name)}`);
      if (answer.ok && !answer.redirected) said = await answer.text();
    } catch { /* Offline: nothing is said of it. */ }
    if (asked === name) verdict.replaceChildren(...new DOMParser().parseFromString(said, "text/html").body.childNodes);
  };
  field.addEventListener("change", ask);
  if (field.value.trim() && !verdict.querySelector(".verdict")) ask();
}

// A page that only waits (data-again: seconds) looks now and then whether there is another in its place, and goes there.
function lookAgain(place) {
  setTimeout(async () => {
    let next = place;
    try {
      const answer = await fetch(location.href);
      next = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-again]");
      if (!next) { location.assign(answer.url); return; }
      place.replaceWith(next);
      localTimes(next);
    } catch { /* Offline: there is nothing new. */ }
    lookAgain(next);
  }, place.dataset.again * 1000);
}
for (const place of document.querySelectorAll("[data-again]")) lookAgain(place);

// Keeps the page that is shown without a network.
if (document.body.dataset.worker) navigator.serviceWorker?.register(document.body.dataset.worker).catch(() => {});

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
  tickAges(root);
}
// The unit in which so many seconds are told, in seconds, and its name.
function unitOf(seconds) {
  return seconds < 90 ? [1, "s"] : seconds < 5400 ? [60, "min"] : seconds < 172800 ? [3600, "h"] : [86400, "days"];
}
function tickAges(root = document) {
  for (const place of root.querySelectorAll("[data-since]")) {
    const seconds = Math.max(0, Math.round((Date.now() - new Date(place.dataset.since)) / 1000));
    const [of, unit] = unitOf(seconds);
    place.textContent = `(${Math.round(seconds / of)} ${unit})`;
  }
}
localTimes(document);
