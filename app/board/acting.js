// The acts on a batch's page: what can be done now, and the dialog that asks before anything is sent.

import { ACTS } from "./acts.js";
import { accessNow, batchPath, onAccess, post } from "./api.js";
import { PERMIT, confirmed, uuid } from "./confirm.js";
import { announce, fill, h, icon } from "./dom.js";
import { number } from "./words.js";

/** The section of a batch's page with its acts. `onDone` is called after one was taken. */
export function actsSection(id, onDone) {
  const buttons = h("ul.acts");
  const said = h("div", { role: "status" });
  const note = h("div");
  const node = h(
    "section.card",
    { "aria-labelledby": "s-acts" },
    h("h2", { id: "s-acts" }, "What you can do"),
    note,
    buttons,
    said,
  );
  let batch = null;
  let shown = null;
  onAccess(() => node.isConnected && show(batch));

  function show(now) {
    batch = now;
    const permitted = accessNow() !== "read";
    const whys = batch && ACTS.map((one) => one.unless(batch));
    const key = JSON.stringify([permitted, whys]);
    if (key === shown) return;
    shown = key;
    const focus = buttons.contains(document.activeElement) ? document.activeElement.dataset.act : null;
    fill(
      note,
      !permitted && h("div.note", { id: "not-permitted" }, h("p", {}, PERMIT)),
      !batch && h("p.hint", {}, "There is no such batch to act on."),
    );
    const line = (one, why) =>
      h(
        "li",
        {},
        h(
          "button",
          {
            type: "button",
            class: one.grave ? "grave" : "",
            disabled: !permitted || why !== null,
            data: { act: one.act },
            on: { click: () => ask(one) },
          },
          `${one.word} …`,
        ),
        why && h("span.hint", {}, `Not now: ${why}.`),
      );
    fill(buttons, batch ? ACTS.map((one, index) => line(one, whys[index])) : null);
    if (focus) buttons.querySelector(`[data-act="${focus}"]:not([disabled])`)?.focus();
  }

  async function ask(one, chosen = null) {
    const done = await askAct(one, batch, chosen);
    if (!done) return;
    const { text, good } = done;
    fill(
      said,
      h("div", { class: `note ${good ? "good" : "bad"}` }, icon(good ? "complete" : "warning"), h("p", {}, text)),
    );
    announce(text);
    onDone();
  }

  return {
    node,
    show,
    discardUpload: (upload) =>
      ask(
        ACTS.find((one) => one.act === "discard_upload"),
        upload,
      ),
  };
}

/** Ask who and why, say what will happen, and do it once that is confirmed. Null when it was given up. */
async function askAct(one, batch, chosen) {
  const act_id = uuid(); // one for the dialog: pressing twice, or after a lost answer, is one act
  return confirmed({
    word: one.word,
    grave: one.grave,
    fields: one.fields?.(batch, chosen) ?? [],
    happens: (values) => one.happens(batch, values),
    request: (values) => [batchPath(batch.batch_id, "/acts"), { act: one.act, act_id, ...values }],
    send: async (path, body) => {
      const answer = await post(path, body);
      if (answer.refused)
        return {
          good: false,
          text: `Refused: ${answer.refused}. It is in the log as record ${number(answer.offset)}.`,
        };
      const place = `record ${number(answer.offset)} of partition ${answer.partition}`;
      return {
        good: true,
        text: answer.applied
          ? `Done: ${one.word.toLowerCase()}, ${place}.`
          : `Written as ${place}; it takes effect when the worker gets there.`,
      };
    },
  });
}
