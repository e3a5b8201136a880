"""Orders and payments, joined by order id, whichever comes first.

Once both are there it says ``order.paid``, with the payment in a header; where the payment is not there in time,
``order.unpaid``. What can't be used goes to ``orders.refused``, with the reason in a header. The key of an input is the
order id; what its value says is nobody's business here.

Rows (first byte of the key, then the order id): ``O`` the order, ``P`` its payment, ``D`` what was said of it: facts,
never changed or deleted. ``W`` (time, order id) an order that waits; a row too many is passed over.
"""

import struct

from app.engine.keyed.changes import KeyedChanges
from app.engine.keyed.inputs import Input
from app.engine.keyed.processor import KeyedPartition, KeyedProcessor, keyed_topology
from app.engine.ports import TopicNames, Topology
from app.settings import Settings

ORDERS, PAYMENTS = INPUTS = ("orders", "payments")
PAID, UNPAID, REFUSED = OUTPUTS = ("order.paid", "order.unpaid", "orders.refused")
TABLES = {ORDERS: b"O", PAYMENTS: b"P"}
_TIME = struct.Struct(">Q")


class Join(KeyedProcessor):
    """The orders of one partition of the log. ``patience`` is in ms of log time."""

    def __init__(self, partition: KeyedPartition, patience: int) -> None:
        super().__init__(partition)
        self.patience = patience

    def on_input(self, given: Input, changes: KeyedChanges) -> None:
        """Keep it, and answer the order where it is the second of the two."""
        order_id = given.key
        if order_id is None:
            return changes.refuse(given, "no order id")
        row = TABLES[given.topic] + order_id
        answer = changes.get(b"D" + order_id)
        if answer == b"unpaid" and changes.get(row) is None:
            return changes.refuse(given, "late")
        if not changes.keep(row, given):
            return changes.refuse(given, "duplicate")
        order, payment = changes.fact(b"O" + order_id), changes.fact(b"P" + order_id)
        if order is None or answer is not None:
            return None
        waiting = b"W" + _TIME.pack(order.time) + order_id
        if payment is None:
            changes.rows[waiting] = b""
        else:
            changes.emit(PAID, order_id, order.value, payment=payment.value)
            changes.rows |= {b"D" + order_id: b"paid", waiting: None}
        return None

    def on_tick(self, now: int, changes: KeyedChanges) -> None:
        """Give up the orders that have waited long enough."""
        for waiting, _ in self.store.scan(b"W"):
            if _TIME.unpack(waiting[1:9])[0] + self.patience > now:
                return
            order_id = waiting[9:]
            order = changes.fact(b"O" + order_id)
            if order is not None and changes.get(b"D" + order_id) is None:
                changes.emit(UNPAID, order_id, order.value)
                changes.rows[b"D" + order_id] = b"unpaid"
            changes.rows[waiting] = None

    def next_deadline(self) -> int | None:
        """The deadline of the order that has waited longest."""
        return next((_TIME.unpack(key[1:9])[0] + self.patience for key, _ in self.store.scan(b"W")), None)


def topology(settings: Settings, patience_seconds: float = 86_400) -> Topology[Join]:
    """The job, as the engine is handed it."""
    patience = round(patience_seconds * 1000)
    return keyed_topology(settings, TopicNames(INPUTS, OUTPUTS, REFUSED), lambda partition: Join(partition, patience))
