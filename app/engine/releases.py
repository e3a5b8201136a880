"""Several releases in one group: what is said where one of them can't read what another one has written."""

from collections.abc import Collection

from app.errors import NewerFormatError


def told(error: BaseException, ours: str, others: Collection[str], group: str) -> BaseException:
    """An error with both releases and the remedy in it, where it is that this one can't read what a newer one wrote.

    ``others``: the releases in the group, this one may be among them. Any other error comes back as it is.
    """
    if not isinstance(error, NewerFormatError):
        return error
    beside = " and ".join(sorted(set(others) - {ours}))
    if not beside:
        return type(error)(f"{error}. This is release {ours}")
    return type(error)(
        f"release {ours} can't be in one group ({group}) with release {beside}: {error}. Stop the workers of release "
        f"{ours}, and start them again with release {beside}"
    )
