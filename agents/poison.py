"""What stops a worker at a record: the error, and how it names the record."""


class PoisonError(Exception):
    """The fold failed on a record: a bug. Names the record, its batch, the cause and the way on."""
