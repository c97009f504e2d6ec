/** What tools needs of npm, so that its image has that in a layer of its own: no source changes it. */
import "@logtape/logtape";
import "amqplib";
import "ioredis";
import "long";
// @ts-types="@types/pg"
import "pg";
import "protobufjs";
import "protobufjs/minimal.js";
