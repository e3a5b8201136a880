// The keys, in a dialog: `?` opens it.

import { open } from "./ask.js";
import { h } from "./dom.js";

const KEYS = [
  [["?"], "These keys"],
  [["/"], "To the search"],
  [["g", "b"], "To the batches"],
  [["g", "p"], "To the pending uploads"],
  [["g", "d"], "To the dead letters"],
  [["g", "w"], "To the workers and partitions"],
  [["↑", "↓"], "Through the rows of a list"],
  [["Enter"], "Open the row, or the batch of exactly that id"],
  [["Esc"], "Close a dialog, leave the search, go back to the list"],
];

/** Where `g` and a letter lead. */
export const VIEWS = { b: "#/", p: "#/pending", d: "#/dead-letters", w: "#/partitions" };

/** Show the keys. */
export function showKeys() {
  const rows = KEYS.map(([keys, what]) => [
    h(
      "dt",
      {},
      keys.map((key) => h("kbd", {}, key)),
    ),
    h("dd", {}, what),
  ]);
  const close = h("button.primary", { type: "button", on: { click: () => dialog.close() } }, "Close");
  const { dialog } = open("Keys", h("div", {}, h("dl.keylist", {}, rows), h("div.buttons", {}, close)));
  close.focus();
}
