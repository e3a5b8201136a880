"""A worker of the job: ``faust -A tests.second_job.app worker``. Its settings are those of every worker."""

from app import startup
from app.engine.worker import create_worker_app
from tests.second_job.orders_and_payments import topology

settings = startup.settings()
app = create_worker_app(settings, topology(settings))
