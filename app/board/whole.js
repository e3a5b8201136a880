// A page that lacks one of its files says so, and tries again: modules run all or none, and without a word. A worker
// that restarts between the page and its scripts, or a proxy that gives one up, would leave it empty for ever.
(function () {
  const AGAIN = 10_000; // milliseconds: a worker has restarted by then, and a board left alone comes back by itself
  let told = false;

  function lacks(event) {
    const file = event.target;
    const needed = file instanceof HTMLScriptElement || (file instanceof HTMLLinkElement && file.rel === "stylesheet");
    if (!needed || told) return;
    told = true;
    setTimeout(() => location.reload(), AGAIN);
    const note = document.getElementById("lacks");
    if (note) note.classList.remove("late");
    else addEventListener("DOMContentLoaded", () => document.getElementById("lacks")?.classList.remove("late"));
  }

  addEventListener("error", lacks, true); // of an element: it does not bubble
})();
