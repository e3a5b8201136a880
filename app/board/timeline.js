// What happened, record by record of the log.

import { wordOfAct } from "./acts.js";
import { h, icon } from "./dom.js";
import { place, time } from "./parts.js";
import { number } from "./words.js";

/** The entries as an ordered list, with what is to be known about their completeness. */
export function timelineList(story) {
  return [
    story.note &&
      h(
        "div",
        { class: `note ${story.complete ? "" : "warn"}` },
        !story.complete && icon("warning"),
        h("p", {}, story.note),
      ),
    !story.complete &&
      !story.note &&
      h(
        "div.note.warn",
        {},
        icon("warning"),
        h("p", {}, "The log no longer holds all of it: the beginning is missing."),
      ),
    story.entries.length
      ? h("ol.story", {}, story.entries.map(entry))
      : h("p.hint", {}, "The log holds no record of this batch."),
  ];
}

function entry(one) {
  const outputs = one.outputs ?? [];
  const facts = one.facts ?? [];
  const act = /^act[ _](\w+)$/.exec(one.event)?.[1];
  // Not a record, but what the state says of those that are gone.
  const gone = one.event === "facts";
  return h(
    gone ? "li.record.gone" : "li.record",
    {},
    h(
      "p.when",
      {},
      time(one.time, { millis: true }),
      h("span.hint.num", { title: "Offset in the log" }, gone ? "up to record " : "record ", number(one.offset)),
    ),
    h(
      "div.what",
      {},
      h(
        "p.event",
        {},
        h("b", {}, gone ? "before the log begins" : act ? wordOfAct(act) : one.event.replaceAll("_", " ")),
        one.summary && ` ${act ? one.summary.replace(new RegExp(`^${act} `), "") : one.summary}`,
      ),
      one.effect && h("p.effect", {}, h("span", { "aria-hidden": "true" }, "→ "), one.effect),
      outputs.length > 0 &&
        h(
          "ul.sent",
          { "aria-label": "Sent" },
          outputs.map((output) => h("li", { title: output.event_id ?? output.topic }, shortTopic(output.topic))),
        ),
      (facts.length > 0 || one.source) &&
        h(
          "details",
          {},
          h("summary", {}, "Details"),
          facts.length > 0 &&
            h(
              "ul.lines",
              {},
              facts.map((fact) => h("li", {}, fact)),
            ),
          one.source && h("p.hint", {}, "From ", place(one.source)),
        ),
    ),
  );
}

/** Every output once, in the order in which it was first sent, with the record that caused it. */
export function outputsOf(story) {
  const seen = new Map();
  for (const one of story.entries)
    for (const output of one.outputs ?? []) {
      const key = output.event_id ?? `${output.topic} ${one.offset}`; // a dead letter has no event id
      if (!seen.has(key)) seen.set(key, { ...output, name: shortTopic(output.topic), offset: one.offset });
    }
  return [...seen.values()];
}

/** A topic without the owner's name in front and the version behind: what people call it. */
function shortTopic(topic) {
  return topic.replace(/^[a-z]+\.(els\.)?/, "").replace(/\.v\d+$/, "");
}
