// What the board is about to send, as a command for a shell. It holds no token: the shell takes that from a variable.

import { token } from "./api.js";
import { announce, h } from "./dom.js";

const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Text for a shell, whatever it holds. */
function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** The command that posts `body` to a path of this worker. What can't be seen is escaped, as JSON has it. */
export function curlOf(path, body) {
  const escaped = (one) =>
    [...Array(one.length).keys()].map((at) => `\\u${one.charCodeAt(at).toString(16).padStart(4, "0")}`).join("");
  const lines = [`curl --request POST ${quoted(location.origin + path)}`, "--header 'Content-Type: application/json'"];
  if (token.get() !== null) lines.push('--header "Authorization: Bearer $ROLLCALL_HTTP_TOKEN"');
  lines.push(`--data ${quoted(JSON.stringify(body).replace(UNSEEN, escaped))}`);
  return lines.join(" \\\n  ");
}

/** A fold with the command, and a button that copies it. */
export function curlPart(path, body) {
  const text = h("pre.command", { tabindex: "0", role: "group", "aria-label": "The same as a command" }, curlOf(path, body));
  const button = h("button.quiet", { type: "button", on: { click: copy } }, "Copy as curl");

  async function copy() {
    try {
      await navigator.clipboard.writeText(text.textContent);
      announce("Copied");
      button.textContent = "Copied";
    } catch {
      // Only https and loopback may write to the clipboard: marked, it takes one key.
      getSelection().selectAllChildren(text);
      announce("Marked: copy it with your browser");
      button.textContent = "Marked: copy it now";
    }
  }

  return h("details.fold", {}, h("summary", {}, "The same as a command"), h("div", {}, text, button));
}
