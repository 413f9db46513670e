// Suggestions under the search field while somebody types: a combobox, for the keyboard and for screen readers too.
"use strict";

const TYPING_MS = 150;
const field = document.querySelector("[data-suggestions]");
if (field) suggest(field);

function suggest(field) {
  const box = document.createElement("div");
  box.className = "suggestions";
  box.hidden = true;
  field.parentElement.append(box);
  const attributes = { role: "combobox", "aria-expanded": "false", "aria-controls": "suggestions", "aria-autocomplete": "list" };
  for (const [name, value] of Object.entries(attributes)) field.setAttribute(name, value);
  let timer = 0, latest = 0, asked = "";

  const options = () => [...box.querySelectorAll("[role=option]:not([aria-disabled])")];
  const chosen = () => options().findIndex((one) => one.getAttribute("aria-selected") === "true");

  function close() {
    latest++;
    clearTimeout(timer);
    box.hidden = true;
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
  }
  function choose(index) {
    const all = options();
    for (const [at, one] of all.entries()) one.setAttribute("aria-selected", String(at === index));
    if (index < 0) field.removeAttribute("aria-activedescendant");
    else field.setAttribute("aria-activedescendant", all[index].id);
  }
  async function ask() {
    const question = field.value.trim(), turn = ++latest;
    asked = question;
    if (!question) { close(); return; }
    try {
      const answer = await fetch(`${field.dataset.suggestions}?q=${encodeURIComponent(question)}`);
      const html = answer.ok ? await answer.text() : "";
      if (turn !== latest || document.activeElement !== field) return;
      box.replaceChildren(...new DOMParser().parseFromString(html, "text/html").body.children);
      box.hidden = !box.firstElementChild;
      field.setAttribute("aria-expanded", String(!box.hidden));
      field.removeAttribute("aria-activedescendant");
    } catch { /* Offline: the field works without suggestions too. */ }
  }

  field.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(ask, TYPING_MS); });
  field.addEventListener("keydown", (event) => {
    const all = options(), at = chosen();
    if (event.key === "Escape" && !box.hidden) { event.preventDefault(); close(); }
    else if (event.key === "Enter" && !box.hidden && at >= 0) { event.preventDefault(); all[at].querySelector("a").click(); }
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (box.hidden) { if (field.value.trim() && field.value.trim() === asked) ask(); return; }
      event.preventDefault();
      // One place more than there are options: the field itself.
      const places = all.length + 1, step = event.key === "ArrowDown" ? 1 : -1;
      choose(((at + 1 + step + places) % places) - 1);
    }
  });
  // Not before a press on one of them has done its work.
  box.addEventListener("mousedown", (event) => event.preventDefault());
  field.addEventListener("blur", close);
}
