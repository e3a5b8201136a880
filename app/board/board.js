// The frame: which view is shown, the connection, the theme, the keys.

import { askWith, get, onAccess, token } from "./api.js";
import { askToken } from "./ask.js";
import { batchPage } from "./batch.js";
import { announce, mark, say, typing, visible } from "./dom.js";
import { front } from "./front.js";
import { letterPage, lettersView } from "./letters.js";
import { VIEWS, showKeys } from "./help.js";
import { listen } from "./live.js";
import { partitionsView } from "./partitions.js";
import { pendingView } from "./pending.js";
import { duration, learnTime } from "./words.js";

const THEMES = ["auto", "light", "dark"];
const root = document.getElementById("main");
const byId = (id) => document.getElementById(id);
let view = null;
let here = null;
let overview = null;

const board = {
  go: (hash) => (location.hash = hash),
  list: "#/", // the list as it was last asked for: where a batch's page leads back to
  moved() {
    here = location.hash;
    board.list = here || "#/";
  },
};

/** The view that a hash names. Anything unknown is the front page. */
function route(hash) {
  const [path, query = ""] = hash.replace(/^#/, "").split("?");
  const parts = path.split("/").filter(Boolean).map(decoded);
  const params = { query: new URLSearchParams(query) };
  if (parts[0] === "batch" && parts.length > 1)
    return { name: "batches", make: batchPage, params: { ...params, id: parts[1] } };
  if (parts[0] === "pending") return { name: "pending", make: pendingView, params };
  if (parts[0] === "dead-letters" && parts.length === 3)
    return {
      name: "dead-letters",
      make: letterPage,
      params: { ...params, partition: encodeURIComponent(parts[1]), offset: encodeURIComponent(parts[2]) },
    };
  if (parts[0] === "dead-letters") return { name: "dead-letters", make: lettersView, params };
  if (parts[0] === "partitions") return { name: "partitions", make: partitionsView, params };
  return { name: "batches", make: front, params };
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // typed by hand: taken as it stands
  }
}

function show() {
  if (here === location.hash) return;
  const first = here === null;
  here = location.hash;
  view?.stop();
  mark(root, "aria-busy", "true");
  const { name, make, params } = route(location.hash);
  if (make === front) board.list = here || "#/";
  scrollTo(0, 0);
  view = make(root, params, board);
  document.title = `${visible(view.title)} · Rollcall`;
  for (const link of document.querySelectorAll("nav [data-view]")) {
    if (link.dataset.view === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (overview) view.onOverview?.(overview);
  if (!first && !root.contains(document.activeElement)) root.querySelector("h1")?.focus({ preventScroll: true });
}

// --- live -----------------------------------------------------------------------------------------------------------

let waiting = []; // events that came since the last frame
let framed = false;
let state = "connecting";
let lost = false;

function onEvent(name, data) {
  waiting.push([name, data]);
  if (framed) return;
  framed = true;
  if (document.hidden)
    setTimeout(takeAll, 1000); // a hidden page has no frames
  else requestAnimationFrame(takeAll);
}

/** Take all events that came since the last frame, the latest word on each batch only. */
function takeAll() {
  if (!framed) return;
  framed = false;
  const [events, changed, removed] = [waiting, new Map(), new Set()];
  const more = waiting.some(([, said]) => said.more); // others changed too, which are not told one by one
  waiting = [];
  for (const [kind, said] of events) {
    if (kind === "overview") overview = said;
    if (kind !== "batches") continue;
    for (const batch of said.changed ?? []) {
      changed.set(batch.batch_id, batch);
      removed.delete(batch.batch_id);
    }
    for (const id of said.removed ?? []) {
      changed.delete(id);
      removed.add(id);
    }
  }
  if (events.some(([kind]) => kind === "overview")) {
    learnTime(overview.time);
    const version = overview.version === "unknown" ? "" : `, version ${overview.version}`;
    const worker = `${overview.app_id}, ${overview.guarantee.replaceAll("_", " ")}${version}`;
    say(byId("about"), `${worker}. Times are in your time zone; point at one to see it in UTC.`);
    view?.onOverview?.(overview);
  }
  if (changed.size || removed.size || more)
    view?.onBatches?.({ changed: [...changed.values()], removed: [...removed], more });
}

function onState(now, seconds) {
  const words = {
    live: "Live",
    connecting: lost ? "Not live, connecting" : "Connecting",
    waiting: `Not live, next try in ${duration(Math.max(1, seconds))}`,
  };
  const was = state;
  state = now;
  mark(byId("live"), "data-state", lost && now === "connecting" ? "waiting" : now);
  say(byId("live-text"), words[now]);
  if (now === "waiting" && !lost) {
    lost = true;
    announce("Not live: the connection to the worker is lost. What is shown may be old.");
  }
  if (now === "live" && was !== "live" && lost) {
    lost = false;
    announce("Live again");
    view?.onBack?.();
  }
  byId("signout").hidden = token.get() === null;
}

// --- keys and the theme ---------------------------------------------------------------------------------------------

let going = 0; // until when a letter after `g` leads to a view

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.key === "?" && !typing()) {
    event.preventDefault();
    showKeys();
  }
  if (!typing() && performance.now() < going && VIEWS[event.key]) board.go(VIEWS[event.key]);
  going = event.key === "g" && !typing() ? performance.now() + 1500 : 0;
  if (event.key === "/" && !typing()) {
    event.preventDefault();
    if (view?.onSlash) view.onSlash();
    else {
      board.go("#/");
      setTimeout(() => byId("search")?.focus());
    }
  }
  if (event.key === "Escape" && !typing() && !event.defaultPrevented) view?.onEscape?.();
});

byId("keys").addEventListener("click", showKeys);

byId("skip").addEventListener("click", (event) => {
  event.preventDefault(); // the hash holds the view
  root.focus();
  root.scrollIntoView();
});

function stored() {
  try {
    const kept = localStorage.getItem("rollcall.theme");
    return THEMES.includes(kept) ? kept : "auto";
  } catch {
    return "auto";
  }
}

function setTheme(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  say(byId("theme"), `Theme: ${theme}`);
}

byId("theme").addEventListener("click", () => {
  const next = THEMES[(THEMES.indexOf(stored()) + 1) % THEMES.length];
  try {
    localStorage.setItem("rollcall.theme", next);
  } catch {
    // no storage: it lasts as long as the page
  }
  setTheme(next);
});

byId("signout").addEventListener("click", () => {
  token.forget();
  location.reload();
});

setTheme(stored());
askWith(askToken);
onAccess(() => (byId("signout").hidden = token.get() === null));
document.addEventListener("visibilitychange", () => {
  if (document.hidden && framed) setTimeout(takeAll); // the frame that was asked for will not come
});
addEventListener("hashchange", show);
show();
get("/api/overview").then(
  (now) => overview ?? onEvent("overview", now),
  () => {},
); // the events bring it too, a little later
listen({ onEvent, onState });
