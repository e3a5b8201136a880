// Asks who and why, says what will happen, and does it only once that is confirmed: for acts and for replays.

import { field, open } from "./ask.js";
import { curlPart } from "./curl.js";
import { fill, h, icon } from "./dom.js";

const WHO = "rollcall.who";
export const PERMIT =
  "The token that this page holds may only read. Acts need the full token: choose “Forget token” and give that one.";

/**
 * The dialog in two steps, for acts and replays: fields with who and why, then what will happen.
 * `request` gives path and body for the values, `send` posts them. Returns what `send` returns, or null.
 */
export async function confirmed({ word, grave, fields, happens, request, send }) {
  const who = h("input", {
    type: "text",
    required: true,
    maxlength: "200",
    autocomplete: "name",
    value: sessionStorage.getItem(WHO) ?? "",
  });
  const why = h("textarea", { required: true, rows: "2", maxlength: "2000" });
  const form = h("form.steps");
  let result = null;
  let values = null;
  const rows = [
    ...fields.map((one) => field(one.label, one.input, one.hint)),
    field("Who", who, "Your name or e-mail address: it is kept with the act."),
    field("Why", why),
  ];
  const cancel = () => h("button", { type: "button", on: { click: () => dialog.close() } }, "Cancel");
  const { dialog, closed } = open(word, form);

  function first() {
    fill(form, rows, h("div.buttons", {}, cancel(), h("button.primary", { type: "submit" }, "Continue")));
    (who.value ? why : form.querySelector("input, select, textarea"))?.focus();
  }

  function second(error = null) {
    const go = h("button", { type: "submit", class: grave ? "primary grave" : "primary" }, word);
    fill(
      form,
      error && h("div.note.bad", { role: "alert" }, icon("warning"), h("p", {}, error)),
      h("p.happens", { id: "happens" }, happens(values)),
      h(
        "p.hint",
        {},
        "Written to the log for ever, as asked by ",
        h("b.break", {}, values.who),
        " because: ",
        h("q.break", {}, values.why),
      ),
      curlPart(...request(values)),
      h("div.buttons", {}, h("button", { type: "button", on: { click: back } }, "Back"), cancel(), go),
    );
    go.setAttribute("aria-describedby", "happens");
    go.focus();
  }

  function back() {
    values = null;
    first();
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (values === null) {
      values = { who: who.value.trim(), why: why.value.trim() };
      for (const one of fields) values[one.name] = one.value(one.input);
      if (!values.who || !values.why) {
        values = null;
        (who.value.trim() ? why : who).focus();
        return;
      }
      sessionStorage.setItem(WHO, values.who);
      second();
      return;
    }
    const go = form.querySelector("button.primary");
    go.disabled = true;
    try {
      result = await send(...request(values));
      dialog.close();
    } catch (error) {
      second(error.code === "read_only" ? `${error.message}. ${PERMIT}` : error.message);
    }
  });
  first();
  await closed;
  return result;
}

/** A random UUID, version 4. crypto.randomUUID is only there on https and loopback; this works on both. */
export function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
