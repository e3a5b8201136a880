"""Who is measured: how each is prepared and started.

===============  ====================================================================================================
module           holds
===============  ====================================================================================================
``base``         what a contestant is
``rollcall``     Rollcall itself
``streams``      Kafka Streams in Java
``quix``         Quix Streams, in an environment of its own
``stock_faust``  Faust as it comes
``raw``          a consumer that only reads
===============  ====================================================================================================
"""

from bench.contestants.base import Contestant, Site, Unavailable
from bench.contestants.quix import Quix
from bench.contestants.raw import Raw
from bench.contestants.rollcall import Rollcall
from bench.contestants.stock_faust import StockFaust
from bench.contestants.streams import Streams

#: By name. The first of each kind that is compared is at least once.
ALL: dict[str, Contestant] = {
    contestant.name: contestant
    for contestant in (
        Rollcall("rollcall", "at_least_once"),
        Rollcall("rollcall-eos", "exactly_once"),
        Rollcall("rollcall-pure", "at_least_once", pure=True),
        Rollcall("rollcall-pure-eos", "exactly_once", pure=True),
        Streams("streams-batch", layout="batch"),
        Streams("streams-row", layout="row"),
        Streams("streams-batch-eos", layout="batch", guarantee="exactly_once_v2"),
        Streams("streams-row-eos", layout="row", guarantee="exactly_once_v2"),
        Streams("streams-batch-envelope", layout="batch", hop="envelope"),
        Quix(),
        StockFaust(),
        Raw(),
    )
}

__all__ = ["ALL", "Contestant", "Quix", "Raw", "Rollcall", "Site", "StockFaust", "Streams", "Unavailable"]
