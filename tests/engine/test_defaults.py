"""Defaults of Faust and of RocksDB that would hurt (traps 8 and 9) are set on purpose. No broker is needed."""

import json
import re
import subprocess
import sys
from pathlib import Path

from app.engine.state.store import Store
from tests.support.patience import PATIENCE
from tests.support.worker import ROOT, Worker

SHOW = """
import json
from app import app
c = app.conf
found = {"tables": len(app.tables), "agents": len(app.agents), "pages": len(app.web.blueprints._enabled)}
print(json.dumps({name: getattr(c, name) for name in %r} | found))
"""
CHOSEN = {
    "table_standby_replicas": 0,
    "topic_partitions": 7,
    "topic_replication_factor": 2,
    "topic_allow_declare": False,
    "topic_disable_leader": True,
    "web_tables_enabled": False,
    "web_router_enabled": False,
    "web_graph_enabled": False,
    "web_host": "127.0.0.1",
    "web_bind": "127.0.0.1",
    "autodiscover": False,
}


def test_every_default_of_faust_that_would_hurt_is_set_on_purpose(tmp_path: Path) -> None:
    settings = {"ROLLCALL_PARTITIONS": "7", "ROLLCALL_REPLICATION_FACTOR": "2"}
    environment = Worker("127.0.0.1:9", tmp_path, settings=settings).env
    command = [sys.executable, "-c", SHOW % list(CHOSEN)]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True, timeout=PATIENCE
    )
    assert json.loads(done.stdout) == CHOSEN | {"tables": 0, "agents": 0, "pages": 0}


def test_a_local_database_has_its_cache_and_its_filters_each_time_it_is_opened(tmp_path: Path) -> None:
    """RocksDB writes down what it opened with; a second opening is what every restart and rebalance does."""
    store = Store(tmp_path / "partition")
    for _ in range(2):
        store.open()
        store.close()
        used = (tmp_path / "partition" / "LOG").read_text()
        assert re.findall(r"^ +capacity : (\d+)", used, re.MULTILINE) == [str(16 * 1024 * 1024)]
        assert re.findall(r"filter_policy: (\S+)", used) == ["bloomfilter"]
        assert re.findall(r"Options\.write_buffer_size: (\d+)", used) == [str(16 * 1024 * 1024)]
        assert re.findall(r"Options\.max_write_buffer_number: (\d+)", used) == ["2"]
