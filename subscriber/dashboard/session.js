/** The signed-in user and role, and the sign-in form. It exchanges the token for a cookie and does not keep it. */
import { byId, setTextOf } from "./dom.js";

/** @typedef {import("./answers.ts").SessionAnswer} SessionAnswer */

const deadlineMs = 5_000;
const words = {
  closed: "Sign in with a token to see this subscriber.",
  open: "With a token of the role act, you can replay and drop dead letters.",
  none: "No token can sign in here. Start the subscriber with HTTP_TOKENS_FILE.",
  unreachable: "The subscriber does not answer.",
};
const notes = {
  signIn: "Sign in to replay or drop.",
  none: "To replay or drop here, start the subscriber with HTTP_TOKENS_FILE. Or use the command deno task dead.",
  role: "Your token is read-only. Sign in with a token of the role act to replay or drop.",
};

export class Session {
  #listener;
  /** @type {SessionAnswer | undefined} */
  #session;
  #asked = false;
  /** Runs one request after another: an answer about the session must not undo a sign-in. */
  #sending = Promise.resolve();
  #waiting = 0;

  /**
   * @param {object} listener
   * @param {() => void} listener.onChange called when another user, or nobody, is signed in
   */
  constructor(listener) {
    this.#listener = listener;
    byId("sign-in-open").addEventListener("click", () => this.#ask());
    byId("sign-out").addEventListener("click", () => this.#send("DELETE"));
    byId("sign-in-cancel").addEventListener("click", () => this.#close());
    byId("sign-in-form").addEventListener("submit", (event) => {
      event.preventDefault();
      const field = /** @type {HTMLInputElement} */ (byId("token"));
      this.#send("POST", field.value.trim());
      field.value = "";
    });
    this.refresh();
  }

  get known() {
    return this.#session !== undefined;
  }

  /** Reloads the signed-in user. */
  refresh() {
    if (this.#waiting === 0) this.#send("GET");
  }

  /**
   * @param {"GET" | "POST" | "DELETE"} method
   * @param {string} [token]
   */
  #send(method, token) {
    this.#waiting++;
    this.#sending = this.#sending.then(() => this.#sendNow(method, token)).finally(() => this.#waiting--);
  }

  /**
   * @param {"GET" | "POST" | "DELETE"} method
   * @param {string | undefined} token
   */
  async #sendNow(method, token) {
    const headers = new Headers({ accept: "application/json", "content-type": "application/json" });
    if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
    const signal = AbortSignal.timeout(deadlineMs);
    let problem = "";
    try {
      const response = await fetch("/session", { method, headers, cache: "no-store", signal });
      const answer = await response.json().catch(() => ({}));
      if (response.ok) this.#take(answer, method);
      else problem = signInProblem(response.status, answer.detail);
    } catch {
      problem = words.unreachable;
    }
    if (method === "GET" && problem) return;
    this.#say(problem);
  }

  /**
   * @param {SessionAnswer} answer
   * @param {string} method
   */
  #take(answer, method) {
    const before = this.#session;
    // Reload, so that nothing stays visible to a user who may no longer look.
    if (before && before.role !== null && answer.role === null) return location.reload();
    this.#session = answer;
    if (answer.role !== null) this.#asked = false;
    this.#draw();
    if (before?.name !== answer.name || before?.role !== answer.role) this.#listener.onChange();
    if (method !== "GET") byId("main").focus();
  }

  #ask() {
    this.#asked = true;
    this.#draw();
    this.#say("");
    byId("token").focus();
  }

  #close() {
    this.#asked = false;
    this.#draw();
    byId("sign-in-open").focus();
  }

  #draw() {
    const { name = null, role = null, has_tokens = false } = this.#session ?? {};
    const closed = this.#session !== undefined && role === null;
    const mayAct = role === "act" || role === "administer";
    byId("main").toggleAttribute("data-closed", closed);
    byId("main").toggleAttribute("data-may-act", mayAct);
    byId("sign-in").hidden = !closed && !this.#asked;
    byId("sign-in-form").hidden = !has_tokens;
    byId("sign-in-cancel").hidden = closed;
    byId("sign-in-open").hidden = !has_tokens || name !== null || closed;
    byId("sign-out").hidden = name === null;
    setTextOf("signed-in", name === null ? "" : `${name} (${role})`);
    setTextOf("sign-in-note", !has_tokens ? words.none : closed ? words.closed : words.open);
    setTextOf("letters-acts", mayAct ? "" : !has_tokens ? notes.none : name === null ? notes.signIn : notes.role);
    byId("letters-acts").hidden = mayAct || this.#session === undefined;
  }

  /** @param {string} sentence */
  #say(sentence) {
    setTextOf("sign-in-status", sentence);
    if (sentence) byId("token").focus();
  }
}

/**
 * @param {number} status
 * @param {string | undefined} detail
 */
function signInProblem(status, detail) {
  if (status === 401) return "Wrong token.";
  if (status === 429) return "Too many wrong tokens. Wait 10 s, then try again.";
  return detail
    ? `${detail.charAt(0).toUpperCase()}${detail.slice(1)}.`
    : `The subscriber answered with HTTP ${status}.`;
}
