"""``python -m app.asyncapi``: the document on standard output, as it is checked in."""

import logging
import sys

import structlog

from app.asyncapi.text import text

# The story of the examples has a dead letter and late batches, which a worker would report.
structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
sys.stdout.write(text())
