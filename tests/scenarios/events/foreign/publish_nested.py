"""Publishes one message whose headers are nested tables or arrays.

usage: publish_nested.py AMQP_URL EXCHANGE tables|arrays LEVELS BODY_IN_HEX

A frame of RabbitMQ holds 131,072 bytes: 21,800 tables of 6 bytes, or 26,100 arrays of 5.
"""

import sys

import pika

url, exchange, kind, levels, body = sys.argv[1:]
# pika also writes headers by recursion, with three calls per level.
sys.setrecursionlimit(200_000)
nested = {} if kind == "tables" else []
for _ in range(int(levels)):
    nested = {"": nested} if kind == "tables" else [nested]
properties = pika.BasicProperties(delivery_mode=2, headers={"": nested})
connection = pika.BlockingConnection(pika.URLParameters(url))
channel = connection.channel()
channel.confirm_delivery()
channel.basic_publish(exchange, "any.key", bytes.fromhex(body), properties, mandatory=True)
connection.close()
