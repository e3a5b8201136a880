"""What is left of the worker that had this data directory before: its place in the group.

A process that was killed has not left its group. The group misses it only when its session is over; until then nobody
gets its partitions, and a transaction that it had open holds up every reader of committed records. A worker that starts
in the same directory knows better: the lock on the file is the kernel's, and is gone with the process. So it says
LeaveGroup for the member that is noted there, just before it joins itself.

It is safe: a paused process keeps its lock, and for the group this is no other than the end of a session. Static
members (``ROLLCALL_INSTANCE_ID``) are not noted: to be back within the session is what they are for.
"""

import asyncio
import contextlib
import fcntl
import os
from pathlib import Path

from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.errors import KafkaError
from aiokafka.protocol.group import LeaveGroupRequest

from app.engine.kafka.clients import connection
from app.lazy_log import Logger
from app.settings import Settings

log = Logger(__name__)

#: Seconds that all of it may take. After them the session's end is waited for, as without.
_PATIENCE = 5.0

#: Bytes of a member's id: the client's name and a UUID.
_MOST = 1024


class Predecessor:
    """Notes which member of the group this process is, and leaves for the one of before. Nothing of it ever raises."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._file: int | None = None

    @property
    def path(self) -> Path:
        """Where it is noted: the member's id and a line feed."""
        return Path(self._settings.datadir) / self._settings.app_id / "member"

    async def leave(self) -> None:
        """Say LeaveGroup for the process that had the directory, if it has noted who it was and is gone."""
        member = self._taken()
        if not member:
            return
        try:
            async with asyncio.timeout(_PATIENCE):
                code = await self._leave(member)
        except (KafkaError, OSError, TimeoutError) as error:
            log.debug("the member of before can't be taken out of the group", member=member, error=str(error))
            return
        if not code:
            log.info("a worker that was killed in this directory has been taken out of its group", member=member)

    def note(self, member: str) -> None:
        """Note which member this process is by now."""
        if self._file is None:
            return
        # One write, which a kill can't cut: what is behind the line feed may be left of a longer one.
        with contextlib.suppress(OSError):
            os.pwrite(self._file, member.encode() + b"\n", 0)

    def close(self) -> None:
        """Give the file up: the end of the process does it otherwise."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _taken(self) -> str:
        """Take the file, and return what is in it; nothing where it can't be had, or is not to be used."""
        if self._settings.instance_id:
            return ""
        try:
            file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError:
            return ""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            member, end, _ = os.pread(file, _MOST, 0).partition(b"\n")
        except OSError:  # another process has it, or the file system knows no locks: then nobody is known to be gone
            os.close(file)
            return ""
        self._file = file
        return member.decode("utf-8", "replace") if end else ""

    async def _leave(self, member: str) -> int:
        client = AIOKafkaClient(**connection(self._settings))
        await client.bootstrap()
        try:
            node = await client.coordinator_lookup(CoordinationType.GROUP, self._settings.app_id)
            await client.ready(node)
            answer = await client.send(node, LeaveGroupRequest(self._settings.app_id, member))
            return int(answer.error_code)
        finally:
            await client.close()
