"""A worker of the job: ``faust -A tests.second_job.app worker``. Its settings are those of every worker.

``ROLLCALL_READINESS_TIMEOUT_SECONDS`` is how long an order waits for its payment.
"""

from app import startup
from app.engine.worker import create_worker_app
from tests.second_job.orders_and_payments import topology

settings = startup.settings()
app = create_worker_app(settings, topology(settings, settings.readiness_timeout_seconds))
