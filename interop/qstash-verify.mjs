// Says of each request whether the SDK's receiver takes its signature.
import { Receiver } from "@upstash/qstash";
import { input, output } from "./support.mjs";

const verdicts = {};
for (const { name, currentSigningKey, nextSigningKey, signature, body, url } of await input()) {
  const receiver = new Receiver({ currentSigningKey, nextSigningKey });
  verdicts[name] = await receiver.verify({ signature, body, ...(url && { url }) }).then(
    () => "accepted",
    (error) => `${error.name}: ${error.message}`,
  );
}
output(verdicts);
