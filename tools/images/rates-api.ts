/** What rates-api needs of npm, so that its image has that in a layer of its own: no source changes it. */
import "@grpc/grpc-js";
import "@logtape/logtape";
import "@opentelemetry/api";
import "amqplib";
import "long";
import "protobufjs";
import "protobufjs/minimal.js";
