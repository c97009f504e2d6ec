/** The kinds of settings: how each parses its text, and which texts it rejects. */
import { isIP } from "node:net";
import { hidden, isPlainUrl, redact, shownAddress, shownUrl } from "../secrets.ts";
import { databaseParameters } from "./database_url.ts";
import { checkBrokerUrl, checkCacheUrl } from "./url_parameters.ts";

export interface Setting<T> {
  /** The default, as text. Absent: an unset variable reads as `undefined`. */
  readonly fallback?: string;
  /** The meaning and unit, in one line for `--help`. */
  readonly help: string;
  /** Returns a rejected text without secrets, for error messages. */
  readonly shown?: (text: string) => string;
  /** The value may be secret, so a second variable, the setting's name and `_FILE`, may name a file with the value. */
  readonly fromFile?: boolean;
  /** The text is the path of a file that must be readable. */
  readonly path?: boolean;
  /** @throws {RangeError} with a message that describes a valid value */
  read(text: string): T;
}

export function setting<T>(
  fallback: string,
  help: string,
  read: (text: string) => T,
): Setting<T> & { fallback: string } {
  return { fallback, help, read };
}

export function optional<T>({ fallback: _, ...setting }: Setting<T>): Setting<T | undefined> {
  return setting;
}

export function integer(fallback: string, min: number, max: number, help: string, unit = ""): Setting<number> {
  return setting(fallback, help, (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw new RangeError(`a whole number${unit} from ${min} to ${max}`);
    }
    return value;
  });
}

export function milliseconds(fallback: string, min: number, max: number, help: string): Setting<number> {
  return integer(fallback, min, max, `${help} (ms)`, " of milliseconds");
}

/** Whole numbers, each once. */
export function numbers(fallback: string, min: number, max: number, help: string): Setting<readonly number[]> {
  return setting(fallback, help, (text) => {
    const parts = text === "" ? [] : text.split(",").map((part) => part.trim());
    const values = parts.map(Number);
    const areRight = parts.every((part, i) => /^\d{1,5}$/.test(part) && values[i]! >= min && values[i]! <= max);
    if (!areRight || new Set(values).size < values.length) {
      throw new RangeError(`whole numbers from ${min} to ${max} with commas between them, each once`);
    }
    return values;
  });
}

/** IP addresses, or networks with a prefix length, of both families. */
export function networks(fallback: string, help: string): Setting<readonly string[]> {
  return setting(fallback, help, (text) => {
    const parts = text === "" ? [] : text.split(",").map((part) => part.trim());
    for (const part of parts) {
      const [address = "", prefix = "0", ...more] = part.split("/");
      const bits = { 0: -1, 4: 32, 6: 128 }[isIP(address)]!;
      if (more.length > 0 || !/^\d{1,3}$/.test(prefix) || Number(prefix) > bits) {
        throw new RangeError("comma-separated IP addresses or networks, such as 127.0.0.1,10.0.0.0/8,fd00::/8");
      }
    }
    return parts;
  });
}

/** Host names, converted to lower case. */
export function hostNames(fallback: string, help: string): Setting<readonly string[]> {
  return setting(fallback, help, (text) => {
    const parts = text === "" ? [] : text.split(",").map((part) => part.trim().toLowerCase());
    if (!parts.every((part) => /^[a-z\d]([\w.\-]{0,251}[a-z\d])?$/.test(part) || isIP(part) !== 0)) {
      throw new RangeError("comma-separated host names without ports, such as events.example,10.0.0.7");
    }
    return parts;
  });
}

export function matching(
  fallback: string,
  pattern: RegExp,
  right: string,
  help: string,
): Setting<string> & { fallback: string } {
  return setting(fallback, help, (text) => {
    if (!pattern.test(text)) throw new RangeError(right);
    return text;
  });
}

/** RabbitMQ reserves names that begin with `amq.`. AMQP 0-9-1 limits names to 255 bytes (short string). */
export function amqpName(fallback: string, help: string): Setting<string> {
  return matching(
    fallback,
    /^(?!amq\.)[\w.:\-]{1,200}$/,
    "1 to 200 of A-Z a-z 0-9 _ . : - and must not begin with amq.",
    help,
  );
}

export function secret(fallback: string, help: string, least = 1): Setting<string> & { fallback: string } {
  const pattern = new RegExp(`^[\\x21-\\x7e]{${least},512}$`);
  const right = `${least} to 512 visible ASCII characters`;
  return { ...matching(fallback, pattern, right, help), shown: () => hidden, fromFile: true };
}

export function file(help: string): Setting<string> {
  return { ...setting("", help, (text) => text), path: true };
}

export function address(fallback: string, help: string): Setting<string> {
  const read = (text: string) => {
    const port = /^(?:[\w.\-]+|\[[\da-fA-F:]+\]):(\d{1,5})$/.exec(text)?.[1];
    if (port === undefined || Number(port) < 1 || Number(port) > 65_535) {
      throw new RangeError("host:port, for example 127.0.0.1:50051");
    }
    return text;
  };
  return { ...setting(fallback, help, read), shown: shownAddress };
}

/** @param check checks the parameters; throws a {RangeError} with a message that describes a valid value */
function url(
  fallback: string,
  protocols: readonly string[],
  help: string,
  check: (url: URL) => void,
): Setting<string> & { fallback: string } {
  const example = `such as ${redact(fallback)}`;
  const read = (text: string) => {
    const hasHost = isPlainUrl(text) && new URL(text).hostname !== "";
    if (hasHost && !protocols.includes(new URL(text).protocol)) {
      throw new RangeError(`a URL that begins with ${protocols.map((each) => `${each}//`).join(" or ")}, ${example}`);
    }
    if (!hasHost) {
      const escapes = /[@%]/.test(text) ? ", with / ? # @ % written %2F %3F %23 %40 %25 in a user or password" : "";
      throw new RangeError(`a URL ${example}${escapes}`);
    }
    check(new URL(text));
    return text;
  };
  return { fallback, help, read, shown: shownUrl, fromFile: true };
}

export function brokerUrl(fallback: string, help: string): Setting<string> & { fallback: string } {
  return url(fallback, ["amqp:", "amqps:"], help, checkBrokerUrl);
}

export function cacheUrl(fallback: string, help: string): Setting<string> & { fallback: string } {
  return url(fallback, ["redis:", "rediss:"], help, checkCacheUrl);
}

export function databaseUrl(fallback: string, help: string): Setting<string> & { fallback: string } {
  return url(fallback, ["postgres:", "postgresql:"], help, databaseParameters);
}

export function oneOf<const T extends string>(fallback: T, choices: readonly T[], help: string): Setting<T> {
  return setting(fallback, `${help}: ${choices.join(", ")}`, (text) => {
    const found = choices.find((choice) => choice === text);
    if (found === undefined) throw new RangeError(`one of ${choices.join(", ")}`);
    return found;
  });
}
