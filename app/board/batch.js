// A batch's page: why it is not ready, what would finish it, and what can be done.

import { actsSection } from "./acting.js";
import { batchPath, get } from "./api.js";
import { announce, fill, h, icon, mark, say } from "./dom.js";
import { aboutBatch, excessTable, inWords, pendingTable, section, slotTable } from "./details.js";
import { letterRows } from "./letters.js";
import { badge, place, problem, setBadge, slotsBar } from "./parts.js";
import { outputsOf, timelineList } from "./timeline.js";
import { ageOf, capital, duration, ended, many, number, slotsInWords, wordOf } from "./words.js";

const CALM = 400; // milliseconds in which changes are gathered before the page asks again
const LOOK = 15_000; // how often it asks anyway: late uploads of a finished batch come without an event

export function batchPage(root, { id }, board) {
  const stopped = new AbortController();
  let word = null;
  let timer = 0;
  let batch = null;
  let told = null; // the batch as it was when its reasons and its story were last asked for
  let asking = false;
  let again = false;

  const title = h("h1.mono.break", { tabindex: "-1" }, id);
  const state = badge("open");
  const bar = slotsBar();
  const figures = h("p.figures");
  const sentence = h("p.sentence", {}, "Looking …");
  const finish = h("div");
  const trouble = h("div");
  const head = h(
    "section.lead",
    { "aria-label": "State" },
    h("p.crumb", {}, h("a", { href: board.list }, "All batches")),
    title,
    h("div.state", {}, state, h("span.wide", {}, bar.node), figures),
    sentence,
    finish,
    trouble,
  );
  const parts = {
    slots: section("Slots", "s-slots"),
    pending: section("Pending uploads", "s-pending"),
    conflicts: section("Conflicts", "s-conflicts"),
    letters: section("Dead letters that name it", "s-letters"),
    excess: section("Excess", "s-excess"),
    timeline: section("Timeline", "s-timeline"),
    outputs: section("Outputs", "s-outputs"),
    facts: section("About this batch", "s-facts"),
  };
  const acts = actsSection(id, soon);
  const { slots, pending, conflicts, letters, excess, timeline, outputs, facts } = parts;
  fill(
    root,
    h("div.columns", {}, head, acts.node),
    h(
      "div.columns",
      {},
      h("div", {}, slots.node, pending.node, conflicts.node, letters.node, excess.node, timeline.node),
      h("div", {}, outputs.node, facts.node),
    ),
  );
  const look = setInterval(() => !document.hidden && load(), LOOK);
  load();

  function soon() {
    timer ||= setTimeout(() => {
      timer = 0;
      load();
    }, CALM);
  }

  /** Ask for the batch; for the reasons and the story, which read topics, only when it is another than before. */
  async function load() {
    if (asking) {
      again = true;
      return;
    }
    asking = true;
    try {
      const found = await get(batchPath(id), {}, stopped.signal).catch((error) => {
        if (error.status === 404) return null;
        throw error;
      });
      trouble.replaceChildren();
      const key = JSON.stringify({ ...found, age_seconds: null, stuck: null });
      batch = found;
      if (batch) showBatch();
      mark(root, "aria-busy", "false");
      if (batch && key === told) return;
      const asked = [get(batchPath(id, "/explain"), {}, stopped.signal).then(showWhy)];
      if (batch) asked.push(get(batchPath(id, "/timeline"), {}, stopped.signal).then(showTimeline));
      await Promise.all(asked);
      told = key;
    } catch (error) {
      if (error.name !== "AbortError") fill(trouble, problem(error, load));
      mark(root, "aria-busy", "false");
    } finally {
      asking = false;
      if (again) {
        again = false;
        soon();
      }
    }
  }

  function showState(now, said) {
    setBadge(state, now);
    mark(head, "data-word", now);
    if (word !== null && word !== now) announce(`The batch is now ${now}: ${said}`);
    word = now;
  }

  function showWhy(why) {
    if (!batch) showState(why.state, why.sentence);
    say(sentence, ended(capital(why.sentence)));
    const ways = why.would_finish ?? [];
    const lines = JSON.stringify([ways, why.partition]);
    if (finish.dataset.lines !== lines) {
      finish.dataset.lines = lines;
      const behind = why.partition && (!why.partition.ready || why.partition.lag > 0);
      const words =
        behind &&
        `Partition ${why.partition.partition} ${why.partition.ready ? `is ${many(why.partition.lag, "record")} behind` : "is not ready"}: what is shown may be older than what was sent.`;
      fill(
        finish,
        behind && h("div.note.warn", {}, icon("warning"), h("p", {}, words)),
        ways.length > 0 && [
          h("h2.small", {}, "What would finish it"),
          h(
            "ul.ways",
            {},
            ways.map((way) => h("li", {}, capital(inWords(way)))),
          ),
        ],
      );
    }
    const named = why.dead_letters ?? [];
    if (named.length) letters.show(named, () => letterRows(named, { named: true }), number(named.length));
    else letters.hide();
    if (!batch) {
      fill(figures, `Partition ${why.partition?.partition ?? "–"}, owner ${why.partition?.owner ?? "not known"}`);
      bar.node.hidden = true;
    }
    acts.show(batch);
  }

  function showBatch() {
    showState(wordOf(batch), batch.reason);
    if (!told) say(sentence, ended(capital(batch.reason))); // until the explanation is there
    acts.show(batch);
    const waits = batch.state === "open" || batch.state === "unregistered";
    bar.node.hidden = !batch.slots;
    bar.show(batch);
    const age = waits && batch.since ? `, waiting for ${duration(ageOf(batch.since))}` : "";
    say(figures, `${slotsInWords(batch)}${batch.pending ? `, ${number(batch.pending)} pending` : ""}${age}`);
    const list = batch.slot_list ?? [];
    if (list.length) slots.show(list, () => slotTable(list), slotsInWords(batch));
    else slots.hide();
    const waiting = batch.pending_list ?? [];
    if (waiting.length) pending.show(waiting, () => pendingTable(waiting, acts.discardUpload), number(waiting.length));
    else pending.hide();
    if (batch.conflicts?.length)
      conflicts.show(
        batch.conflicts,
        () =>
          h(
            "ul.lines",
            {},
            batch.conflicts.map((one) => h("li", {}, place(one))),
          ),
        number(batch.conflicts.length),
      );
    else conflicts.hide();
    if (batch.excess?.length) excess.show(batch.excess, () => excessTable(batch.excess), number(batch.excess.length));
    else excess.hide();
    facts.show(batch, () => aboutBatch(batch));
  }

  function showTimeline(story) {
    timeline.show(story, () => timelineList(story), many(story.entries.length, "record"));
    const said = outputsOf(story);
    if (said.length)
      outputs.show(
        said,
        () =>
          h(
            "ul.lines",
            {},
            said.map((one) =>
              h(
                "li",
                {},
                h("b.break", {}, one.name),
                one.event_id && h("span.hint.mono.break", {}, one.event_id),
                h("span.hint", {}, "by record ", h("span.num", {}, number(one.offset))),
              ),
            ),
          ),
        number(said.length),
      );
    else outputs.hide();
  }

  return {
    title: id,
    onBatches: ({ changed = [], removed = [], more = false }) => {
      if (more || changed.some((one) => one.batch_id === id) || removed.includes(id)) soon();
    },
    onBack: load,
    onEscape: () => board.go(board.list),
    stop() {
      stopped.abort();
      clearInterval(look);
      clearTimeout(timer);
    },
  };
}
