"""The names of Faust and aiokafka that the overrides reach for, beside what they override."""

from typing import Any

import aiokafka
import faust
from aiohttp import web, web_response
from aiohttp.base_protocol import BaseProtocol
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.consumer.group_coordinator import CoordinatorGroupRebalance, GroupCoordinator
from aiokafka.consumer.subscription_state import Assignment, Subscription, SubscriptionState, TopicPartitionState
from aiokafka.producer.message_accumulator import MessageAccumulator
from aiokafka.producer.sender import Sender
from aiokafka.protocol import fetch
from faust.app.base import BootStrategy
from faust.assignor.partition_assignor import PartitionAssignor as FaustAssignor
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.transport import consumer as faust_consumer
from faust.transport.drivers import aiokafka as driver
from faust.web.drivers.aiohttp import Web as FaustWeb

# What the overrides call, beside what they override: owner and names. Read off app/engine/faust.
PRIVATE: dict[Any, tuple[str, ...]] = {
    driver.AIOKafkaConsumerThread: ("_ensure_consumer", "call_thread", "_create_worker_consumer"),
    driver.Consumer: (
        "_drain_messages",
        "_get_active_partitions",
        "_getmany",
        "_new_consumer_thread",
        "consumer_stopped_errors",
        "perform_seek",
        "seek_to_committed",
    ),
    driver.Transport: ("Consumer",),
    Recovery: ("on_recovery_completed", "_restart_recovery", "_slurp_changelogs"),
    TableManager: ("_update_channels", "on_start"),
    BootStrategy: ("_should_enable_web",),
    web_response: ("SERVER_SOFTWARE",),
    web.Server: ("connections",),
    faust.App: (
        "_new_transport",
        "_new_web",
        "_consumer_wait_empty",
        "BootStrategy",
        "on_first_start",
        "on_stop",
        "add_future",
    ),
    AIOKafkaClient: (
        "_metadata_update",
        "bootstrap",
        "coordinator_lookup",
        "force_metadata_update",
        "send",
        "set_topics",
    ),
    SubscriptionState: ("subscription",),
    Subscription: ("assignment",),
    Assignment: ("state_value", "tps"),
    TopicPartitionState: ("has_valid_position", "position"),
    fetch.FetchResponse_v1: ("API_KEY",),
    GroupCoordinator: (
        "check_errors",
        "fetch_committed_offsets",
        "request_rejoin",
        "_do_commit_offsets",
        "_do_rejoin_group",
        "_on_join_complete",
        "_on_join_prepare",
        "_send_req",
        "_start_heartbeat_task",
        "_lookup_assignor",
        "reset_generation",
    ),
    CoordinatorGroupRebalance: ("perform_group_join",),
    Sender: ("sender_task",),
    Fetcher: ("_notify", "_proc_fetch_request"),
    AIOKafkaAdminClient: ("_send_request", "describe_configs", "describe_topics", "list_topics", "create_topics"),
    aiokafka.AIOKafkaProducer: ("create_batch", "send_batch"),
    MessageAccumulator: ("create_builder",),
}

# Attributes that instances get in __init__, which no class shows: owner and the assignments that make them.
MADE: dict[Any, tuple[str, ...]] = {
    GroupCoordinator: (
        "_assignors",
        "_closing",
        "_coordination_task",
        "_group_subscription",
        "generation",
        "member_id",
    ),
    CoordinatorGroupRebalance: ("_coordinator",),
    Assignment: ("_topic_partitions", "_tp_state"),
    Fetcher: ("_fetch_task", "_fetch_waiters"),
    AIOKafkaClient: ("_sync_task", "_topics", "cluster"),
    MessageAccumulator: ("_cluster",),
    aiokafka.AIOKafkaConsumer: ("_client", "_closed", "_coordinator", "_fetcher", "_subscription"),
    TopicPartitionState: ("highwater", "lso"),
    aiokafka.AIOKafkaProducer: ("_closed", "_message_accumulator", "_metadata", "_sender"),
    faust_consumer.Consumer: ("can_resume_flow", "flow_active"),
    faust_consumer.ThreadDelegateConsumer: ("_thread",),
    Recovery: ("signal_recovery_start", "_generation_id"),
    TableManager: ("_recovery",),
    faust.App: ("consumer_generation_id",),
    FaustWeb: ("_runner", "web_app"),
    web.Server: ("_connections", "_kwargs", "_loop", "request_factory", "request_handler"),
    web.RequestHandler: (
        "_force_close",
        "_messages",
        "_request_in_progress",
        "_next_keepalive_close_time",
        "_current_request",
    ),
    BaseProtocol: ("transport",),
}

# What our classes add. None of these may be a name of Faust's: that would be an override nobody meant.
ADDED = {
    (driver.AIOKafkaConsumerThread, "_check"),
    (driver.AIOKafkaConsumerThread, "_commit_checked"),
    (driver.AIOKafkaConsumerThread, "_look_again"),
    (driver.AIOKafkaConsumerThread, "_begin_at_committed"),
    (driver.AIOKafkaConsumerThread, "_begin_fetch"),
    (driver.AIOKafkaConsumerThread, "_by_state"),
    (driver.AIOKafkaConsumerThread, "_hand_over"),
    (driver.AIOKafkaConsumerThread, "_seek_all"),
    (driver.AIOKafkaConsumerThread, "begin_at_committed"),
    (driver.AIOKafkaConsumerThread, "joining"),
    (driver.AIOKafkaConsumerThread, "member"),
    (driver.AIOKafkaConsumerThread, "_note_log_begins"),
    (driver.AIOKafkaConsumerThread, "note_log_begins"),
    (driver.AIOKafkaConsumerThread, "seek_all"),
    (driver.Consumer, "_commit_last"),
    (driver.Consumer, "begin"),
    (driver.Consumer, "let_go"),
    (FaustAssignor, "_assign_kept"),
    (Recovery, "_begin_unread"),
    (driver.AIOKafkaConsumerThread, "commit_checked"),
    (driver.AIOKafkaConsumerThread, "look_again"),
    (driver.AIOKafkaConsumerThread, "watched"),
    (driver.Consumer, "_commit_within"),
    (driver.AIOKafkaConsumerThread, "_go_on"),
    (driver.AIOKafkaConsumerThread, "go_on"),
    (driver.Consumer, "_out_of_range"),
    (driver.Consumer, "_fetched_of"),
    (driver.Consumer, "_poll"),
    (driver.Consumer, "_rewind"),
    (driver.Consumer, "engine"),
    (driver.Consumer, "reacquire"),
    (driver.Consumer, "thread"),
    (FaustWeb, "bound"),
    (web.RequestHandler, "_check_body"),
    (web.RequestHandler, "_check_sending"),
    (web.RequestHandler, "check"),
    (web.RequestHandler, "idle"),
    (web.RequestHandler, "idle_until"),
    (web.RequestHandler, "_hang_up"),
    (web.RequestHandler, "refuse"),
    (web.Server, "_sweep"),
    (web.Server, "make_room"),
    (web.Server, "note_unreadable"),
    (faust.App, "fail"),
    (faust.App, "fenced"),
    (faust.App, "look_again"),
    (faust.App, "note_log_begins"),
    (faust.App, "read_anew"),
    (faust.App, "trouble"),
    (faust.App, "watched_thread"),
}
