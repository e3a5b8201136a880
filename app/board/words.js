// Numbers, times and states in words.

let skew = 0; // milliseconds that the worker's clock is ahead of this one

/** Learn the worker's clock from a time it sent. */
export function learnTime(iso) {
  const there = Date.parse(iso);
  if (!Number.isNaN(there)) skew = there - Date.now();
}

/** Seconds since a moment, by the worker's clock; null for no moment. */
export function ageOf(iso) {
  if (!iso) return null;
  return Math.max(0, (Date.now() + skew - Date.parse(iso)) / 1000);
}

const count = new Intl.NumberFormat("en-GB");

/** A whole number with its thousands apart; a dash for what is not known. */
export function number(value) {
  return value === null || value === undefined ? "–" : count.format(value);
}

/** "1 batch", "2 batches". */
export function many(value, one, more = `${one}s`) {
  return `${number(value)} ${value === 1 ? one : more}`;
}

/** A duration in its two largest units: "8 s", "4 min 10 s", "3 h 12 min", "2 d 4 h". */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  const [minutes, hours, days] = [Math.floor(whole / 60), Math.floor(whole / 3600), Math.floor(whole / 86400)];
  if (minutes < 60) return minutes < 10 && whole % 60 ? `${minutes} min ${whole % 60} s` : `${minutes} min`;
  if (hours < 24) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  return hours % 24 ? `${days} d ${hours % 24} h` : `${days} d`;
}

const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const clock = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});

/** A moment in the reader's time zone: the time, and the day where it is not today. */
export function moment(iso, { millis = false } = {}) {
  if (!iso) return "–";
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return String(iso);
  const time = clock.format(at) + (millis ? `.${String(at.getMilliseconds()).padStart(3, "0")}` : "");
  const today = new Date(Date.now() + skew).toDateString() === at.toDateString();
  return today ? time : `${day.format(at)}, ${time}`;
}

/** Bytes for people. */
export function bytes(size) {
  if (size === null || size === undefined) return "–";
  if (size < 1024) return `${size} B`;
  return size < 1024 * 1024 ? `${(size / 1024).toFixed(1)} KB` : `${(size / 1024 / 1024).toFixed(1)} MB`;
}

/** The word that is shown for a batch: a stuck one is first of all stuck. */
export function wordOf(batch) {
  if (batch.stuck) return "stuck";
  return batch.state;
}

/** "24 of 25", and what failed. */
export function slotsInWords(batch) {
  if (!batch.slots) return batch.state === "unregistered" ? "no slots yet" : "–";
  const done = `${number(batch.filled)} of ${number(batch.slots)}`;
  return batch.failed ? `${done}, ${number(batch.failed)} failed` : done;
}

/** Join names: "a", "a and b", "a, b and 3 more". */
export function names(list, most = 3) {
  if (list.length <= most)
    return list.length < 2 ? list.join("") : `${list.slice(0, -1).join(", ")} and ${list.at(-1)}`;
  return `${list.slice(0, most).join(", ")} and ${number(list.length - most)} more`;
}

/** A sentence begins with a capital letter. */
export function capital(text) {
  return text ? text[0].toUpperCase() + text.slice(1) : "";
}

/** A sentence ends with a stop. */
export function ended(text) {
  return !text || /[.!?]$/.test(text) ? text : `${text}.`;
}
