// What a screen reader cannot do without; each line of the answer is a fault.
() => {
  const faults = [];
  const name = (node) => node.getAttribute("aria-label") || [...(node.getAttribute("aria-labelledby") || "").split(" ")]
    .map((id) => document.getElementById(id)?.textContent).join("") || node.textContent.trim() || node.labels?.[0]?.textContent || node.title;
  for (const node of document.querySelectorAll("a, button, input, select, textarea, section, nav, [role=table], table, dialog, summary"))
    if (!(node.tagName === "TABLE" ? node.caption?.textContent : name(node))) faults.push(`no name: ${node.outerHTML.slice(0, 90)}`);
  for (const node of document.querySelectorAll("a:not([href])")) faults.push(`a link that leads nowhere: ${node.outerHTML.slice(0, 90)}`);
  for (const node of document.querySelectorAll("svg:not([aria-hidden=true])")) faults.push("a drawing that is read out");
  for (const node of document.querySelectorAll("[onclick], div[tabindex='0'], span[tabindex='0']")) faults.push(`not a button: ${node.outerHTML.slice(0, 90)}`);
  const known = new Set();
  for (const node of document.querySelectorAll("[id]")) known.has(node.id) ? faults.push(`id twice: ${node.id}`) : known.add(node.id);
  for (const node of document.querySelectorAll("[aria-labelledby], [aria-describedby]"))
    for (const id of `${node.getAttribute("aria-labelledby") ?? ""} ${node.getAttribute("aria-describedby") ?? ""}`.split(" "))
      if (id && !document.getElementById(id)) faults.push(`refers to nothing: ${id}`);
  for (const [landmark, count] of [["main", 1], ["header", 1], ["footer", 1], ["h1", 1], ["[aria-live=polite]", 1]])
    if (document.querySelectorAll(landmark).length !== count) faults.push(`${landmark}: ${document.querySelectorAll(landmark).length}`);
  let level = 1;
  for (const node of document.querySelectorAll("main :is(h1, h2, h3, h4)")) {
    if (+node.tagName[1] > level + 1) faults.push(`a heading is skipped before: ${node.textContent}`);
    level = +node.tagName[1];
  }
  for (const row of document.querySelectorAll("[role=row]")) if (!row.closest("[role=rowgroup]")) faults.push("a row outside of a group");
  for (const cell of document.querySelectorAll("[role=cell], [role=columnheader]")) if (!cell.closest("[role=row]")) faults.push("a cell outside of a row");
  if (!document.documentElement.lang) faults.push("no language");
  return faults;
}
