import { isSecret } from "../../shared/runtime/secrets.ts";
import { Problem } from "./problem.ts";

/**
 * Lets only those pass who know the token.
 * @param token HTTP_TOKEN; `undefined`: nobody passes
 * @throws {Problem}
 */
export function checkBearer(authorization: string | undefined, token: string | undefined): void {
  if (token === undefined) {
    throw new Problem(403, "dead letters are not to be had over HTTP: this subscriber was started without HTTP_TOKEN");
  }
  const challenge = { "www-authenticate": 'Bearer realm="dead letters"' };
  const given = /^Bearer (\S+)$/i.exec(authorization ?? "")?.[1];
  if (given === undefined) {
    throw new Problem(401, "send the header Authorization: Bearer, with the value of HTTP_TOKEN", challenge);
  }
  if (!isSecret(given, [token])) throw new Problem(401, "that is not HTTP_TOKEN", challenge);
}
