// A page that lacks one of its files says so, and tries again: modules run all or none, and without a word. A worker
// that restarts between the page and its scripts, or a proxy that gives one up, would leave it empty for ever.
(function () {
  const AGAIN = 10_000; // milliseconds: a worker has restarted by then, and a board left alone comes back by itself

  function lacks(event) {
    const file = event.target;
    const page = document.documentElement.dataset; // there is no text yet when the first of them fails
    const needed = file instanceof HTMLScriptElement || (file instanceof HTMLLinkElement && file.rel === "stylesheet");
    if (!needed || "lacks" in page) return;
    page.lacks = "";
    setTimeout(() => location.reload(), AGAIN);
  }

  addEventListener("error", lacks, true); // of an element: it does not bubble
})();
