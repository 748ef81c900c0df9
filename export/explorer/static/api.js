// Questions to the server. A question of the same kind that comes later ends the earlier one.

const token = document.querySelector('meta[name="signverse-token"]').content;
const running = new Map();

export class Refused extends Error {
  constructor(answer, status) {
    super(answer.error || `the server answered ${status}`);
    this.hint = answer.hint || "";
    this.changed = Boolean(answer.changed);
  }
}

export const api = { version: null };

async function answer(response) {
  if (response.ok) return response;
  let given = {};
  try { given = await response.json(); } catch { /* the server said it as text */ }
  throw new Refused(given, response.status);
}

// Gives null where a later question of the kind `only` has taken its place.
export async function ask(name, parameters = [], { only = null, binary = false } = {}) {
  const query = new URLSearchParams(parameters);
  if (api.version !== null) query.set("v", api.version);
  let controller = null;
  if (only !== null) {
    running.get(only)?.abort();
    controller = new AbortController();
    running.set(only, controller);
  }
  try {
    const response = await answer(await fetch(`/api/${name}?${query}`, { signal: controller?.signal }));
    return binary ? await response.arrayBuffer() : await response.json();
  } catch (error) {
    if (error.name === "AbortError") return null;
    throw error;
  } finally {
    if (only !== null && running.get(only) === controller) running.delete(only);
  }
}

// Ends the question of a kind, if there is one: it gives null.
export function stop(only) {
  running.get(only)?.abort();
  running.delete(only);
}

export async function send(name, given) {
  const response = await fetch(`/api/${name}`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-signverse-token": token },
    body: JSON.stringify(given),
  });
  return (await answer(response)).json();
}

export function mediaAddress(id) {
  return `/api/media?${new URLSearchParams({ id, v: api.version })}`;
}
