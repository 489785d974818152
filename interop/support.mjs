// What the scripts share: JSON in on stdin, JSON out on stdout.

/** The value that the test wrote to stdin. */
export async function input() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString("utf8"));
}

/** One line for the test to read. */
export function output(value) {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** Keeps what every later request sends: where an SDK hides its commands, the wire shows them. */
export function recordRequests() {
  const requests = [];
  const send = globalThis.fetch;
  globalThis.fetch = (url, options) => {
    requests.push({ path: new URL(url).pathname, body: JSON.parse(options.body) });
    return send(url, options);
  };
  return requests;
}
