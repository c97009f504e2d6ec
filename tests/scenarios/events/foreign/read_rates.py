"""Reads rates with only the address and the key. Learns the schema by server reflection.

Shares no code and no schema with the project; needs python3-grpcio and python3-protobuf. Usage:

    read_rates.py HOST:PORT API_KEY {v1|v1alpha} [SYMBOL...]

Writes one line of JSON: the services, whether the server is healthy, and the answer of GetRates.
"""

import json
import sys

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

TIMEOUT_SECONDS = 10


def varint(number):
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def bytes_field(number, value):
    return varint(number << 3 | 2) + varint(len(value)) + value


def fields(encoded):
    """Returns the fields of an encoded message as (number, value)."""
    position = 0

    def read_varint():
        nonlocal position
        value = shift = 0
        while True:
            byte = encoded[position]
            position += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while position < len(encoded):
        key = read_varint()
        if key & 7 == 0:
            yield key >> 3, read_varint()
        elif key & 7 == 2:
            length = read_varint()
            yield key >> 3, encoded[position : position + length]
            position += length
        else:
            raise ValueError(f"wire type {key & 7}")


def only(encoded, number):
    return next(value for each, value in fields(encoded) if each == number)


def raw(value):
    return value


# Numbers of ServerReflectionRequest and ServerReflectionResponse: reflection.proto of gRPC.
FILE_CONTAINING_SYMBOL, LIST_SERVICES = 4, 7
FILE_DESCRIPTOR_RESPONSE, LIST_SERVICES_RESPONSE = 4, 6


def reflect(channel, version, request):
    call = channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=raw,
        response_deserializer=raw,
    )
    return next(call(iter([request]), timeout=TIMEOUT_SECONDS))


def list_services(channel, version):
    answer = only(reflect(channel, version, bytes_field(LIST_SERVICES, b"")), LIST_SERVICES_RESPONSE)
    return sorted(only(service, 1).decode() for _, service in fields(answer))


def find_method(channel, version, pool, service, method):
    """Returns the request and response classes of the method."""
    answer = reflect(channel, version, bytes_field(FILE_CONTAINING_SYMBOL, service.encode()))
    files = [
        descriptor_pb2.FileDescriptorProto.FromString(encoded)
        for _, encoded in fields(only(answer, FILE_DESCRIPTOR_RESPONSE))
    ]
    for file in reversed(files):
        pool.AddSerializedFile(file.SerializeToString())
    found = pool.FindServiceByName(service).methods_by_name[method]
    factory = message_factory.MessageFactory(pool)
    return factory.GetPrototype(found.input_type), factory.GetPrototype(found.output_type)


def call(channel, version, pool, service, method, metadata=(), **arguments):
    request, response = find_method(channel, version, pool, service, method)
    invoke = channel.unary_unary(
        f"/{service}/{method}",
        request_serializer=request.SerializeToString,
        response_deserializer=response.FromString,
    )
    answer = invoke(request(**arguments), timeout=TIMEOUT_SECONDS, metadata=metadata)
    return json_format.MessageToDict(answer, preserving_proto_field_name=True)


def main(address, key, version, symbols):
    pool = descriptor_pool.DescriptorPool()
    with grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)]) as channel:
        print(
            json.dumps(
                {
                    "services": list_services(channel, version),
                    "health": call(channel, version, pool, "grpc.health.v1.Health", "Check"),
                    "rates": call(
                        channel,
                        version,
                        pool,
                        "casino.rates.v1.RatesService",
                        "GetRates",
                        metadata=(("x-api-key", key),),
                        base="EUR",
                        symbols=symbols,
                    ),
                }
            )
        )


if __name__ == "__main__":
    try:
        main(*sys.argv[1:4], sys.argv[4:])
    except grpc.RpcError as error:
        sys.exit(f"{error.code().name}: {error.details()}")
