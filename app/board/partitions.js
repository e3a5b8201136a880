// Workers and partitions: who answers for what.

import { fill, h, say } from "./dom.js";
import { table } from "./parts.js";
import { many, names, number } from "./words.js";

/** Who owns what, whether it is ready, and how far behind. */
export function showPartitions(fold, now) {
  const key = JSON.stringify([now.workers, now.partitions, now.inputs]);
  if (fold.dataset.key === key) return;
  fold.dataset.key = key;
  const lag = now.partitions.reduce((total, one) => total + (one.lag ?? 0), 0);
  const behind = now.partitions.filter((one) => !one.ready).map((one) => one.partition);
  const inputs = (now.inputs ?? []).reduce((total, one) => total + (one.lag ?? 0), 0);
  const state = behind.length ? `partition ${names(behind.map(String), 8)} not ready` : "all ready";
  say(
    fold.firstElementChild,
    `${many(now.workers.length, "worker")}, ${many(now.partitions.length, "partition")}: ${state}. Lag ${number(lag)} in the log, ${number(inputs)} in the inputs.`,
  );
  const cells = now.partitions.map((one) => [
    String(one.partition),
    one.owner ?? "nobody known",
    one.ready ? "ready" : "not ready",
    number(one.lag),
  ]);
  const workers = now.workers.map((one) => [
    one.this ? `${one.url} (this one)` : one.url,
    one.reachable ? (one.ready ? "ready" : "not ready") : "does not answer",
    one.partitions.join(", ") || "none",
  ]);
  const read = (now.inputs ?? []).map((one) => [one.topic, String(one.partition), number(one.lag)]);
  fill(
    fold.lastElementChild,
    h("h2.small", {}, "Partitions of the log"),
    table("Partitions of the log", ["Partition", "Owner", "Ready", "Lag"], cells),
    h("h2.small", {}, "Workers"),
    table("Workers", ["Worker", "State", "Partitions"], workers),
    read.length ? [h("h2.small", {}, "Inputs"), table("Inputs", ["Topic", "Partition", "Lag"], read)] : null,
  );
}
