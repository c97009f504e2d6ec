/** What subscriber needs of npm, so that its image has that in a layer of its own: no source changes it. */
import "@grpc/grpc-js";
import "@logtape/logtape";
import "@opentelemetry/api";
import "amqplib";
import "hono";
import "hono/secure-headers";
import "hono/streaming";
import "ioredis";
import "long";
// @ts-types="@types/pg"
import "pg";
import "prom-client";
import "protobufjs";
import "protobufjs/minimal.js";
import "uplot/dist/uPlot.iife.min.js" with { type: "text" };
import "uplot/dist/uPlot.min.css" with { type: "text" };
