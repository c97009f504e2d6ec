/** The schemas in proto/, as protobufjs reads them. */
import { join } from "node:path";
import protobuf from "protobufjs";

/** @param schemas paths within `folder`; what they import of google/protobuf comes from protobufjs */
export async function loadSchemas(folder: string, schemas: readonly string[]): Promise<protobuf.Root> {
  const root = new protobuf.Root();
  root.resolvePath = (_importing, imported) => join(folder, imported);
  // One after the other: of several at once the order would be a race's.
  for (const schema of schemas) await root.load(schema, { keepCase: false });
  root.resolveAll();
  return root;
}

export function messagesOf(namespace: protobuf.NamespaceBase): protobuf.Type[] {
  return namespace.nestedArray.flatMap((nested) => [
    ...nested instanceof protobuf.Type ? [nested] : [],
    ...nested instanceof protobuf.Namespace && !(nested instanceof protobuf.Service) ? messagesOf(nested) : [],
  ]);
}

/** `casino.events.v1.Event` */
export function schemaOf({ fullName }: protobuf.ReflectionObject): string {
  return fullName.slice(1);
}

/** `casino_events_v1_Event` */
export function codeName(type: protobuf.Type): string {
  return schemaOf(type).replaceAll(".", "_");
}

/**
 * Whether generated code leaves the enum out, so that a new kind of event changes none. Its values stand in
 * shared/event/kinds.ts, and a test compares them with the schema.
 */
export function isTabled(object: protobuf.ReflectionObject): boolean {
  return schemaOf(object) === "casino.events.v1.EventType";
}
