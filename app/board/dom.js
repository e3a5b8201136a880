// Builds elements. All text goes in as text nodes: ids, names and reasons come from outside and are never markup.

const SVG = "http://www.w3.org/2000/svg";

/** An element with properties and children. `on` holds listeners, `data` the data attributes; null and false are left out. */
export function h(tag, props = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const node = document.createElement(name || "div");
  if (classes.length) node.className = classes.join(" ");
  for (const [key, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "on") for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    else if (key === "data") Object.assign(node.dataset, value);
    else if (value === true) node.setAttribute(key, "");
    else node.setAttribute(key, String(value));
  }
  add(node, children);
  return node;
}

// Control characters, and what has no width or turns what is around it: none of it can be seen.
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
const UNSEEN_BUT_LINES = /(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Text as it may be shown: what can't be seen is named, so that no name looks like another one. */
export function visible(text, unseen = UNSEEN) {
  return text.replace(unseen, (one) => {
    const code = one.codePointAt(0);
    if (code < 0x20) return String.fromCodePoint(0x2400 + code);
    return code === 0x7f ? "\u2421" : `⟨U+${code.toString(16).toUpperCase()}⟩`;
  });
}

/** Append children: nodes, text, or lists of them. */
export function add(node, children) {
  const unseen = node.nodeName === "PRE" ? UNSEEN_BUT_LINES : UNSEEN;
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : document.createTextNode(visible(String(child), unseen)));
  }
}

/** Replace what a node holds. */
export function fill(node, ...children) {
  node.replaceChildren();
  add(node, children);
}

/** Set text only where it differs, so that nothing is painted or read out for nothing. */
export function say(node, text) {
  const shown = visible(text);
  if (node.textContent !== shown) node.textContent = shown;
}

/** Set an attribute only where it differs. */
export function mark(node, name, value) {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

const SHAPES = {
  stuck: "M8 1.6 15 14H1L8 1.6ZM8 6v3.6M8 11.6v.4",
  open: "M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8ZM8 4.6V8l2.4 1.6",
  unregistered:
    "M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8ZM6.3 6.2c.2-2 3.6-1.9 3.5.1-.1 1.2-1.7 1.3-1.8 2.7M8 11.3v.4",
  unknown:
    "M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8ZM6.3 6.2c.2-2 3.6-1.9 3.5.1-.1 1.2-1.7 1.3-1.8 2.7M8 11.3v.4",
  complete: "M2.4 8.6 6.2 12.4 13.6 4",
  discarded: "M3.5 3.5l9 9M12.5 3.5l-9 9",
  retired: "M2 3.5h12V6H2V3.5ZM3 6v6.5h10V6M6.4 8.6h3.2",
  filled: "M2.4 8.6 6.2 12.4 13.6 4",
  failed: "M3.5 3.5l9 9M12.5 3.5l-9 9",
  empty: "M3.5 8h1M7.5 8h1M11.5 8h1",
  warning: "M8 1.6 15 14H1L8 1.6ZM8 6v3.6M8 11.6v.4",
};

/** A small drawing beside a word; it says nothing that the word does not. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  for (const [key, value] of [
    ["viewBox", "0 0 16 16"],
    ["class", "icon"],
    ["aria-hidden", "true"],
    ["focusable", "false"],
  ])
    svg.setAttribute(key, value);
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", SHAPES[name] ?? SHAPES.open);
  svg.append(path);
  return svg;
}

let last = "";

/** Tell a screen reader, politely, of a change that matters. The same words twice in a row are said once. */
export function announce(text) {
  if (text === last) return;
  last = text;
  document.getElementById("announce").textContent = visible(text);
}

/** Whether keys belong to what has the focus. */
export function typing() {
  const at = document.activeElement;
  return at instanceof HTMLElement && (at.matches("input, textarea, select") || at.isContentEditable);
}
