// News of a shopper's orders: one connection for all pages of a browser. This file is both the page's part and, as a
// worker that the pages share, the one that listens; where there are no such workers, each page listens for itself.
"use strict";

const LISTEN_AGAIN_MS = 15000;

// Listens at an address and tells {kind: "open" | "cut" | "again"} and {kind: "changed", order, version}.
// A connection that breaks is made again by the browser, which says how far it has heard.
function hear(address, tell) {
  let source, timer, ended = false;
  function listen() {
    source = new EventSource(address);
    source.addEventListener("open", () => tell({ kind: "open" }));
    source.addEventListener("changed", (event) => tell({ kind: "changed", ...JSON.parse(event.data) }));
    source.addEventListener("again", () => tell({ kind: "again" }));
    source.addEventListener("error", () => {
      tell({ kind: "cut" });
      // Refused (no place left, logged out): only we can try again.
      if (source.readyState === EventSource.CLOSED && !ended) timer = setTimeout(listen, LISTEN_AGAIN_MS);
    });
  }
  listen();
  return { close() { ended = true; clearTimeout(timer); source.close(); }, isOpen: () => source.readyState === EventSource.OPEN };
}

if (typeof SharedWorkerGlobalScope !== "undefined" && self instanceof SharedWorkerGlobalScope) {
  const pages = new Set();
  let ear = null;
  self.addEventListener("connect", (event) => {
    const page = event.ports[0];
    page.onmessage = ({ data }) => {
      if (data.leaves) {
        pages.delete(page);
        if (!pages.size) { ear?.close(); ear = null; }
        return;
      }
      pages.add(page);
      if (!ear) ear = hear(data.listen, (news) => { for (const one of pages) one.postMessage(news); });
      // Who comes later may have been drawn before the last news.
      else if (ear.isOpen()) for (const kind of ["open", "again"]) page.postMessage({ kind });
    };
  });
} else {
  const own = document.currentScript.src;
  // Tells a page the news of its shopper's orders until `close()` of what it returns.
  self.listenForNews = (address, shopper, tell) => {
    if (typeof SharedWorker === "undefined") return hear(address, tell);
    const worker = new SharedWorker(own, { name: `minimart-news-${shopper}` });
    worker.port.onmessage = ({ data }) => tell(data);
    worker.port.postMessage({ listen: address });
    return { close() { worker.port.postMessage({ leaves: true }); worker.port.close(); } };
  };
}
