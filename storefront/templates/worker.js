// Shows a page of ours where there is no network. Keeps nothing else.
"use strict";

const KEPT = "offline-{{ version }}", PAGE = "{{ url_for('offline.show') }}";
const SHEETS = [{% for sheet in sheets %}"{{ static_url(sheet ~ '.css') }}", {% endfor %}"{{ static_url('icons.svg') }}"];

addEventListener("install", (event) => {
  event.waitUntil(caches.open(KEPT).then((kept) => kept.addAll([PAGE, ...SHEETS])).then(() => skipWaiting()));
});
addEventListener("activate", (event) => {
  const old = async () => { for (const name of await caches.keys()) if (name !== KEPT) await caches.delete(name); };
  event.waitUntil(old().then(() => clients.claim()));
});
addEventListener("fetch", (event) => {
  const { request } = event, address = new URL(request.url);
  const isSheet = address.origin === location.origin && SHEETS.includes(address.pathname + address.search);
  if (request.method === "GET" && (request.mode === "navigate" || isSheet)) {
    const kept = isSheet ? address.pathname + address.search : PAGE;
    event.respondWith(fetch(request).catch(async () => (await caches.match(kept)) ?? Response.error()));
  }
});
