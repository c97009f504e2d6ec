/** What an entry of a table of columns says. */
import type { Timestamp } from "../../shared/event/timestamp.ts";

/** By the column's type in `pg_type.typname`. */
export interface Values {
  readonly uuid: string;
  readonly int8: bigint;
  readonly text: string;
  readonly bool: boolean;
  /** A number: milliseconds since 1970. */
  readonly timestamptz: Timestamp | number;
  /** The object, and not its text: each rate is encoded once. */
  readonly numeric: { readonly perEur: string };
}

export interface Property {
  readonly key: string;
  /** The object that the property is part of; it is there when one of its properties is. */
  readonly inside?: string;
  /** What the OpenAPI schema says beyond what follows from the type. */
  readonly schema?: object;
}

interface Entry<From, Type extends keyof Values, Value> {
  readonly name: string;
  readonly type: Type;
  readonly of: (from: From, subscriberId: string) => Value;
  /** How JSON shows it, if it does. Never left out: entries of one shape are read faster. */
  readonly json: Property | undefined;
}

/** `undefined` is null in Postgres and left out of JSON. */
type TypedColumn<From, Type extends keyof Values> =
  | Entry<From, Type, Values[Type]> & { readonly nullable: false }
  | Entry<From, Type, Values[Type] | undefined> & { readonly nullable: true };

/** A column that is filled from a `From`. */
export type ColumnOf<From> = { [Type in keyof Values]: TypedColumn<From, Type> }[keyof Values];
