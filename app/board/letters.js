// Dead letters: messages that could not be used, with their reason and content, and how to put one back.

import { accessNow, get, post } from "./api.js";
import { confirmed } from "./confirm.js";
import { announce, fill, h, icon, mark } from "./dom.js";
import { batchHref, place, problem, table, time } from "./parts.js";
import { bytes, capital, number } from "./words.js";

const href = (letter) => `#/dead-letters/${letter.partition}/${letter.offset}`;

/** Dead letters as a table; each leads to its content. `named`: all are of the batch whose page this is. */
export function letterRows(list, { named = false } = {}) {
  const rows = list.map((one) => [
    h("a.mono.num", { href: href(one) }, one.reason),
    h("span.break", {}, one.detail ?? "–"),
    time(one.time),
    h("span", {}, place(one.source), one.key && h("span.hint.mono.break", {}, `key ${one.key}`)),
    ...(named
      ? []
      : [
          one.batch_id ? h("a.mono.break", { href: batchHref(one.batch_id) }, one.batch_id) : "–",
          h("span.num", {}, bytes(one.size)),
        ]),
  ]);
  return table("Dead letters", ["Reason", "Detail", "When", "Source", ...(named ? [] : ["Batch", "Size"])], rows);
}

/** The list, newest first, for one reason or batch or all. */
export function lettersView(root, { query }, board) {
  const stopped = new AbortController();
  const reason = query.get("reason") ?? "";
  const batch = query.get("batch_id") ?? "";
  const reasonInput = h("input", {
    type: "text",
    id: "reason",
    value: reason,
    list: "reasons",
    autocomplete: "off",
    spellcheck: "false",
  });
  const batchInput = h("input", { type: "text", id: "batch", value: batch, autocomplete: "off", spellcheck: "false" });
  const reasons = h("datalist", { id: "reasons" });
  const holder = h("div");
  const more = h("button", { type: "button", hidden: true, on: { click: () => load(next) } }, "Show older");
  fill(
    root,
    h("h1", { tabindex: "-1" }, "Dead letters"),
    h(
      "p.sub",
      {},
      "Messages that could not be used, newest first. Each is kept with its original bytes and can be sent to its topic again.",
    ),
    h(
      "form.search",
      { role: "search", on: { submit: submitted } },
      h("span.pair", {}, h("label", { for: "reason" }, "Reason"), reasonInput),
      h("span.pair", {}, h("label", { for: "batch" }, "Batch"), batchInput),
      reasons,
      h("button", { type: "submit" }, "Show"),
    ),
    holder,
    more,
  );
  let items = [];
  let next = null;
  load(null);

  function submitted(event) {
    event.preventDefault();
    const asked = new URLSearchParams();
    if (reasonInput.value.trim()) asked.set("reason", reasonInput.value.trim());
    if (batchInput.value.trim()) asked.set("batch_id", batchInput.value.trim());
    board.go(`#/dead-letters${asked.size ? `?${asked}` : ""}`);
  }

  async function load(before) {
    try {
      const page = await get("/api/dead-letters", { reason, batch_id: batch, limit: 50, before }, stopped.signal);
      items = before === null ? page.items : [...items, ...page.items];
      next = page.next;
      more.hidden = next === null;
      fill(
        reasons,
        [...new Set(items.map((one) => one.reason))].map((one) => h("option", { value: one })),
      );
      fill(
        holder,
        items.length
          ? letterRows(items)
          : h("div.nothing", {}, h("p", {}, reason || batch ? "None of these." : "There are no dead letters.")),
      );
    } catch (error) {
      if (error.name !== "AbortError")
        fill(
          holder,
          problem(error, () => load(before)),
        );
    }
    mark(root, "aria-busy", "false");
  }

  return { title: "Dead letters", onSlash: () => reasonInput.focus(), stop: () => stopped.abort() };
}

/** One dead letter with its content. */
export function letterPage(root, { partition, offset }, board) {
  const stopped = new AbortController();
  const holder = h("div");
  const said = h("div", { role: "status" });
  fill(
    root,
    h(
      "section.lead",
      { "aria-label": "Dead letter" },
      h("p.crumb", {}, h("a", { href: "#/dead-letters" }, "All dead letters")),
      h("h1", { tabindex: "-1" }, `Dead letter ${offset} of partition ${partition}`),
      holder,
      said,
    ),
  );
  load();

  async function load() {
    try {
      show(await get(`/api/dead-letters/${partition}/${offset}`, {}, stopped.signal));
    } catch (error) {
      if (error.name !== "AbortError") fill(holder, problem(error, load));
    }
    mark(root, "aria-busy", "false");
  }

  function show(one) {
    const permitted = accessNow() !== "read" && one.source !== null;
    const about = [
      ["Reason", h("b.mono", {}, one.reason)],
      ["Time", time(one.time)],
      ["Source", place(one.source)],
      ["Key", one.key === null ? "none" : h("span.mono.break", {}, one.key)],
      [
        "Batch",
        one.batch_id ? h("a.mono.break", { href: batchHref(one.batch_id) }, one.batch_id) : "none that can be read",
      ],
      ["Size", bytes(one.size)],
    ];
    const why =
      one.source === null
        ? "It does not say where it came from, so it cannot be sent there again."
        : accessNow() === "read"
          ? "The token that this page holds may only read; a replay needs the full one."
          : null;
    fill(
      holder,
      h("p.sentence", {}, capital(one.detail ?? one.reason)),
      h(
        "dl.about",
        {},
        about.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
      ),
      h(
        "div.buttons",
        {},
        h(
          "button.primary",
          { type: "button", disabled: !permitted, on: { click: () => replay(one) } },
          "Send it again …",
        ),
        why && h("span.hint", {}, why),
      ),
      h("h2", { id: "content" }, "Content"),
      h("pre.content", { tabindex: "0", "aria-labelledby": "content" }, contentOf(one)),
    );
  }

  async function replay(one) {
    const text = await confirmed({
      word: "Send it again",
      fields: [],
      happens: () =>
        `The original bytes and key go to ${one.source.topic} again, as a new message. If nothing was put right meanwhile, it comes back as a dead letter.`,
      request: (values) => [`/api/dead-letters/${partition}/${offset}/replay`, values],
      send: async (path, body) => {
        const sent = await post(path, body);
        return `Sent again: ${sent.topic}, partition ${sent.partition}, offset ${number(sent.offset)}.`;
      },
    });
    if (!text) return;
    fill(said, h("div.note.good", {}, icon("complete"), h("p", {}, text)));
    announce(text);
  }

  return {
    title: `Dead letter ${partition}@${offset}`,
    onEscape: () => board.go("#/dead-letters"),
    stop: () => stopped.abort(),
  };
}

/** JSON set out in lines, other text as it is, and what is no text in base64. No value is changed: it is evidence. */
function contentOf(one) {
  if (one.value_text === null)
    return one.value_base64 ? `Not text; in base64:\n${one.value_base64}` : "No value (null)";
  try {
    JSON.parse(one.value_text);
    return setOut(one.value_text);
  } catch {
    return one.value_text;
  }
}

/** Break JSON into lines between its tokens, which stay as they are written: large numbers, repeated fields and escapes too. */
function setOut(json) {
  let [out, deep] = ["", 0];
  const line = () => `\n${"  ".repeat(deep)}`;
  for (const [part] of json.matchAll(/"(?:[^"\\]|\\.)*"|[{[]\s*[}\]]|[{}[\],:]|[^\s{}[\],:"]+/g)) {
    if (part === "{" || part === "[") {
      deep += 1;
      out += part + line();
    } else if (part === "}" || part === "]") {
      deep -= 1;
      out += line() + part;
    } else if (part === ",") out += part + line();
    else out += part === ":" ? ": " : part;
  }
  return out;
}
