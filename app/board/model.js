// What the list of batches holds: pages from the API, kept up to date by events, in the API's order.

import { get } from "./api.js";

export const PAGE = 100;
const FAREWELL = 2000; // milliseconds that a batch which completed stays in sight before it leaves the list
const INCOMPLETE = new Set(["open", "unregistered"]);

/** Stuck first, then the longest wait, as the API has it. */
export function before(a, b) {
  if (a.stuck !== b.stuck) return a.stuck ? -1 : 1;
  const [left, right] = [a.waits_since ?? a.since ?? "9999", b.waits_since ?? b.since ?? "9999"];
  if (left !== right) return left < right ? -1 : 1;
  return a.batch_id < b.batch_id ? -1 : a.batch_id > b.batch_id ? 1 : 0;
}

/** A list for one question: {state, stuck, search}. `onChange` is called after each change, `held` says when rows must not move. */
export class BatchList {
  constructor(question, onChange, held) {
    this.question = question;
    this.onChange = onChange;
    this.held = held;
    this.items = [];
    this.known = new Map();
    this.next = null;
    this.pages = []; // where each page began: {cursor, from}, `from` the last item of the page before
    this.missing = [];
    this.loaded = false;
    this.loading = null;
    this.leaving = new Map(); // batch id: when it may leave
    this.unsorted = false;
    this.stopped = new AbortController();
    this.sweeper = setInterval(() => this.settle(), 500);
  }

  /** Whether the list is of what waits, in the order of waiting; else it is in the API's own order. */
  get waiting() {
    const { state, stuck, search } = this.question;
    return stuck || INCOMPLETE.has(state) || (!state && !search);
  }

  /** Go on with a list that was stopped: what changed meanwhile comes with the next refresh. */
  resume(onChange, held) {
    Object.assign(this, { onChange, held, stopped: new AbortController(), loading: null });
    clearInterval(this.sweeper);
    this.sweeper = setInterval(() => this.settle(), 500);
  }

  stop() {
    this.stopped.abort();
    clearInterval(this.sweeper);
  }

  /** Load the page that holds the row at `index`: at first, and again to catch up with what was not told. */
  async refresh(index = 0) {
    const row = this.items[index];
    const start = (row &&
      this.waiting &&
      this.pages.findLast(({ from }) => from === null || before(from, row) < 0)) || { cursor: null, from: null };
    const page = await this.ask(start.cursor);
    if (!this.loaded || !this.waiting) this.replace(page);
    else this.merge(page, start.from);
    this.missing = page.missing ?? [];
    this.loaded = true;
    this.onChange();
  }

  /** Start over: what was loaded further down is asked for again when it is scrolled to. */
  replace(page) {
    this.items = page.items;
    this.known = new Map(page.items.map((item) => [item.batch_id, item]));
    this.leaving.clear();
    this.next = page.next;
    this.pages = [{ cursor: null, from: null }];
  }

  /** Take a page of the list as the worker has it now. What stood between its ends and is gone has left the list. */
  merge(page, from) {
    const there = new Set(page.items.map((item) => item.batch_id));
    const last = page.items.at(-1);
    for (const item of this.items) {
      const within =
        (from === null || before(from, item) < 0) && (page.next === null || (last && before(item, last) < 0));
      if (within && !there.has(item.batch_id)) this.leaving.set(item.batch_id, 0);
    }
    for (const item of page.items) this.put(item);
    if (page.next === null) this.next = null;
    this.settle();
  }

  /** Load the next page, if there is one. */
  async more() {
    if (this.loading || this.next === null) return;
    this.loading = this.ask(this.next);
    try {
      const page = await this.loading;
      const last = this.items.at(-1);
      if (last) this.pages.push({ cursor: this.next, from: { ...last } });
      this.next = page.next;
      for (const item of page.items) {
        if (this.known.has(item.batch_id)) this.put(item);
        else {
          this.known.set(item.batch_id, item);
          this.items.push(item);
        }
      }
      this.onChange();
    } finally {
      this.loading = null;
    }
  }

  ask(cursor) {
    const { state, stuck, search } = this.question;
    return get(
      "/api/batches",
      { state, stuck: stuck ? "true" : null, search, limit: PAGE, cursor },
      this.stopped.signal,
    );
  }

  /** Take changes of one event. Rows change in place at once; those that come, go or move do so when the list is not in use. */
  take({ changed = [], removed = [] }) {
    if (!this.loaded) return;
    for (const item of changed) this.put(item);
    for (const id of removed) if (this.known.has(id)) this.leaving.set(id, Date.now() + FAREWELL);
    this.settle();
    this.onChange();
  }

  put(item) {
    const known = this.known.get(item.batch_id);
    const belongs = this.belongs(item);
    if (known) {
      if (before(known, item) !== 0) this.unsorted = true;
      Object.assign(known, item);
      if (belongs) this.leaving.delete(item.batch_id);
      else if (!this.leaving.has(item.batch_id)) this.leaving.set(item.batch_id, Date.now() + FAREWELL);
      return;
    }
    if (!belongs || !this.waiting) return;
    const last = this.items.at(-1);
    if (this.next !== null && last && before(last, item) < 0) return; // it comes with its page
    this.known.set(item.batch_id, item);
    this.items.push(item);
    this.unsorted = true;
  }

  belongs(item) {
    const { state, stuck, search } = this.question;
    if (search && !item.batch_id.startsWith(search)) return false;
    if (stuck && !item.stuck) return false;
    if (state) return item.state === state;
    return !this.waiting || INCOMPLETE.has(item.state);
  }

  /** Move and remove rows, unless somebody is about to use them. */
  settle() {
    if (this.held()) return;
    const now = Date.now();
    const gone = new Set();
    for (const [id, when] of this.leaving) if (when <= now) gone.add(id);
    if (gone.size) {
      this.items = this.items.filter((item) => !gone.has(item.batch_id));
      for (const id of gone) {
        this.known.delete(id);
        this.leaving.delete(id);
      }
    }
    const sorting = this.unsorted && this.waiting;
    if (sorting) this.items.sort(before);
    this.unsorted = false;
    if (gone.size || sorting) this.onChange();
  }
}
