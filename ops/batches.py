"""The panels of "Rollcall: batches": is every batch on its way, and if not, how many, and of what kind."""

from ops.panels import JOB, Panel, Query, Row

UPLOAD_TO_READY = "rollcall_ready_after_last_upload_seconds"
REGISTRATION_TO_READY = "rollcall_ready_after_registration_seconds"


def _quantile(share: float, metric: str) -> str:
    return f"histogram_quantile({share}, sum by (le) (rate({metric}_bucket{{{JOB}}}[$__rate_interval])))"


def _figure(title: str, text: str, expression: str, *, unit: str = "short", alarm: float | None = None) -> Panel:
    return Panel(title, text, [Query(expression)], unit=unit, kind="figure", alarm=alarm, width=4, height=4)


NOW = Row(
    "Now",
    [
        _figure(
            "Stuck batches",
            "Incomplete for longer than ROLLCALL_STUCK_AFTER_SECONDS (5 minutes). The board names them and says why.",
            f"sum(rollcall_stuck_batches{{{JOB}}})",
            alarm=1,
        ),
        _figure(
            "Open batches",
            "Registered, and at least one slot has no outcome yet.",
            f'sum(rollcall_batches{{{JOB},state="open"}})',
        ),
        _figure(
            "Batches without registration",
            "Uploads have come for them, their registration has not.",
            f'sum(rollcall_batches{{{JOB},state="unregistered"}})',
        ),
        _figure(
            "Pending uploads",
            "Uploads that are held until their registration comes, or until they expire.",
            f"sum(rollcall_pending_uploads{{{JOB}}})",
        ),
        _figure(
            "Oldest pending upload",
            "How long the upload that has waited longest has waited for its registration.",
            f"max(rollcall_oldest_pending_age_seconds{{{JOB}}})",
            unit="s",
            alarm=3600,
        ),
        _figure(
            "Dead letters in 24 h",
            "Inputs that could not be used. Each is kept, with its bytes and the reason: faust -A app dlq list.",
            f"sum(increase(rollcall_dead_letters_total{{{JOB}}}[24h]))",
            alarm=1,
        ),
    ],
)

PROGRESS = Row(
    "Batches",
    [
        Panel(
            "Batches by state",
            "All batches that are known. Open and unregistered ones are on their way.",
            [Query(f"sum by (state) (rollcall_batches{{{JOB}}})", "{{state}}")],
        ),
        Panel(
            "Stuck batches and pending uploads",
            "What waits. A number of stuck batches that grows is a service that has stopped sending.",
            [
                Query(f"sum(rollcall_stuck_batches{{{JOB}}})", "stuck batches"),
                Query(f"sum(rollcall_pending_uploads{{{JOB}}})", "pending uploads"),
            ],
        ),
        Panel(
            "Last upload to Ready",
            "From the latest event time in a batch to the publication of its Ready. The relays' delays are in it.",
            [
                Query(_quantile(0.5, UPLOAD_TO_READY), "median"),
                Query(_quantile(0.95, UPLOAD_TO_READY), "95%"),
                Query(_quantile(0.99, UPLOAD_TO_READY), "99%"),
            ],
            unit="s",
        ),
        Panel(
            "Registration to Ready",
            "How long batches take as a whole, which is mostly how long teachers take.",
            [
                Query(_quantile(0.5, REGISTRATION_TO_READY), "median"),
                Query(_quantile(0.95, REGISTRATION_TO_READY), "95%"),
            ],
            unit="s",
        ),
        Panel(
            "Batches that became ready",
            "Batches for which a Ready was published, a second.",
            [Query(f"sum(rate({REGISTRATION_TO_READY}_count{{{JOB}}}[$__rate_interval]))", "ready")],
            unit="ops",
        ),
        Panel(
            "Late and given up",
            "Batches that missed their deadline; pending uploads that expired, or that an operator discarded.",
            [
                Query(
                    f'sum(increase(rollcall_outputs_total{{{JOB},topic=~".*timeout.*"}}[$__rate_interval]))',
                    "batches late",
                ),
                Query(
                    f"sum by (reason) (increase(rollcall_given_up_uploads_total{{{JOB}}}[$__rate_interval]))",
                    "uploads: {{reason}}",
                ),
            ],
        ),
    ],
)

EVENTS = Row(
    "Events",
    [
        Panel(
            "Events in, by type and outcome",
            "Records of the log, a second. held: came before the registration; excess: no slot was left; "
            "repeated: known already; skipped: read twice after a crash.",
            [
                Query(
                    f"sum by (topic, outcome) (rate(rollcall_records_total{{{JOB}}}[$__rate_interval]))",
                    "{{outcome}} {{topic}}",
                )
            ],
            unit="ops",
            stacked=True,
        ),
        Panel(
            "Events out, by type",
            "Events published, a second.",
            [Query(f"sum by (topic) (rate(rollcall_outputs_total{{{JOB}}}[$__rate_interval]))", "{{topic}}")],
            unit="ops",
            stacked=True,
        ),
        Panel(
            "Dead letters by reason",
            "Inputs that could not be used.",
            [
                Query(
                    f"sum by (reason) (increase(rollcall_dead_letters_total{{{JOB}}}[$__rate_interval]))", "{{reason}}"
                )
            ],
            stacked=True,
        ),
        Panel(
            "Gaps in the inputs",
            "Partitions that could not be read on from where they were: records were deleted unread, or the topic was "
            "made again. And how many offsets were missed.",
            [
                Query(f"sum by (topic, cause) (rollcall_input_gaps_total{{{JOB}}})", "{{topic}} {{cause}}"),
                Query(f"sum by (topic) (rollcall_missed_input_offsets_total{{{JOB}}})", "{{topic}} missed"),
            ],
        ),
        Panel(
            "Registrations that contradict themselves",
            "expected_essay_count is not the number of essay_ids. The slots count; the sender has a bug.",
            [
                Query(
                    f"sum(increase(rollcall_registration_count_mismatches_total{{{JOB}}}[$__rate_interval]))",
                    "mismatches",
                )
            ],
        ),
    ],
)

RETENTION = Row(
    "Retention",
    [
        Panel(
            "Batches that are retired",
            "Closed batches of which only a receipt is kept from then on, and receipts that went, a second.",
            [
                Query(f"sum(rate(rollcall_batches_retired_total{{{JOB}}}[$__rate_interval]))", "retired"),
                Query(f"sum(rate(rollcall_receipts_forgotten_total{{{JOB}}}[$__rate_interval]))", "receipts gone"),
            ],
            unit="ops",
        ),
        Panel(
            "Receipts",
            "Batches that were retired, of which a receipt is kept.",
            [Query(f"sum(rollcall_receipts{{{JOB}}})", "receipts")],
        ),
        Panel(
            "Oldest closed batch",
            "How long the batch that is retired next has rested. It stays at ROLLCALL_BATCH_RETENTION_SECONDS.",
            [Query(f"max(rollcall_oldest_closed_age_seconds{{{JOB}}})", "oldest")],
            unit="s",
        ),
        Panel(
            "Where the log begins",
            "The first offset that the broker still had when the partition was taken over.",
            [Query(f"max by (partition) (rollcall_log_begin_offset{{{JOB}}})", "partition {{partition}}")],
        ),
    ],
)

ROWS = (NOW, PROGRESS, EVENTS, RETENTION)
