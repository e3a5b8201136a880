// The front page: is anything stuck, why, and how the others fill.

import { add, announce, fill, h, mark, say } from "./dom.js";
import { hrefOf } from "./filters.js";
import { Rows } from "./list.js";
import { BatchList } from "./model.js";
import { batchHref, batchRow, missingNote, problem } from "./parts.js";
import { overviewPart } from "./summary.js";
import { many, number } from "./words.js";

const CATCH_UP = 2000; // milliseconds between two looks at the list when something changed of which no event tells
const SEARCH_PAUSE = 200; // milliseconds without a key before a search is asked

let left = null; // the list as it was left, so that going back shows it where it was

export function front(root, { query }, board) {
  let question = { state: query.get("state"), stuck: query.get("stuck") === "true", search: query.get("search") ?? "" };
  let list = null;
  let stuckKnown = null;
  let caughtUp = 0;
  let pause = 0;
  let behind = 0;

  const summary = overviewPart();
  const search = h("input", {
    type: "search",
    id: "search",
    placeholder: "Batch id, or how it begins",
    autocomplete: "off",
    spellcheck: "false",
    "aria-keyshortcuts": "/",
    value: question.search,
  });
  const found = h("p.found");
  const body = h("div.rows", { role: "rowgroup" });
  const headings = ["Batch, and what it waits for", "State", "Slots", "Pending", "Waiting"];
  const grid = h(
    "div.grid",
    { role: "table", "aria-label": "Batches", "aria-colcount": "5" },
    h(
      "div.head",
      { role: "rowgroup" },
      h(
        "div.row",
        { role: "row", "aria-rowindex": "1" },
        headings.map((text) => h("div", { role: "columnheader" }, text)),
      ),
    ),
    body,
  );
  const empty = h("div.nothing");
  fill(
    root,
    summary.node,
    h(
      "section",
      { "aria-labelledby": "list-title" },
      h("h2", { id: "list-title" }, "Batches"),
      h(
        "form.search",
        { role: "search", on: { submit: submitted } },
        h("label", { for: "search" }, "Search"),
        search,
        h("kbd", { "aria-hidden": "true" }, "/"),
      ),
      found,
      empty,
      grid,
    ),
  );
  const rows = new Rows(body, {
    make: batchRow,
    keyOf: (item) => item.batch_id,
    onEnd: () => list?.more().catch(failed),
  });
  search.addEventListener("input", () => {
    clearTimeout(pause);
    pause = setTimeout(() => ask({ ...question, search: search.value.trim() }), SEARCH_PAUSE);
  });
  search.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") {
      event.preventDefault();
      rows.focus(0);
    } else if (event.key === "Escape") {
      event.preventDefault();
      search.value = "";
      ask({ ...question, search: "" });
      search.blur();
    }
  });
  const ages = setInterval(() => rows.draw(), 10_000);
  start(question);

  /** Enter opens the batch of exactly that id, known or not: the page of an unknown one explains what is known. */
  function submitted(event) {
    event.preventDefault();
    const id = search.value.trim();
    if (id) location.hash = list?.items.length === 1 ? batchHref(list.items[0].batch_id) : batchHref(id);
  }

  /** Another question, in the address without a new entry of the history. */
  function ask(next) {
    history.replaceState(null, "", hrefOf(next));
    board.moved();
    start(next);
  }

  function start(next) {
    question = next;
    list?.stop();
    summary.ask(question);
    if (left && left.href === hrefOf(question)) {
      list = left.list;
      list.resume(changed, () => rows.inUse());
      changed();
      rows.drawNow();
      scrollTo(0, left.scroll);
      if (left.focus) rows.focus(list.items.findIndex((item) => item.batch_id === left.focus));
    } else {
      list = new BatchList(question, changed, () => rows.inUse());
    }
    left = null;
    refresh();
  }

  /** Ask again for what is in sight, but not at every word of it: something changed of which no event tells. */
  function catchUp() {
    if (behind || !list.waiting || !list.loaded) return;
    behind = setTimeout(
      () => {
        behind = 0;
        refresh(scrollY > innerHeight ? rows.first : 0);
        if (scrollY > innerHeight) list.refresh().catch(failed); // the head too: the headline speaks of it
      },
      Math.max(0, caughtUp + CATCH_UP - performance.now()),
    );
  }

  function refresh(index = 0) {
    caughtUp = performance.now();
    const asked = list;
    asked.refresh(index).then(
      () => asked === list && settled(),
      (error) => asked === list && failed(error),
    );
  }

  function failed(error) {
    if (error.name === "AbortError") return;
    fill(
      empty,
      problem(error, () => refresh()),
    );
    mark(root, "aria-busy", "false");
  }

  function settled() {
    mark(root, "aria-busy", "false");
    if (question.search)
      announce(
        list.items.length
          ? `${many(list.items.length, "batch", "batches")}${list.next ? " or more" : ""} found`
          : "No batch found",
      );
    if (!performance.getEntriesByName("rollcall:first-picture").length)
      requestAnimationFrame(() => requestAnimationFrame(() => performance.mark("rollcall:first-picture")));
  }

  function changed() {
    rows.show(list.items);
    grid.hidden = list.loaded && !list.items.length;
    mark(grid, "aria-rowcount", String(list.next === null ? list.items.length + 1 : -1));
    showEmpty();
    summary.name(topStuck());
  }

  function showEmpty() {
    if (!list.loaded || list.items.length) {
      empty.replaceChildren();
      say(
        found,
        list.next && (question.search || !list.waiting)
          ? `The first ${number(list.items.length)}; more come as you scroll.`
          : "",
      );
      return;
    }
    const { search: text } = question;
    say(found, list.next === null ? "" : "Looking further …");
    if (list.next !== null) return; // a page may be empty and not the last
    if (text)
      fill(
        empty,
        h("p", {}, "No batch id begins with ", h("b.mono", {}, text), ". "),
        h("p", {}, h("a", { href: batchHref(text) }, "What is known of exactly this id?")),
      );
    else fill(empty, h("p", {}, question.stuck ? "No batch is stuck." : "No batches here."));
    add(empty, [missingNote(list.missing, "a batch of theirs would not be found")]);
  }

  function topStuck() {
    return list?.waiting ? list.items.find((item) => item.stuck) : undefined;
  }

  function showOverview(now) {
    summary.show(now, topStuck());
    if (stuckKnown !== null && stuckKnown !== now.stuck) {
      announce(now.stuck ? `${many(now.stuck, "batch is", "batches are")} stuck` : "Nothing is stuck any more");
      catchUp();
    }
    stuckKnown = now.stuck;
  }

  return {
    title: "Batches",
    onOverview: showOverview,
    onBatches: (change) => {
      list.take(change);
      if (change.more) catchUp();
    },
    onBack: () => refresh(),
    onSlash: () => search.focus(),
    stop() {
      clearInterval(ages);
      summary.stop();
      clearTimeout(pause);
      clearTimeout(behind);
      left = list.loaded
        ? { href: hrefOf(question), list, scroll: scrollY, focus: rows.keyOfFocus(document.activeElement) }
        : null;
      list.stop();
      rows.stop();
    },
  };
}
