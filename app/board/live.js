// The worker's events, by fetch rather than EventSource, so that the token goes in a header and never in the address.

import { request } from "./api.js";

const FIRST_WAIT = 500; // milliseconds before the first try again; doubled up to LONGEST_WAIT
const LONGEST_WAIT = 15_000;
const SILENCE = 40_000; // the worker sends a heartbeat every 15 s: two are missed and a margin

/** Split a stream of text into server-sent events. Feed it chunks; it calls back with (event, data). */
export function reader(onEvent) {
  let rest = "";
  let event = "message";
  let data = [];
  return (chunk) => {
    const lines = (rest + chunk).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop();
    for (const line of lines) {
      if (line === "") {
        if (data.length) onEvent(event, data.join("\n"));
        event = "message";
        data = [];
      } else if (!line.startsWith(":")) {
        const colon = line.indexOf(":");
        const field = colon < 0 ? line : line.slice(0, colon);
        const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
        if (field === "event") event = value;
        else if (field === "data") data.push(value);
      }
    }
  };
}

/**
 * Listen for ever. `onEvent(name, data)` for each event; `onState(state, seconds)` with "live", "connecting" or
 * "waiting" and how long until the next try. Reconnects by itself, sooner when the page is looked at or goes online.
 */
export function listen({ onEvent, onState }) {
  let wait = FIRST_WAIT;
  let hurry = () => {};

  async function once() {
    const cut = new AbortController();
    let watchdog = setTimeout(() => cut.abort(), SILENCE);
    try {
      onState("connecting");
      const answer = await request("/api/events", { accept: "text/event-stream", signal: cut.signal });
      const chunks = answer.body.getReader();
      const decoder = new TextDecoder();
      const feed = reader((name, data) => onEvent(name, JSON.parse(data)));
      onState("live");
      for (;;) {
        const { done, value } = await chunks.read();
        if (done) return;
        wait = FIRST_WAIT;
        clearTimeout(watchdog);
        watchdog = setTimeout(() => cut.abort(), SILENCE);
        feed(decoder.decode(value, { stream: true }));
      }
    } catch {
      // the connection ended, or the worker answered an error: both are tried again
    } finally {
      clearTimeout(watchdog);
      cut.abort();
    }
  }

  async function run() {
    for (;;) {
      await once();
      const now = wait * (0.75 + Math.random() / 2); // spread, so that boards do not come back all at once
      wait = Math.min(wait * 2, LONGEST_WAIT);
      onState("waiting", now / 1000);
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, now);
        hurry = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  addEventListener("online", () => hurry());
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) hurry();
  });
  run();
}
