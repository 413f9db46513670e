// Forms that change a part of a page in place. Without a script they lead to the same page anew.
"use strict";

// The forms in a part (data-swap) are sent behind the scenes, one after the other, and the same part of the answer takes
// its place. A button marked data-leaves goes on to another page.
let sent = 0, line = Promise.resolve();
addEventListener("submit", (event) => {
  const form = event.target, part = form.closest("[data-swap]"), submitter = event.submitter;
  if (!part || event.defaultPrevented || submitter?.hasAttribute("data-leaves")) return;
  event.preventDefault();
  const data = new FormData(form, submitter), address = submitter?.getAttribute("formaction") || form.getAttribute("action");
  const request = { turn: ++sent, id: part.id, asks: form.method === "get", data, action: new URL(address, location.href) };
  part.setAttribute("aria-busy", "true");
  const next = () => swap(request);
  line = line.then(next, next);
});

async function swap({ turn, id, asks, data, action }) {
  if (asks) action.search = new URLSearchParams([...data].filter(([, value]) => value !== "")).toString();
  let answer, page;
  try {
    answer = await fetch(action, asks ? {} : { method: "POST", body: data });
    page = new DOMParser().parseFromString(await answer.text(), "text/html");
  } catch {
    document.getElementById(id)?.removeAttribute("aria-busy");
    tellOffline();
    return;
  }
  // Something later is on its way: its answer is the one to show.
  if (turn !== sent) return;
  const fresh = page.getElementById(id), old = document.getElementById(id);
  if (!fresh || !old) { location.assign(answer.redirected ? answer.url : location.href); return; }
  const focused = document.activeElement?.id, within = old.contains(document.activeElement);
  old.replaceWith(fresh);
  for (const place of ["told", "cart-link"]) {
    const now = document.getElementById(place), then = page.getElementById(place);
    if (now && then) now.replaceWith(then);
  }
  if (asks) history.replaceState(null, "", action);
  document.title = page.title;
  hideSpare(fresh);
  localTimes(fresh);
  const goal = fresh.querySelector("[aria-invalid=true]") ?? (focused ? document.getElementById(focused) : null);
  if (goal) goal.focus();
  else if (within) {
    // What was pressed is gone: who uses the keyboard goes on from here, not from the top of the page.
    fresh.tabIndex = -1;
    fresh.focus({ preventScroll: true });
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
