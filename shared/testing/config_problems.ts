import { ConfigError, readConfig, settingNames } from "../config.ts";

/** All that readConfig() has against these variables, when no file can be read. */
export function problemsOf(values: Readonly<Record<string, string>>): readonly string[] {
  const noFile = () => {
    throw new Error("ENOENT");
  };
  try {
    readConfig(settingNames, (name) => values[name], noFile);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}
