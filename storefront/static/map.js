// The map of the grid: a click or the arrow keys write x and y into the fields of the same form, and the fields move the
// door on the map. Without a script the map is a picture and the fields are all that is needed.
"use strict";

const INT32 = 2 ** 31;
for (const figure of document.querySelectorAll("[data-map]")) pickOn(figure);

function pickOn(figure) {
  const svg = figure.querySelector("svg"), door = figure.querySelector("[data-door]"), form = figure.closest("form");
  const x = form?.elements.namedItem("x"), y = form?.elements.namedItem("y");
  if (!x || !y) return;
  svg.setAttribute("role", "application");
  svg.setAttribute("tabindex", "0");
  svg.setAttribute("aria-label", "Map of the grid. Arrow keys move your door by one, with Shift by ten.");
  figure.querySelector("[data-map-help]").hidden = false;
  const says = figure.querySelector("[data-map-says]");

  const whole = (field) => (/^\s*[+-]?\d{1,10}\s*$/.test(field.value) ? Number(field.value) : null);
  function show() {
    const at = [whole(x), whole(y)];
    if (at.includes(null)) { door.setAttribute("visibility", "hidden"); return; }
    const box = svg.viewBox.baseVal;
    const outside = at[0] < box.x || at[0] > box.x + box.width || -at[1] < box.y || -at[1] > box.y + box.height;
    if (outside) svg.setAttribute("viewBox", `${at[0] - box.width / 2} ${-at[1] - box.height / 2} ${box.width} ${box.height}`);
    door.setAttribute("transform", `translate(${at[0]} ${-at[1]}) scale(${box.width / 100})`);
    door.removeAttribute("visibility");
  }
  function put(newX, newY) {
    x.value = Math.max(-INT32, Math.min(INT32 - 1, newX));
    y.value = Math.max(-INT32, Math.min(INT32 - 1, newY));
    // Whoever picks a place means it, not an address of the book.
    const elsewhere = form.querySelector("[data-elsewhere]");
    if (elsewhere) elsewhere.checked = true;
    says.textContent = `x ${x.value}, y ${y.value}`;
    show();
  }

  svg.addEventListener("click", (event) => {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    put(Math.round(point.x), Math.round(-point.y));
  });
  svg.addEventListener("keydown", (event) => {
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }, way = ways[event.key];
    if (!way) return;
    event.preventDefault();
    const step = event.shiftKey ? 10 : 1;
    put((whole(x) ?? 0) + way[0] * step, (whole(y) ?? 0) + way[1] * step);
  });
  for (const field of [x, y]) {
    field.addEventListener("input", () => {
      const elsewhere = form.querySelector("[data-elsewhere]");
      if (elsewhere && field.value.trim()) elsewhere.checked = true;
      show();
    });
  }
}
