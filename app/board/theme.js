// Runs before the first paint, so that a chosen theme does not flash. The choice: "auto" (the system's), "light" or "dark".
(function () {
  let chosen = "auto";
  try {
    chosen = localStorage.getItem("rollcall.theme") || "auto";
  } catch {
    // no storage: the system's theme
  }
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
