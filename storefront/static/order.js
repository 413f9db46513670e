// An order's page reads its changing part anew whenever there is news of the order, and now and then by itself.
"use strict";

const READ_AGAIN_MS = 15000, WATCH_TRUCK_MS = 3000, POLL_MS = 3000, MOST_PRESSED_MS = 5000;
const livePart = document.getElementById("live");
if (livePart && !livePart.querySelector("[data-ended]")) followOrder(livePart);

function followOrder(part) {
  let reading = false, wanted = false, ended = false, listening = false, timer = 0, news = null;
  const order = Number(part.dataset.order);
  // Nothing moves away under a finger or a mouse button that is down, for a while: nobody may ever hear that it went up.
  let released = null;
  part.addEventListener("pointerdown", () => {
    released = new Promise((done) => {
      setTimeout(done, MOST_PRESSED_MS);
      for (const end of ["pointerup", "pointercancel", "contextmenu"]) addEventListener(end, () => setTimeout(done), { once: true });
    });
  });

  function pause() {
    if (!listening) return POLL_MS;
    // Where a truck is comes without news.
    return part.querySelector("[data-trucks-seen]") ? WATCH_TRUCK_MS : READ_AGAIN_MS;
  }

  async function read() {
    if (ended) return;
    if (reading) { wanted = true; return; }
    reading = true;
    clearTimeout(timer);
    try {
      const answer = await fetch(part.dataset.live, { headers: { Accept: "text/html" } });
      if (answer.redirected || answer.status === 404) { location.reload(); return; }
      if (answer.ok) {
        const html = await answer.text();
        await released;
        show(html);
      }
      note(answer.ok);
    } catch { note(false); }
    reading = false;
    if (wanted) { wanted = false; read(); return; }
    if (!ended) timer = setTimeout(read, pause());
  }

  // What is shown may be old: the page says so, and goes on trying.
  function note(reached) {
    const place = document.getElementById("live-away");
    if (reached) place.hidden = true;
    else if (place.hidden) { place.hidden = false; }
  }

  function show(html) {
    const fresh = new DOMParser().parseFromString(html, "text/html").body.firstElementChild;
    const old = part.firstElementChild;
    // An answer that was overtaken on the way.
    if (!fresh?.dataset.version || Number(fresh.dataset.version) < Number(old.dataset.version)) return;
    if (old.dataset.words !== fresh.dataset.words) {
      document.getElementById("live-words").textContent = fresh.dataset.words;
    }
    const places = new Map([...old.querySelectorAll("[data-truck]")].map((truck) => [truck.dataset.truck, truck.dataset.at]));
    localTimes(fresh);
    tickExpected(fresh);
    renew(old, fresh);
    for (const truck of part.querySelectorAll("[data-truck]")) drive(truck, places.get(truck.dataset.truck));
    if ("ended" in fresh.dataset) {
      ended = true;
      clearTimeout(timer);
      news?.close();
    }
  }

  news = listenForNews(part.dataset.news, part.dataset.shopper, (told) => {
    if (told.kind === "open") listening = true;
    else if (told.kind === "cut") { listening = false; clearTimeout(timer); timer = setTimeout(read, POLL_MS); }
    else if (told.kind === "again") read();
    else if (told.order === order && told.version > Number(part.firstElementChild.dataset.version)) read();
  });
  timer = setTimeout(read, POLL_MS);
  setInterval(() => { tickAges(); tickExpected(); }, 1000);
  addEventListener("pagehide", () => news.close());
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
}

// Makes `old` what `fresh` is, and leaves what is the same alone: what is selected, pressed or focused stays so.
function renew(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (old.nodeName !== fresh.nodeName || old.nodeType !== Node.ELEMENT_NODE) { old.replaceWith(fresh); return; }
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) old.setAttribute(name, value);
  const before = [...old.childNodes], now = [...fresh.childNodes];
  while (before.length && now.length && before.at(-1).isEqualNode(now.at(-1))) { before.pop(); now.pop(); }
  for (const gone of before.splice(now.length)) gone.remove();
  const rest = old.childNodes[before.length] ?? null;
  now.forEach((node, at) => { if (at < before.length) renew(before[at], node); else old.insertBefore(node, rest); });
}

// From where a truck was to where it is.
function drive(truck, before) {
  if (!before || before === truck.dataset.at || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  const [x, y] = before.split(" "), [toX, toY] = truck.dataset.at.split(" ");
  const steps = [{ transform: `translate(${x}px, ${y}px)` }, { transform: `translate(${toX}px, ${toY}px)` }];
  truck.animate(steps, { duration: WATCH_TRUCK_MS, easing: "linear" });
}

// How long it takes from now on, beside the times between which a parcel is expected.
function tickExpected(root = document) {
  for (const place of root.querySelectorAll("[data-earliest]")) {
    const [from, to] = [place.dataset.earliest, place.dataset.latest].map((at) => Math.round((new Date(at) - Date.now()) / 1000));
    const [of, unit] = unitOf(to), parts = unit === "h" ? 10 : 1;
    const least = Math.floor(from / of * parts) / parts, most = Math.ceil(to / of * parts) / parts;
    place.textContent = to <= 0 ? "(any moment now)" : `(in ${least > 0 ? `${least} to` : "up to"} ${most} ${unit})`;
  }
}
tickExpected();
