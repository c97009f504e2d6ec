"""Publishes four events to an exchange with pika. Builds their schema by hand, and shares no file with the project.

usage: publish_events.py AMQP_URL EXCHANGE with-id|without-id
"""

import sys
import uuid

import pika
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2

FIELDS = [
    ("id", 1, "TYPE_INT64"),
    ("player_id", 2, "TYPE_INT64"),
    ("game_id", 3, "TYPE_INT64"),
    ("type", 4, "TYPE_INT32"),  # An enum, on the wire.
    ("amount", 5, "TYPE_INT64"),
    ("currency", 6, "TYPE_STRING"),
    ("has_won", 7, "TYPE_BOOL"),
]


def event_class():
    pool = descriptor_pool.DescriptorPool()
    timestamp = descriptor_pb2.FileDescriptorProto()
    timestamp_pb2.DESCRIPTOR.CopyToProto(timestamp)
    pool.Add(timestamp)
    schema = descriptor_pb2.FileDescriptorProto(
        name="foreign.proto", package="foreign", syntax="proto3", dependency=["google/protobuf/timestamp.proto"]
    )
    message = schema.message_type.add(name="Event")
    for name, number, kind in FIELDS:
        message.field.add(
            name=name, number=number, type=getattr(descriptor_pb2.FieldDescriptorProto, kind), label=1
        )
    message.field.add(name="created_at", number=8, type=11, label=1, type_name=".google.protobuf.Timestamp")
    pool.Add(schema)
    descriptor = pool.FindMessageTypeByName("foreign.Event")
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(descriptor)
    return message_factory.MessageFactory(pool).GetPrototype(descriptor)


def main():
    url, exchange, ids = sys.argv[1:]
    Event = event_class()
    events = [
        Event(id=1, player_id=10, game_id=100, type=1),
        Event(id=9007199254740993, player_id=11, game_id=101, type=2, amount=500, currency="USD", has_won=True),
        Event(id=3, player_id=12, type=3, amount=10000, currency="EUR"),
        Event(id=4, player_id=13, game_id=102, type=4),
    ]
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    channel.confirm_delivery()
    for number, event in enumerate(events):
        event.created_at.FromJsonString("2022-02-02T23:45:00.250Z")
        properties = pika.BasicProperties(delivery_mode=2)
        if ids == "with-id":
            properties.message_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"event-{number}"))
        channel.basic_publish(exchange, "any.key", event.SerializeToString(), properties, mandatory=True)
    connection.close()


main()
