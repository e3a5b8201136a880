// Pieces that several views use.

import { fill, h, icon, mark, say } from "./dom.js";
import { ageOf, duration, moment, number, slotsInWords, wordOf } from "./words.js";

/** The link to a batch's page; its id may hold any characters. */
export function batchHref(id) {
  return `#/batch/${encodeURIComponent(id)}`;
}

/** A state as a drawing and a word. */
export function badge(word) {
  const node = h("span.badge");
  setBadge(node, word);
  return node;
}

export function setBadge(node, word) {
  if (node.dataset.word === word) return;
  node.dataset.word = word;
  fill(node, icon(word), h("span", {}, word));
}

/** How far the slots are: filled solid, failed hatched, empty hollow. The words beside it say the same. */
export function slotsBar() {
  const filled = h("span.bar-filled");
  const failed = h("span.bar-failed");
  const bar = h("span.bar", { "aria-hidden": "true" }, filled, failed);
  return {
    node: bar,
    show(batch) {
      const of = batch.slots || 0;
      const share = (part) => (of ? `${Math.min(100, (part / of) * 100)}%` : "0%");
      filled.style.width = share(batch.filled);
      failed.style.width = share(batch.failed);
      mark(bar, "data-of", of ? "some" : "none");
    },
  };
}

/** A moment, with UTC on pointing at it and for machines. */
export function time(iso, options) {
  return iso ? h("time", { datetime: iso, title: `${iso} (UTC)` }, moment(iso, options)) : h("span", {}, "–");
}

/** One row of the list of batches. */
export function batchRow() {
  const link = h("a.row-id");
  const reason = h("span.row-reason");
  const state = badge("open");
  const bar = slotsBar();
  const slots = h("span.row-count");
  const pending = h("span.row-pending");
  const age = h("span");
  const cell = (name, ...children) => h(`div.${name}`, { role: "cell" }, ...children);
  const node = h(
    "div.row",
    { role: "row" },
    cell("c-batch", link, reason),
    cell("c-state", state),
    cell("c-slots", bar.node, slots),
    cell("c-pending", pending),
    cell("c-age", age),
  );
  return {
    node,
    link,
    show(batch) {
      const word = wordOf(batch);
      mark(node, "data-word", word);
      mark(link, "href", batchHref(batch.batch_id));
      say(link, batch.batch_id);
      mark(link, "title", batch.batch_id);
      say(reason, batch.reason ?? "");
      mark(reason, "title", batch.reason ?? "");
      setBadge(state, word);
      bar.show(batch);
      say(slots, slotsInWords(batch));
      say(pending, batch.pending ? `${number(batch.pending)} pending` : "");
      say(age, batch.since ? duration(ageOf(batch.since)) : "–");
    },
  };
}

/** What is wrong, and how to ask again. */
export function problem(error, retry) {
  return h(
    "div.note.bad",
    { role: "alert" },
    icon("warning"),
    h("p", {}, error.message),
    retry && h("button", { type: "button", on: { click: retry } }, "Try again"),
  );
}

/** A warning that some partitions' batches are not in what is shown. Null where none is missing. */
export function missingNote(missing, what) {
  if (!missing?.length) return null;
  const which = missing.length === 1 ? `Partition ${missing[0]} does` : `Partitions ${missing.join(", ")} do`;
  return h("div.note.warn", { role: "status" }, icon("warning"), h("p", {}, `${which} not answer: ${what}.`));
}

/** A warning that some workers did not answer. Null where all did. */
export function missingWorkers(urls) {
  if (!urls?.length) return null;
  return h("div.note.warn", { role: "status" }, icon("warning"), h("p", {}, `Without what ${urls.join(", ")} would say.`));
}

/** A table of plain rows; a phone shows each row as a small card, its cells under their headings. */
export function table(caption, headings, rows) {
  return h(
    "table.plain",
    { role: "table" },
    h("caption.unseen", {}, caption),
    h(
      "thead",
      { role: "rowgroup" },
      h(
        "tr",
        { role: "row" },
        headings.map((text) => h("th", { scope: "col", role: "columnheader" }, text)),
      ),
    ),
    h(
      "tbody",
      { role: "rowgroup" },
      rows.map((cells) =>
        h(
          "tr",
          { role: "row" },
          cells.map((cell, index) => h("td", { role: "cell", data: { heading: headings[index] } }, cell ?? "–")),
        ),
      ),
    ),
  );
}

/** Where a record stands: topic, partition and offset. */
export function place(source) {
  if (!source) return "–";
  return h("span.mono.break", {}, `${source.topic}/${source.partition}@${source.offset}`);
}
