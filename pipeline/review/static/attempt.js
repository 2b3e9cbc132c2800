// Ask the server, and tell the reader what went wrong.
import { RequestFailed } from "./api.js";
import { notice } from "./elements.js";
import { t } from "./phrases.js";

/** @template T @param {() => Promise<T>} act @returns {Promise<T | undefined>} */
export async function attempt(act) {
  try {
    return await act();
  } catch (error) {
    // Without an answer there is no connection: what was painted stays in the page.
    const detail = error instanceof RequestFailed ? error.message : t("no_connection");
    notice(t(error instanceof RequestFailed && error.status === 409 ? "conflict" : "failed", { detail }), true);
    return undefined;
  }
}
