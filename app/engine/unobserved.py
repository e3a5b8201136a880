"""The :class:`~app.engine.ports.Observer` of who counts nothing."""


class Unobserved:
    """Does nothing with whatever it is told."""

    def polled(self, seconds: float) -> None:
        """Nothing."""

    def rekeyed(self, records: int) -> None:
        """Nothing."""

    def processed(self, records: int, process_seconds: float, publish_seconds: float) -> None:
        """Nothing."""

    def commit_attempted(self, seconds: float, *, taken: bool) -> None:
        """Nothing."""

    def committed(self, partitions: int) -> None:
        """Nothing."""

    def transaction_aborted(self) -> None:
        """Nothing."""

    def taken_over(self, seconds: float) -> None:
        """Nothing."""

    def input_gap(self, topic: str, missed: int) -> None:
        """Nothing."""


UNOBSERVED = Unobserved()
