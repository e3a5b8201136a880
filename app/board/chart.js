// The last hour: how many batches became ready, how many were stuck, and how far the workers were behind.

import { get } from "./api.js";
import { fill, h } from "./dom.js";
import { missingWorkers, problem } from "./parts.js";
import { number } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const HOUR = 3600; // seconds
const WIDTH = 240; // of the drawing: a step of 15 s is one
const HEIGHT = 48;
const AGAIN = 15_000; // milliseconds: how often there is a new sample

function svg(name, attributes) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value));
  return node;
}

/** The samples as points: where (0 is an hour ago), and the value. */
function points(recent, field) {
  const end = Date.parse(recent.time);
  return recent.samples.map((one) => [
    WIDTH * (1 + (Date.parse(one.time) - end) / 1000 / HOUR),
    one[field],
  ]);
}

/** A path through the points, broken where samples are missing: a worker that did not run remembers nothing. */
function pathOf(found, most, step) {
  let before = null;
  return found
    .map(([x, value]) => {
      const joined = before !== null && x - before < step * 1.9;
      before = x;
      const y = HEIGHT - 2 - ((HEIGHT - 4) * value) / (most || 1);
      return `${joined ? "L" : `M${x.toFixed(1)} ${y.toFixed(1)}L`}${x.toFixed(1)} ${y.toFixed(1)}`;
    })
    .join("");
}

function figure(recent, field, word, summary) {
  const found = points(recent, field);
  const most = found.reduce((top, [, value]) => Math.max(top, value), 0);
  const step = (WIDTH * recent.step_seconds) / HOUR;
  const drawing = svg("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    preserveAspectRatio: "none",
    class: `chart-drawing chart-${field}`,
    role: "img",
    "aria-label": `${word}, the last hour: ${summary(found, most)}`,
  });
  drawing.append(svg("path", { d: `M0 ${HEIGHT - 1}H${WIDTH}`, class: "chart-ground" }));
  drawing.append(svg("path", { d: pathOf(found, most, step), class: "chart-line" }));
  return h(
    "figure.chart",
    {},
    h("figcaption", {}, h("b", {}, word), ` ${summary(found, most)}`),
    drawing,
    h("p.chart-ends", { "aria-hidden": "true" }, h("span", {}, "an hour ago"), h("span", {}, "now")),
  );
}

const last = (found) => (found.length ? found[found.length - 1][1] : null);
const total = (found) => found.reduce((sum, [, value]) => sum + value, 0);
const level = (found, most) => `${number(last(found))} now, ${number(most)} at most`;

/** The charts in a node, asked for again and again until `stop` is called. */
export function hourPart() {
  const node = h("div.charts");
  const stopped = new AbortController();
  let timer = 0;

  async function load() {
    try {
      const recent = await get("/api/recent", {}, stopped.signal);
      const ready = (found) => `${number(total(found))} in the hour`;
      fill(
        node,
        missingWorkers(recent.missing),
        recent.samples.length
          ? [
              figure(recent, "ready", "Ready", ready),
              figure(recent, "stuck", "Stuck", level),
              figure(recent, "lag", "Lag", level),
            ]
          : h("p.hint", {}, "The first sample is taken within 15 s of a worker's start."),
      );
    } catch (error) {
      if (error.name === "AbortError") return;
      fill(node, problem(error, load));
    }
    clearTimeout(timer);
    timer = setTimeout(() => (document.hidden ? again() : load()), AGAIN);
  }

  function again() {
    timer = setTimeout(() => (document.hidden ? again() : load()), AGAIN);
  }

  load();
  return {
    node,
    stop() {
      stopped.abort();
      clearTimeout(timer);
    },
  };
}

/** A fold that asks only while it is open. */
export function hourFold() {
  const body = h("div");
  const fold = h("details.fold", { data: { part: "hour" } }, h("summary", {}, "The last hour"), body);
  let part = null;
  function stop() {
    part?.stop();
    part = null;
  }
  fold.addEventListener("toggle", () => {
    stop();
    if (!fold.open) return;
    part = hourPart();
    fill(body, part.node);
  });
  return { node: fold, stop };
}
