"""One broker with ACLs, limits on groups, and a login for each case; and one case's settings."""

import asyncio
from collections.abc import Iterator
from typing import Final, NamedTuple

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import CreateAclsRequest

from demo.kafka import EmbeddedKafka, free_port
from tests.support.brokers import Broker

PASSWORD = "correct-horse-battery"  # noqa: S105 - made for this test

#: Kafka's codes (org.apache.kafka.common.resource.ResourceType, acl.AclOperation, acl.AclPermissionType).
RESOURCES: Final = {"Topic": 2, "Group": 3, "Cluster": 4, "TransactionalId": 5}
OPERATIONS: Final = {"All": 2, "Read": 3, "Write": 4, "Create": 5, "Describe": 8, "IdempotentWrite": 12}
LITERAL, DENY, ALLOW = 3, 2, 3
CLUSTER = "kafka-cluster"

#: The broker's limits: below the defaults, so that a test need not fill a group.
MAX_SESSION_SECONDS, MAX_GROUP = 20, 2
USERS = tuple(f"user-{number}" for number in range(24))


class Guarded(NamedTuple):
    """A broker that asks its ACLs about everybody who logs in, and lets its plain listener do everything."""

    kafka: EmbeddedKafka
    login: str

    def settings(self, user: str, **more: str) -> dict[str, str]:
        """Settings of a worker that logs in as a user."""
        return {
            "ROLLCALL_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
            "ROLLCALL_SASL_MECHANISM": "PLAIN",
            "ROLLCALL_SASL_USERNAME": user,
            "ROLLCALL_SASL_PASSWORD": PASSWORD,
        } | more

    def acl(self, user: str, permission: int, *rules: tuple[str, str, str]) -> None:
        """Add ACLs for a user: operation, resource, name."""
        asyncio.run(self._acl(user, permission, rules))

    async def _acl(self, user: str, permission: int, rules: tuple[tuple[str, str, str], ...]) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka.bootstrap)
        await admin.start()
        try:
            for operation, resource, name in rules:
                request = CreateAclsRequest(
                    RESOURCES[resource], name, LITERAL, f"User:{user}", "*", OPERATIONS[operation], permission
                )
                answer = await admin._send_request(request)
                assert [code for code, _ in answer.creation_responses] == [0], answer
        finally:
            await admin.close()

    def allow_all(self, user: str) -> None:
        """Let a user do what a worker does, by wildcards; a denial then stands above it."""
        self.acl(user, ALLOW, *(("All", resource, "*") for resource in ("Topic", "Group", "TransactionalId")))

    def deny(self, user: str, *rules: tuple[str, str, str]) -> None:
        """Deny a user some operations."""
        self.acl(user, DENY, *rules)


@pytest.fixture(scope="package")
def guarded() -> Iterator[Guarded]:
    """The broker."""
    port = free_port()
    users = " ".join(f'user_{user}="{PASSWORD}"' for user in USERS)
    config = {
        "listeners": f"LOGIN://127.0.0.1:{port}",
        "listener.security.protocol.map": "LOGIN:SASL_PLAINTEXT",
        "listener.name.login.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.login.plain.sasl.jaas.config": (
            f"org.apache.kafka.common.security.plain.PlainLoginModule required {users};"
        ),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
        "group.max.session.timeout.ms": str(MAX_SESSION_SECONDS * 1000),
        "group.max.size": str(MAX_GROUP),
    }
    with Broker(config) as kafka:
        yield Guarded(kafka, f"127.0.0.1:{port}")
