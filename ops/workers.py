"""The panels of "Rollcall: workers": do they keep up, do they commit, and what do they cost."""

from ops.panels import GRID_WIDTH, JOB, Panel, Query, Row


def _rate(metric: str) -> str:
    return f"rate({metric}{{{JOB}}}[$__rate_interval])"


def _quantile(metric: str) -> str:
    return f"histogram_quantile(0.99, sum by (le, instance) ({_rate(f'{metric}_bucket')}))"


def _mean(metric: str) -> str:
    return f"sum by (instance) ({_rate(f'{metric}_sum')}) / sum by (instance) ({_rate(f'{metric}_count')})"


def _figure(title: str, text: str, expression: str, *, unit: str = "short", alarm: float | None = None) -> Panel:
    return Panel(title, text, [Query(expression)], unit=unit, kind="figure", alarm=alarm, width=4, height=4)


def _duration(title: str, text: str, metric: str) -> Panel:
    return Panel(
        title,
        text,
        [Query(_quantile(metric), "99% {{instance}}"), Query(_mean(metric), "mean {{instance}}")],
        unit="s",
        width=GRID_WIDTH // 4,
    )


NOW = Row(
    "Now",
    [
        _figure("Workers that answer", "Workers that Prometheus can scrape.", f"sum(up{{{JOB}}})"),
        _figure(
            "Workers that are ready",
            "They own their partitions and have restored them.",
            f"sum(rollcall_ready{{{JOB}}})",
        ),
        _figure(
            "Partitions without an owner",
            "Nobody works on them: what comes for their batches waits.",
            f"max(rollcall_configured_partitions{{{JOB}}}) - sum(rollcall_log_partitions{{{JOB}}})",
            alarm=1,
        ),
        _figure("Lag", "Records that wait to be worked off.", f"sum(rollcall_lag_records{{{JOB}}})", alarm=10_000),
        _figure(
            "Records left to restore",
            "Changelog records, an upper bound; 0 when nothing is being restored.",
            f"sum(rollcall_restore_records_left{{{JOB}}})",
        ),
        _figure("State on disk", "All local databases.", f"sum(rollcall_state_bytes{{{JOB}}})", unit="bytes"),
        Panel(
            "What runs",
            "Versions and settings of the workers.",
            [
                Query(
                    "group by (instance, version, python, app_id, processing_guarantee, runs) "
                    f"(rollcall_build_info{{{JOB}}})"
                )
            ],
            kind="table",
            width=GRID_WIDTH,
            height=5,
        ),
    ],
)

PACE = Row(
    "Pace",
    [
        Panel(
            "Lag by topic",
            "Records of the inputs and of the log that wait. It grows while workers are slower than what comes.",
            [Query(f"sum by (topic) (rollcall_lag_records{{{JOB}}})", "{{topic}}")],
        ),
        Panel(
            "Lag by partition of the log",
            "One partition alone: its worker is stuck, or a few large batches are all there.",
            [Query(f'max by (partition) (rollcall_lag_records{{{JOB},topic=~".*-log"}})', "partition {{partition}}")],
        ),
        Panel(
            "Records a second",
            "Folded: records of the log. Re-keyed: inputs that went into it.",
            [
                Query(f"sum by (instance) ({_rate('rollcall_records_total')})", "folded {{instance}}"),
                Query(f"sum by (instance) ({_rate('rollcall_rekeyed_records_total')})", "re-keyed {{instance}}"),
            ],
            unit="ops",
        ),
        Panel(
            "Records in a chunk",
            "The mean. Small chunks are a trickle; large ones mean that there is much to do.",
            [Query(_mean("rollcall_chunk_records"), "{{instance}}")],
        ),
        Panel(
            "Chunks begun a second",
            "Above ROLLCALL_CHUNKS_PER_SECOND small ones wait for their turn and gather more records.",
            [Query(f"sum by (instance) ({_rate('rollcall_chunks_begun_total')})", "{{instance}}")],
            unit="ops",
        ),
        Panel(
            "A chunk's wait for its turn",
            "The mean, 0.25 s at most. 0 while a worker has less to do than its turns, or chunks are full.",
            [
                Query(
                    f"sum by (instance) ({_rate('rollcall_chunk_wait_seconds_total')}) "
                    f"/ sum by (instance) ({_rate('rollcall_chunks_begun_total')})",
                    "{{instance}}",
                )
            ],
            unit="s",
        ),
        _duration(
            "Poll",
            "A poll of the consumer, the wait for records included: about 1 s when idle.",
            "rollcall_poll_seconds",
        ),
        _duration("Fold", "The rules, over a chunk. CPU time.", "rollcall_fold_seconds"),
        _duration(
            "Publish",
            "Outputs, changelog and (with exactly_once) the commit of a chunk, all acknowledged; and the local write.",
            "rollcall_publish_seconds",
        ),
        _duration("Commit", "A commit of offsets through the group.", "rollcall_commit_seconds"),
    ],
)

DELIVERY = Row(
    "Commits, transactions, restores",
    [
        Panel(
            "Offsets committed a minute",
            "By partition. A line at 0 with a lag is a partition that stands still.",
            [
                Query(
                    f"60 * sum by (topic, partition) (clamp_min(deriv(rollcall_committed_offset{{{JOB}}}"
                    "[$__rate_interval]), 0))",
                    "{{topic}} {{partition}}",
                )
            ],
        ),
        Panel(
            "Commits and transactions that failed",
            "A few with every rebalance. A steady stream is two workers at odds, or a broker in trouble.",
            [
                Query(
                    f"sum by (instance) (increase(rollcall_refused_commits_total{{{JOB}}}[$__rate_interval]))",
                    "commits {{instance}}",
                ),
                Query(
                    f"sum by (instance) (increase(rollcall_transaction_aborts_total{{{JOB}}}[$__rate_interval]))",
                    "transactions {{instance}}",
                ),
            ],
        ),
        Panel(
            "Restore",
            "Changelog records still to be read before the worker takes up its partitions.",
            [Query(f"rollcall_restore_records_left{{{JOB}}}", "{{instance}}")],
        ),
        Panel(
            "Takeovers",
            "How often partitions were taken over (rebalances), and how long it took until they were worked on.",
            [
                Query(
                    f"sum by (instance) (increase(rollcall_takeover_seconds_count{{{JOB}}}[$__rate_interval]))",
                    "takeovers {{instance}}",
                ),
                Query(
                    f"rollcall_takeover_seconds_sum{{{JOB}}} / rollcall_takeover_seconds_count{{{JOB}}}",
                    "seconds each {{instance}}",
                ),
            ],
        ),
    ],
)

COST = Row(
    "State and process",
    [
        Panel(
            "Cache hits",
            "Share of the batches that were looked up and found in the cache.",
            [
                Query(
                    f'sum by (instance) (rate(rollcall_cache_lookups_total{{{JOB},result="hit"}}[$__rate_interval]))'
                    f" / sum by (instance) ({_rate('rollcall_cache_lookups_total')})",
                    "{{instance}}",
                )
            ],
            unit="percentunit",
        ),
        Panel(
            "Cached batches",
            "Bounded by ROLLCALL_CACHE_UPLOADS.",
            [Query(f"rollcall_cached_batches{{{JOB}}}", "{{instance}}")],
        ),
        Panel(
            "State by partition",
            "The local database on disk. It grows with the batches: they are kept.",
            [Query(f"max by (partition) (rollcall_state_bytes{{{JOB}}})", "partition {{partition}}")],
            unit="bytes",
        ),
        Panel(
            "Rows by partition",
            "RocksDB's own estimate.",
            [Query(f"max by (partition) (rollcall_state_rows{{{JOB}}})", "partition {{partition}}")],
        ),
        Panel(
            "CPU",
            "Seconds of CPU time a second: a worker folds on one core.",
            [Query(_rate("process_cpu_seconds_total"), "{{instance}}")],
        ),
        Panel(
            "Memory",
            "Resident. The cache and 48 MiB a partition are most of it.",
            [Query(f"process_resident_memory_bytes{{{JOB}}}", "{{instance}}")],
            unit="bytes",
        ),
    ],
)

ROWS = (NOW, PACE, DELIVERY, COST)
