// Requests to the review application; all addresses are relative, so that it works below any prefix.

/** An answer that is no success; `status` is that of HTTP, `version` that of the result where it was undone. */
export class RequestFailed extends Error {
  /** @param {number} status @param {string} detail @param {number} [version] */
  constructor(status, detail, version) {
    super(detail);
    this.status = status;
    this.version = version;
  }
}

/** @param {Response} answer */
async function checked(answer) {
  if (answer.ok) return answer.json();
  const told = await answer.json().catch(() => ({}));
  throw new RequestFailed(answer.status, typeof told.detail === "string" ? told.detail : answer.statusText, told.version);
}

/** @param {string} path @param {Record<string, string | string[] | null | undefined>} [query] @returns {Promise<any>} */
export async function get(path, query = {}) {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    for (const one of Array.isArray(value) ? value : [value]) if (one) words.append(name, one);
  return checked(await fetch(`api/${path}${words.size ? `?${words}` : ""}`));
}

/** @param {string} path @param {unknown} body @returns {Promise<any>} */
export async function post(path, body) {
  const headers = { "Content-Type": "application/json" };
  return checked(await fetch(`api/${path}`, { method: "POST", headers, body: JSON.stringify(body) }));
}
