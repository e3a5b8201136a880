// Asks the worker. A 401 asks the operator for a token, once for all that wait, and asks again.

const TOKEN = "rollcall.token";
let ask = null; // shows the form for a token; resolves when there is one
let asking = null;
let access = null; // "full", "read", or null while it isn't known
const listeners = new Set();

/** What went wrong, as the worker said it. `status` is 0 when nobody answered. */
export class ApiError extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export const token = {
  get: () => sessionStorage.getItem(TOKEN),
  set: (value) => sessionStorage.setItem(TOKEN, value),
  forget: () => sessionStorage.removeItem(TOKEN),
};

/** Say how a token is asked for: a function that gets whether one was refused, and returns a promise. */
export function askWith(how) {
  ask = how;
}

/** Whether acts are permitted: "full", "read", or null where the worker has not said yet. */
export function accessNow() {
  return access;
}

/** Call back whenever that changes; returns how to stop. */
export function onAccess(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function learnAccess(now) {
  if (now !== "full" && now !== "read") return;
  if (now === access) return;
  access = now;
  for (const listener of listeners) listener(access);
}

/** Ask for a token; those who ask meanwhile share the question. `used` is the token that was refused. */
async function newToken(used) {
  if (token.get() !== used) return; // another one has been given since
  access = null;
  asking ??= ask(used !== null).finally(() => {
    asking = null;
  });
  await asking;
}

/** fetch with the token; a 401 asks for one. Raises ApiError for anything but success. */
export async function request(path, { method = "GET", body, signal, accept = "application/json" } = {}) {
  for (;;) {
    const used = token.get();
    const headers = { Accept: accept };
    if (used) headers.Authorization = `Bearer ${used}`;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    let answer;
    try {
      const sent = body === undefined ? undefined : JSON.stringify(body);
      answer = await fetch(path, { method, headers, body: sent, signal, cache: "no-store", credentials: "omit" });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new ApiError(
        0,
        "unreachable",
        "The worker does not answer. It may be restarting; any other worker answers the same questions.",
      );
    }
    if (answer.status === 401) {
      await newToken(used);
      continue;
    }
    learnAccess(answer.headers.get("Rollcall-Access"));
    if (answer.ok) return answer;
    const said = await answer.json().catch(() => ({}));
    if (said.error === "read_only") learnAccess("read");
    throw new ApiError(
      answer.status,
      said.error ?? String(answer.status),
      said.message ?? `The worker answered ${answer.status}.`,
    );
  }
}

/** GET JSON. Parameters that are null or empty are left out. */
export async function get(path, params = {}, signal = undefined) {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(params))
    if (value !== null && value !== undefined && value !== "") query.set(key, value);
  const asked = query.toString();
  return (await request(asked ? `${path}?${asked}` : path, { signal })).json();
}

/** POST JSON. */
export async function post(path, body) {
  return (await request(path, { method: "POST", body })).json();
}

/** The path of a batch in the API; the id may hold any characters. */
export function batchPath(id, rest = "") {
  // A browser takes these for directories, however they are encoded.
  if (id === "." || id === "..") return `/api/batch${rest}?id=${id}`;
  return `/api/batches/${encodeURIComponent(id)}${rest}`;
}
