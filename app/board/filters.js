// The questions that the list can be asked, and their addresses.

/** Each tile of the overview: its word, what it asks of the API, and its count. */
export const FILTERS = [
  { key: "incomplete", word: "Incomplete", query: {}, of: (c) => sum(c.open, c.unregistered) },
  { key: "stuck", word: "Stuck", query: { stuck: "true" }, of: (_, overview) => overview.stuck },
  { key: "open", word: "Open", query: { state: "open" }, of: (c) => c.open },
  { key: "unregistered", word: "Unregistered", query: { state: "unregistered" }, of: (c) => c.unregistered },
  { key: "complete", word: "Complete", query: { state: "complete" }, of: (c) => c.complete },
  { key: "discarded", word: "Discarded", query: { state: "discarded" }, of: (c) => c.discarded },
  { key: "retired", word: "Retired", query: { state: "retired" }, of: (_, overview) => overview.retired ?? null },
];

/** A sum of counts; null while one of them is not known. */
export function sum(a, b) {
  return a === null || b === null ? null : a + b;
}

/** Where a filter or a search leads; the other one of the two is kept. */
export function hrefOf({ state, stuck, search }) {
  const query = new URLSearchParams();
  if (state) query.set("state", state);
  if (stuck) query.set("stuck", "true");
  if (search) query.set("search", search);
  const text = query.toString();
  return text ? `#/?${text}` : "#/";
}
