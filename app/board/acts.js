// Operator acts: what each does, and when it makes sense.

import { h } from "./dom.js";
import { many, moment, names, number } from "./words.js";

const emptySlots = (batch) =>
  (batch.slot_list ?? []).filter((slot) => slot.state === "empty").map((slot) => slot.essay_id);

const retired = (batch) => (batch.state === "retired" ? "it was retired: only its receipt is kept" : null);
const closed = (batch) =>
  batch.state === "complete" || batch.state === "discarded" ? "it is closed" : retired(batch);
const nothingPending = (batch) => (batch.pending_list?.length ? null : "nothing is pending");
const later = (iso, seconds) => moment(new Date(Date.parse(iso) + seconds * 1000).toISOString());

/**
 * Each act: its word, why it is not possible now (null: it is), its own fields, and what will happen, in words.
 * The worker decides; what it would refuse for certain is not offered.
 */
export const ACTS = [
  {
    act: "force_complete",
    word: "Complete as it is",
    unless(batch) {
      if (batch.state !== "open") return "only an open batch can be completed";
      return batch.filled || batch.failed ? null : "nothing has come for it; it can be discarded";
    },
    happens(batch) {
      const missing = emptySlots(batch);
      const short = missing.length ? ` Without an outcome: ${names(missing, 6)}.` : "";
      if (!batch.filled)
        return `The batch completes now. No slot is filled, so no BatchEssaysReady goes out, only BatchValidationErrors.${short}`;
      return `The batch completes now: BatchEssaysReady goes out with ${number(batch.filled)} of ${many(batch.slots, "essay")}.${short} A content that comes later is excess. It can be re-opened.`;
    },
  },
  {
    act: "extend",
    word: "Extend the deadline",
    unless(batch) {
      if (batch.state === "unregistered") return nothingPending(batch);
      return (
        closed(batch) ??
        (batch.timed_out
          ? "it has passed, and a timeout went out; the batch is open still"
          : batch.deadline
            ? null
            : "there is none")
      );
    },
    fields: () => [
      {
        name: "seconds",
        label: "Hours more",
        input: h("input", {
          type: "number",
          min: "0.1",
          step: "0.1",
          value: "24",
          required: true,
          inputmode: "decimal",
        }),
        value: (input) => Math.round(Number(input.value) * 3600),
      },
    ],
    happens(batch, { seconds }) {
      const to = batch.deadline ? `, to ${later(batch.deadline, seconds)}` : "";
      const what =
        batch.state === "unregistered"
          ? "What is pending is given up"
          : "A readiness timeout goes out, if the batch is still incomplete,";
      return `${what} ${number(seconds / 3600)} h later${to}.`;
    },
  },
  {
    act: "reopen",
    word: "Re-open for more",
    unless: (batch) => retired(batch) ?? (batch.slot_list?.length && closed(batch) ? null : "it is not closed"),
    fields(batch) {
      const free = emptySlots(batch).length;
      const hint = free
        ? `One essay id a line. None: the ${many(free, "slot")} without an outcome are free again.`
        : "One essay id a line.";
      return [
        {
          name: "essay_ids",
          label: "New slots",
          hint,
          input: h("textarea", { rows: "3", spellcheck: "false", required: !free }),
          value: (input) =>
            input.value
              .split("\n")
              .map((line) => line.trim())
              .filter(Boolean),
        },
      ];
    },
    happens(batch, { essay_ids: ids }) {
      const free = emptySlots(batch).length;
      const again = free ? ` ${many(free, "slot")} without an outcome can be filled again.` : "";
      const more = ids.length ? `, with ${many(ids.length, "new slot")}: ${names(ids, 6)}` : "";
      const excess = batch.excess?.length ? ` Its ${many(batch.excess.length, "excess content")} come first.` : "";
      return `The batch is open again${more}.${again}${excess} BatchEssaysReady goes out again when every slot has its outcome.`;
    },
  },
  {
    act: "discard_upload",
    word: "Discard a pending upload",
    unless: nothingPending,
    fields: (batch, chosen) => [
      {
        name: "file_upload_id",
        label: "Upload",
        input: h(
          "select",
          { required: true },
          batch.pending_list.map((one) =>
            h(
              "option",
              { value: one.file_upload_id, selected: one.file_upload_id === chosen },
              `${one.file_name ?? "no name"} (${one.file_upload_id})`,
            ),
          ),
        ),
        value: (input) => input.value,
      },
    ],
    happens: (_, { file_upload_id: upload }) =>
      `The pending upload ${upload} is given up and takes no slot when the registration comes. Its whole original goes out as an event, so it can be put back.`,
  },
  {
    act: "discard",
    word: "Discard the batch",
    grave: true,
    unless: (batch) => closed(batch) ?? (batch.state === "open" ? null : nothingPending(batch)),
    happens(batch) {
      if (batch.state === "unregistered")
        return `${many(batch.pending, "pending upload is", "pending uploads are")} given up, each with its whole original in an event. A registration that comes later begins anew.`;
      return `The batch is closed and no ready event goes out${batch.filled ? `, although ${many(batch.filled, "slot is", "slots are")} filled` : ""}. What comes for it later is excess. It can be re-opened.`;
    },
  },
];

/** What the button of an act says; the name of one that is not known. */
export function wordOfAct(name) {
  return ACTS.find((one) => one.act === name)?.word ?? name.replaceAll("_", " ");
}
