/** Server reflection, v1 and v1alpha: https://github.com/grpc/grpc/blob/master/doc/server-reflection.md */
import { Buffer } from "node:buffer";
import { type Server, type ServerDuplexStream, status } from "@grpc/grpc-js";
import { type FileDescriptor, fileDescriptors } from "./generated/descriptors.ts";
import { grpc } from "./generated/protobuf.js";

const { ServerReflectionRequest, ServerReflectionResponse } = grpc.reflection.v1;

type Request = grpc.reflection.v1.ServerReflectionRequest;
type Response = grpc.reflection.v1.ServerReflectionResponse.$Properties;

const byName = new Map(fileDescriptors.map((file) => [file.name, file]));
const bySymbol = new Map(fileDescriptors.flatMap((file) => file.symbols.map((symbol) => [symbol, file])));

/** Every service of the descriptors, by full name. */
export const describedServices = fileDescriptors.flatMap(({ services }) => services);

/** @param services full names of the services to list */
export function addReflectionService(server: Server, services: readonly string[]): void {
  // The messages of the two versions differ only in their package.
  for (const version of ["v1", "v1alpha"]) {
    server.register<Request, Response>(
      `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
      (call: ServerDuplexStream<Request, Response>) => {
        call.on("data", (request: Request) => call.write(reflect(request, services)));
        call.on("end", () => call.end());
      },
      (answer) => Buffer.from(ServerReflectionResponse.encode(answer).finish()),
      (bytes) => ServerReflectionRequest.decode(bytes),
      "bidi",
    );
  }
}

function reflect(request: Request, services: readonly string[]): Response {
  return { validHost: request.host, originalRequest: request, ...answer(request, services) };
}

function answer(request: Request, services: readonly string[]): Response {
  switch (request.messageRequest) {
    case "listServices":
      return { listServicesResponse: { service: services.map((name) => ({ name })) } };
    case "fileByFilename":
      return files(byName.get(request.fileByFilename!), "file", request.fileByFilename!);
    case "fileContainingSymbol":
      return files(bySymbol.get(request.fileContainingSymbol!), "symbol", request.fileContainingSymbol!);
    case "allExtensionNumbersOfType": {
      const type = request.allExtensionNumbersOfType!;
      if (!bySymbol.has(type)) return failure(status.NOT_FOUND, `there is no type ${type} here`);
      return { allExtensionNumbersResponse: { baseTypeName: type, extensionNumber: [] } };
    }
    case "fileContainingExtension":
      return failure(status.NOT_FOUND, "there are no extensions here");
    default:
      return failure(status.INVALID_ARGUMENT, "the request asks for nothing");
  }
}

function files(file: FileDescriptor | undefined, kind: string, name: string): Response {
  if (!file) return failure(status.NOT_FOUND, `there is no ${kind} ${name} here`);
  const fileDescriptorProto = withDependencies(file).map(({ base64 }) => Uint8Array.fromBase64(base64));
  return { fileDescriptorResponse: { fileDescriptorProto } };
}

/** Returns the file, then its dependencies: clients may expect all of them in one answer. */
function withDependencies(file: FileDescriptor): FileDescriptor[] {
  const found = new Set([file]);
  for (const each of found) {
    for (const name of each.dependencies) found.add(byName.get(name)!);
  }
  return [...found];
}

function failure(code: status, message: string): Response {
  return { errorResponse: { errorCode: code, errorMessage: message } };
}
