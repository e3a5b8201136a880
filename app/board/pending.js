// Pending uploads by age: batches that hold uploads and wait for their registration, the longest wait first.

import { get } from "./api.js";
import { fill, h, mark, say } from "./dom.js";
import { batchHref, missingNote, problem, table, time } from "./parts.js";
import { ageOf, duration, many, number } from "./words.js";

const LOOK = 5000; // milliseconds between two looks at the first page

export function pendingView(root) {
  const stopped = new AbortController();
  const title = h("h1", { tabindex: "-1" }, "Pending uploads");
  const sub = h("p.sub", {}, "Looking …");
  const holder = h("div");
  const more = h("button", { type: "button", hidden: true, on: { click: () => load(next) } }, "Show more");
  fill(root, title, sub, holder, more);
  let items = [];
  let next = null;
  let pages = 0;
  let shown = "";
  const look = setInterval(() => pages <= 1 && !document.hidden && load(null), LOOK);
  load(null);

  async function load(cursor) {
    try {
      const page = await get("/api/pending", { limit: 100, cursor }, stopped.signal);
      pages = cursor === null ? 1 : pages + 1;
      items = cursor === null ? page.items : [...items, ...page.items];
      next = page.next;
      more.hidden = next === null;
      show(page.missing);
    } catch (error) {
      if (error.name !== "AbortError")
        fill(
          holder,
          problem(error, () => load(cursor)),
        );
    }
    mark(root, "aria-busy", "false");
  }

  function show(missing) {
    const key = JSON.stringify([items, missing, Math.floor(Date.now() / 10_000)]);
    if (key === shown) return;
    shown = key;
    const focus = holder.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    say(
      sub,
      items.length
        ? "They came before their registration. The longest wait is first; each is given up when its time is over, with the whole original."
        : "Nothing is pending: every upload has found its registration.",
    );
    const rows = items.map((one) => [
      h("a.mono.break", { href: batchHref(one.batch_id) }, one.batch_id),
      h("span.num", {}, many(one.pending, "upload")),
      h("span.num", {}, duration(ageOf(one.since))),
      time(one.since),
      one.expires_at ? time(one.expires_at) : "never",
      h("span.num", {}, number(one.partition)),
    ]);
    fill(
      holder,
      missingNote(missing, "their pending uploads are not listed"),
      rows.length > 0 &&
        table("Pending uploads by age", ["Batch", "Pending", "Waiting", "Since", "Given up", "Partition"], rows),
    );
    if (focus) [...holder.querySelectorAll("a")].find((link) => link.getAttribute("href") === focus)?.focus();
  }

  return {
    title: "Pending uploads",
    onBack: () => pages <= 1 && load(null),
    stop() {
      stopped.abort();
      clearInterval(look);
    },
  };
}
