/** The type of an entry in a table of columns. */
import type { Timestamp } from "../../shared/event/timestamp.ts";

/** The values of a column, by its type in `pg_type.typname`. */
export interface Values {
  readonly uuid: string;
  readonly int8: bigint;
  readonly text: string;
  readonly bool: boolean;
  /** A number: milliseconds since 1970. */
  readonly timestamptz: Timestamp | number;
  /** The object instead of its text, so that each rate is encoded once. */
  readonly numeric: { readonly perEur: string };
}

export interface Property {
  readonly key: string;
  /** The object that contains the property. JSON shows the object when it has at least one property. */
  readonly inside?: string;
  /** Additions to the OpenAPI schema that follows from the type. */
  readonly schema?: object;
}

interface Entry<From, Type extends keyof Values, Value> {
  readonly name: string;
  readonly type: Type;
  readonly of: (from: From, subscriberId: string) => Value;
  /**
   * The property in JSON; `undefined` when JSON does not show the column. Required: entries of one shape are faster to
   * read.
   */
  readonly json: Property | undefined;
}

/** `undefined` is null in Postgres and left out of JSON. */
type TypedColumn<From, Type extends keyof Values> =
  | Entry<From, Type, Values[Type]> & { readonly nullable: false }
  | Entry<From, Type, Values[Type] | undefined> & { readonly nullable: true };

/** A column with values from a `From`. */
export type ColumnOf<From> = { [Type in keyof Values]: TypedColumn<From, Type> }[keyof Values];
