// Signs as QStash does in production, and as the test suite of @upstash/qstash does, without the code of either side.
import { createHash, createHmac } from "node:crypto";
import { input, output } from "./support.mjs";

const YEAR_ONE = -62135596800;
const now = Math.floor(Date.now() / 1000);

const shapes = {
  production: (url, hash) => ({
    aud: "",
    body: hash.replaceAll("+", "-").replaceAll("/", "_"),
    exp: now + 300,
    iat: now,
    iss: "Upstash",
    jti: "jwt_7kYjw48mhY7kAjqNGcy6cr29RJ6r",
    nbf: YEAR_ONE,
    sub: url,
  }),
  // No audience, no padding, `nbf` is now, and an id that is a number.
  suite: (url, hash) => ({
    iss: "Upstash",
    sub: url,
    exp: now + 300,
    nbf: now,
    iat: now,
    jti: Math.random(),
    body: hash.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, ""),
  }),
};

function sign({ shape, key, url, body }) {
  const hash = createHash("sha256").update(body).digest("base64");
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const message = `${part({ alg: "HS256", typ: "JWT" })}.${part(shapes[shape](url, hash))}`;
  return `${message}.${createHmac("sha256", key).update(message).digest("base64url")}`;
}

output((await input()).map(sign));
