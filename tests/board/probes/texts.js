// Every text on the page with its colour and what is painted behind it. Chromium gives resolved colours.
() => {
  const parse = (text) => { const [r, g, b, a = "1"] = text.match(/[\d.]+/g); return [+r, +g, +b, +a]; };
  const found = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    const box = node.getBoundingClientRect();
    if (!own || !box.width || node.closest(".unseen, .skip, noscript, :disabled, thead") || !node.checkVisibility()) continue;
    const style = getComputedStyle(node);
    let behind = node;
    while (behind && parse(getComputedStyle(behind).backgroundColor)[3] === 0) behind = behind.parentElement;
    const size = parseFloat(style.fontSize), bold = +style.fontWeight >= 700;
    found.push({ text: node.textContent.slice(0, 40), colour: parse(style.color), large: size >= 24 || (bold && size >= 18.7),
      behind: parse(getComputedStyle(behind ?? document.body).backgroundColor) });
  }
  return found;
}
