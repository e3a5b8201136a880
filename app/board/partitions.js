// Workers and partitions: who answers for what, who restores, and how far behind each is.

import { hourPart } from "./chart.js";
import { fill, h, mark, say } from "./dom.js";
import { missingNote, table, time } from "./parts.js";
import { many, names, number } from "./words.js";

/** How all is, in a sentence. */
function sentence(now) {
  const lag = now.partitions.reduce((total, one) => total + (one.lag ?? 0), 0);
  const behind = now.partitions.filter((one) => !one.ready).map((one) => one.partition);
  const inputs = (now.inputs ?? []).reduce((total, one) => total + (one.lag ?? 0), 0);
  const state = behind.length ? `partition ${names(behind.map(String), 8)} not ready` : "all ready";
  return `${many(now.workers.length, "worker")}, ${many(now.partitions.length, "partition")}: ${state}. Lag ${number(lag)} in the log, ${number(inputs)} in the inputs.`;
}

function stateOf(worker) {
  if (!worker.reachable) return "does not answer";
  if (worker.restore_left) return `restores, ${many(worker.restore_left, "record")} left`;
  return worker.ready ? "ready" : "not ready";
}

/** The state of a partition, which is its owner's where it is not ready. */
function partitionState(one, owners) {
  if (one.ready) return "ready";
  const owner = owners.get(one.owner);
  return owner ? (owner.ready ? "not ready" : stateOf(owner)) : "nobody answers for it";
}

/** Which workers keep a copy of a partition: one of them is the next owner. */
function standbysOf(partition, workers) {
  const urls = workers.filter((one) => one.standbys?.includes(partition.partition)).map((one) => one.url);
  return urls.join(", ") || "none";
}

/** Where a partition of the log begins, of which the first records may be gone. */
function beginOf(partition) {
  if (partition.begins_at == null) return "–";
  if (!partition.begins_at) return "at offset 0: all is there";
  const since = partition.begins_time && [", ", time(partition.begins_time)];
  return h("span.begins", {}, "at offset ", h("span.num", {}, number(partition.begins_at)), since);
}

function tables(now) {
  // With no copies kept anywhere, there is no column for them; nor is there one for where the log begins, if it is whole.
  const kept = now.workers.some((one) => one.standbys?.length);
  const late = now.partitions.some((one) => one.begins_at);
  const owners = new Map(now.workers.map((one) => [one.url, one]));
  const cells = now.partitions.map((one) => [
    String(one.partition),
    one.owner ?? "nobody known",
    partitionState(one, owners),
    ...(kept ? [standbysOf(one, now.workers)] : []),
    ...(late ? [beginOf(one)] : []),
    number(one.lag),
  ]);
  const headings = ["Partition", "Owner", "State", ...(kept ? ["Standby"] : []), ...(late ? ["Begins"] : []), "Lag"];
  const workers = now.workers.map((one) => [
    one.this ? `${one.url} (this one)` : one.url,
    stateOf(one),
    one.partitions.join(", ") || "none",
  ]);
  const read = (now.inputs ?? []).map((one) => [one.topic, String(one.partition), number(one.lag)]);
  return [
    h("h2.small", {}, "Partitions of the log"),
    table("Partitions of the log", headings, cells),
    late
      ? h("p.hint", {}, "What was before a partition begins went with the log's retention. Of batches with records there, timelines show what the state says.")
      : null,
    h("h2.small", {}, "Workers"),
    table("Workers", ["Worker", "State", "Partitions"], workers),
    read.length ? [h("h2.small", {}, "Inputs"), table("Inputs", ["Topic", "Partition", "Lag"], read)] : null,
  ];
}

/** Show it in a node, if it has changed. */
function show(node, now) {
  const key = JSON.stringify([now.workers, now.partitions, now.inputs]);
  if (node.dataset.key === key) return;
  node.dataset.key = key;
  fill(node, tables(now));
}

/** The fold on the front page: the sentence, and below it what it sums up. */
export function showPartitions(fold, now) {
  say(fold.firstElementChild, sentence(now));
  show(fold.lastElementChild, now);
}

/** The page of its own. */
export function partitionsView(root) {
  const told = h("p.sub", {}, "Looking …");
  const warning = h("div");
  const body = h("div.partitions");
  const hour = hourPart();
  fill(
    root,
    h("section", { "aria-label": "Workers and partitions" }, h("h1", { tabindex: "-1" }, "Workers and partitions"), told, warning, hour.node, body),
  );
  return {
    title: "Workers and partitions",
    onOverview(now) {
      say(told, sentence(now));
      fill(warning, missingNote(now.missing, "counts and lists lack their batches"));
      show(body, now);
      mark(root, "aria-busy", "false");
    },
    stop: hour.stop,
  };
}
