// Dialogs: the one that asks for a token, and the one that asks before an act.

import { token } from "./api.js";
import { h } from "./dom.js";

/** A field with its label and, where there is one, a hint that is read with it. */
export function field(label, input, hint = null) {
  const id = `f-${label.toLowerCase().replace(/[^a-z]+/g, "-")}`;
  input.id = id;
  if (hint) input.setAttribute("aria-describedby", `${id}-hint`);
  return h("div.field", {}, h("label", { for: id }, label), input, hint && h("p.hint", { id: `${id}-hint` }, hint));
}

let opened = 0;

/** Show a modal dialog; Esc closes it. Returns {dialog, closed}. It leaves the page when it closes, and the focus goes back. */
export function open(title, content) {
  const back = document.activeElement;
  const id = `dialog-title-${(opened += 1)}`; // one may open above another: a token can be asked for at any time
  const dialog = h("dialog", { "aria-labelledby": id }, h("h2", { id }, title), content);
  document.body.append(dialog);
  const closed = new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (back instanceof HTMLElement && back.isConnected) back.focus();
      resolve(dialog.returnValue);
    });
  });
  dialog.showModal();
  return { dialog, closed };
}

/** Ask for a token until one is given. It is kept in this tab's session storage and sent in a header, nowhere else. */
export async function askToken(refused) {
  for (;;) {
    const input = h("input", {
      type: "password",
      autocomplete: "current-password",
      required: true,
      spellcheck: "false",
    });
    const form = h(
      "form",
      { on: { submit: (event) => event.preventDefault() } },
      refused && h("p.note.bad", { role: "alert" }, "That token was not accepted."),
      h(
        "p",
        {},
        "This worker answers only to those who hold a token. The full token also permits acts, the read token does not.",
      ),
      field("Token", input, "Kept in this tab until it is closed."),
      h("div.buttons", {}, h("button.primary", { type: "submit" }, "Continue")),
    );
    const { dialog, closed } = open("Token needed", form);
    form.addEventListener("submit", () => {
      token.set(input.value.trim());
      dialog.close("given");
    });
    if ((await closed) === "given") return;
    await signInLater();
  }
}

/** The question was closed: say so, and wait until it is wanted again. */
function signInLater() {
  return new Promise((resolve) => {
    const note = h("div.note.warn", { role: "status" }, h("p", {}, "Nothing can be shown without a token."));
    const button = h("button", { type: "button" }, "Give a token");
    button.addEventListener("click", () => {
      note.remove();
      resolve();
    });
    note.append(button);
    document.getElementById("banners").append(note);
  });
}
