// A table of any length, of which only the rows in sight (and some around them) are in the document.

import { mark } from "./dom.js";

const AROUND = 8; // rows kept above and below the window, so that tabbing and quick scrolling meet rows

/**
 * `body` holds the rows; `make()` returns {node, show(item), link}. `keyOf(item)` names an item.
 * `onEnd()` is called when the end comes near. Rows are all of the height that the style sheet gives as --row.
 */
export class Rows {
  constructor(body, { make, keyOf, onEnd }) {
    Object.assign(this, { body, make, keyOf, onEnd });
    this.items = [];
    this.shown = new Map(); // key: row
    this.spare = [];
    this.asked = 0;
    this.first = 0; // the index of the first row that is drawn
    this.used = -Infinity; // when somebody last pointed at, touched or walked through the rows
    this.redraw = () => this.draw();
    addEventListener("scroll", this.redraw, { passive: true });
    addEventListener("resize", this.redraw);
    for (const event of ["pointermove", "pointerdown", "keydown"])
      body.addEventListener(event, () => (this.used = performance.now()));
    body.addEventListener("keydown", (event) => this.walk(event));
  }

  stop() {
    removeEventListener("scroll", this.redraw);
    removeEventListener("resize", this.redraw);
    cancelAnimationFrame(this.asked);
  }

  /** Whether the rows are in use, so that none should move under a hand. */
  inUse() {
    return performance.now() - this.used < 1500;
  }

  show(items) {
    this.items = items;
    this.draw();
  }

  /** Draw in the next frame, once, however often it is asked for. */
  draw() {
    if (this.asked) return;
    this.asked = requestAnimationFrame(() => {
      this.asked = 0;
      this.drawNow();
    });
  }

  drawNow() {
    const { body, items } = this;
    const height = Number.parseFloat(getComputedStyle(body).getPropertyValue("--row")) || 64;
    const top = body.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(-top / height) - AROUND);
    const end = Math.min(items.length, Math.ceil((innerHeight - top) / height) + AROUND);
    this.first = first;
    body.style.height = `${items.length * height}px`;
    const focused = document.activeElement;
    const wanted = new Map();
    for (let index = first; index < end; index += 1) wanted.set(this.keyOf(items[index]), index);
    const kept = this.keyOfFocus(focused);
    if (kept !== null && !wanted.has(kept)) {
      const index = items.findIndex((item) => this.keyOf(item) === kept);
      if (index >= 0) wanted.set(kept, index); // the focus is never scrolled out of the document
    }
    for (const [key, row] of this.shown) {
      if (wanted.has(key)) continue;
      row.node.remove();
      this.shown.delete(key);
      this.spare.push(row);
    }
    const order = [...wanted].sort((a, b) => a[1] - b[1]);
    let at = body.firstElementChild;
    for (const [key, index] of order) {
      let row = this.shown.get(key);
      if (!row) {
        row = this.spare.pop() ?? this.make();
        this.shown.set(key, row);
      }
      row.key = key;
      row.show(items[index]);
      mark(row.node, "aria-rowindex", String(index + 2)); // row 1 holds the headings
      const place = `translateY(${index * height}px)`;
      if (row.node.style.transform !== place) row.node.style.transform = place;
      if (row.node === at) at = at.nextElementSibling;
      else body.insertBefore(row.node, at);
    }
    if (focused !== document.activeElement && focused?.isConnected && body.contains(focused))
      focused.focus({ preventScroll: true });
    if (end > items.length - 40) this.onEnd();
  }

  keyOfFocus(focused) {
    if (!focused || !this.body.contains(focused)) return null;
    for (const [key, row] of this.shown) if (row.node.contains(focused)) return key;
    return null;
  }

  /** Give the focus to a row, scrolling it into sight. */
  focus(index) {
    if (index < 0 || index >= this.items.length) return;
    const height = Number.parseFloat(getComputedStyle(this.body).getPropertyValue("--row")) || 64;
    const top = this.body.getBoundingClientRect().top + index * height;
    const margin = height * 1.5;
    if (top < margin) scrollBy(0, top - margin);
    else if (top + height > innerHeight - margin) scrollBy(0, top + height - innerHeight + margin);
    this.drawNow();
    this.shown.get(this.keyOf(this.items[index]))?.link.focus({ preventScroll: true });
  }

  walk(event) {
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 };
    const key = this.keyOfFocus(document.activeElement);
    if (key === null || event.altKey || event.ctrlKey || event.metaKey) return;
    const index = this.items.findIndex((item) => this.keyOf(item) === key);
    let to = null;
    if (event.key in steps) to = Math.min(Math.max(index + steps[event.key], 0), this.items.length - 1);
    else if (event.key === "Home") to = 0;
    else if (event.key === "End") to = this.items.length - 1;
    if (to === null) return;
    event.preventDefault();
    this.focus(to);
  }
}
