// The tables of a batch's page, and what else is known of it.

import { wordOfAct } from "./acts.js";
import { fill, h, icon, say } from "./dom.js";
import { table, time } from "./parts.js";
import { number } from "./words.js";

/** A section that is written anew only when what it shows has changed; the focus stays where it was. */
export function section(title, id) {
  const holder = h("div");
  const count = h("span.count");
  const node = h("section.card", { "aria-labelledby": id, hidden: true }, h("h2", { id }, title, " ", count), holder);
  let shown = null;
  return {
    node,
    show(data, content, amount = "") {
      const key = JSON.stringify(data);
      if (key === shown) return;
      shown = key;
      const focus = holder.contains(document.activeElement) ? document.activeElement.dataset.keep : null;
      fill(holder, content());
      say(count, amount);
      node.hidden = false;
      if (focus) holder.querySelector(`[data-keep="${CSS.escape(focus)}"]`)?.focus();
    },
    hide() {
      shown = null;
      node.hidden = true;
    },
  };
}

/** The API speaks of acts by their names, the page by what is on the buttons. */
export function inWords(way) {
  return way.replace(/^the act (\w+)/, (_, act) => `“${wordOfAct(act)}”`);
}

export function slotTable(list) {
  const rows = list.map((slot) => [
    h("span.mono.break", {}, slot.essay_id),
    h(
      "span",
      { class: `outcome ${slot.state}` },
      icon(slot.state),
      h("span", {}, slot.state, slot.error_code && h("span.hint.mono.break", {}, slot.error_code)),
    ),
    slot.file_name || slot.file_upload_id
      ? h(
          "span",
          {},
          h("span.break", {}, slot.file_name ?? ""),
          h("span.hint.mono.break", {}, [slot.file_upload_id, slot.text_storage_id].filter(Boolean).join(" · ")),
        )
      : "–",
    time(slot.moment),
  ]);
  return table("Slots with their outcome", ["Slot", "Outcome", "Upload", "When"], rows);
}

export function pendingTable(list, discard) {
  const rows = list.map((one) => [
    h(
      "span",
      {},
      h("span.break", {}, one.file_name ?? one.file_upload_id),
      h("span.hint.mono.break", {}, one.file_upload_id),
    ),
    one.kind,
    h("span", {}, time(one.since), h("span.hint", {}, one.expires_at ? ["given up ", time(one.expires_at)] : "kept")),
    h("span.num", {}, number(one.offset)),
    h(
      "button",
      {
        type: "button",
        data: { keep: `discard-${one.file_upload_id}` },
        "aria-label": `Discard upload ${one.file_upload_id}`,
        on: { click: () => discard(one.file_upload_id) },
      },
      "Discard …",
    ),
  ]);
  return table("Uploads that wait for the registration", ["Upload", "Kind", "Since", "Record", "Act"], rows);
}

export function excessTable(list) {
  const rows = list.map((one) => [
    one.file_name ?? "–",
    h("span.mono.break", {}, one.file_upload_id ?? "–"),
    h("span.mono.break", {}, one.text_storage_id ?? "–"),
  ]);
  return table("Contents that found no slot left", ["File", "Upload", "Text"], rows);
}

/** What else is known of a batch. */
export function aboutBatch(batch) {
  return h(
    "dl.about",
    {},
    aboutOf(batch).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value ?? "–"))),
  );
}

function aboutOf(batch) {
  const mono = (text) => text && h("span.mono.break", {}, text);
  return [
    ["Registered", time(batch.registered_at)],
    [
      "Deadline",
      batch.deadline
        ? h("span", {}, time(batch.deadline), batch.timed_out ? ", passed: a readiness timeout went out" : "")
        : "none",
    ],
    ["Closed by", batch.closed ? `an operator (${batch.closed})` : "nobody"],
    ["Course", batch.course_code],
    ["Teacher", mono(batch.user_id)],
    ["Class", mono(batch.class_id) ?? "none (guest)"],
    ["Organisation", mono(batch.org_id)],
    ["Correlation", mono(batch.correlation_id)],
    ["Openings", number(batch.openings)],
    ["Late failures", number(batch.late_failures)],
    ["Partition", number(batch.partition)],
    ["Latest record", number(batch.offset)],
    ["Owner", mono(batch.owner)],
  ];
}
