// The head of the front page: is anything stuck, and the counts, which are also the filters of the list.

import { hourFold } from "./chart.js";
import { fill, h, icon, mark, say } from "./dom.js";
import { FILTERS, hrefOf, sum } from "./filters.js";
import { batchHref, missingNote } from "./parts.js";
import { showPartitions } from "./partitions.js";
import { ageOf, duration, ended, many, number } from "./words.js";

/** Returns {node, ask(question), show(overview, top), name(top), stop()}. */
export function overviewPart() {
  let overview = null;
  const headline = h("h1", { tabindex: "-1" }, "Looking …");
  const sub = h("p.sub");
  const warning = h("div");
  const tiles = h("ul.tiles");
  const tileOf = new Map();
  for (const filter of FILTERS) {
    const value = h("span.tile-value", {}, "–");
    const link = h(
      "a.tile",
      { data: { key: filter.key } },
      h("span.tile-word", {}, filter.key === "stuck" && icon("stuck"), filter.word),
      value,
    );
    tileOf.set(filter.key, { link, value });
    tiles.append(h("li", {}, link));
  }
  const pendingValue = h("span.tile-value", {}, "–");
  const pendingAge = h("span.tile-more");
  tiles.append(
    h(
      "li",
      {},
      h(
        "a.tile",
        { href: "#/pending", data: { key: "pending" } },
        h("span.tile-word", {}, "Pending uploads"),
        pendingValue,
        pendingAge,
      ),
    ),
  );
  const partitions = h("details.fold", {}, h("summary", {}, "Workers and partitions"), h("div"));
  const hour = hourFold();
  const node = h("section", { "aria-label": "Overview" }, headline, sub, warning, tiles, hour.node, partitions);

  /** Mark the tile that stands for the question, and lead the others to theirs. */
  function ask(question) {
    const current = question.stuck ? "stuck" : (question.state ?? (question.search ? "any" : "incomplete"));
    for (const filter of FILTERS) {
      const { link } = tileOf.get(filter.key);
      mark(link, "href", hrefOf({ ...filter.query, search: question.search }));
      if (filter.key === current) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }

  /** Say the headline, and which batch has been stuck for the longest, where that is known. */
  function name(top) {
    if (!overview) return;
    const { stuck, counts, pending_uploads: pending, oldest_pending_seconds: oldest } = overview;
    say(headline, stuck ? `${many(stuck, "batch is", "batches are")} stuck` : "Nothing is stuck");
    mark(headline, "data-word", stuck ? "stuck" : "calm");
    if (stuck && top) {
      const waited = duration(ageOf(top.since));
      if (sub.dataset.top !== top.batch_id)
        fill(
          sub,
          stuck === 1 ? "It is " : "The longest: ",
          h("a.mono.break", { href: batchHref(top.batch_id) }, top.batch_id),
          h("span"),
        );
      sub.dataset.top = top.batch_id;
      say(sub.lastElementChild, `, for ${waited}. ${sentence(top.reason)}`);
    } else {
      delete sub.dataset.top;
      const filling = sum(counts.open, counts.unregistered);
      const uploads = pending
        ? ` ${many(pending, "upload waits", "uploads wait")} for a registration, the oldest for ${duration(oldest)}.`
        : "";
      say(sub, `${many(filling, "batch fills", "batches fill")}.${uploads}`);
    }
  }

  /** Show the counts. `top`: the batch that has been stuck for the longest. */
  function show(now, top) {
    overview = now;
    for (const filter of FILTERS) {
      const { value } = tileOf.get(filter.key);
      const amount = filter.of(now.counts, now);
      say(value, amount === null ? "…" : number(amount));
      if (amount === null) mark(value, "title", "Still being counted after a start");
      else value.removeAttribute("title");
    }
    mark(tileOf.get("stuck").link, "data-some", String(now.stuck > 0));
    say(pendingValue, number(now.pending_uploads));
    say(pendingAge, now.pending_uploads ? `oldest ${duration(now.oldest_pending_seconds)}` : "");
    const missing = (now.missing ?? []).join();
    if (warning.dataset.missing !== missing) {
      warning.dataset.missing = missing;
      fill(warning, missingNote(now.missing, "counts and lists lack their batches"));
    }
    name(top);
    showPartitions(partitions, now);
  }

  return { node, ask, show, name, stop: hour.stop };
}

/** "waits for 1 of 3 slots: essay-3" as a sentence. */
function sentence(text) {
  if (!text) return "";
  return `It ${ended(text)}`.replace(/^It (\d)/, "$1");
}
