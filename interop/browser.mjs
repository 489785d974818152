// examples/session_login.rs in Chromium: {"url", "cookie"} comes on the standard input.
import assert from "node:assert/strict";
import { chromium } from "playwright-core";
import { output } from "./support.mjs";

const { url, cookie: name } = JSON.parse(await new Response(process.stdin).text());
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });

/** A person at a device of their own. */
async function person() {
  const context = await browser.newContext();
  context.setDefaultTimeout(20_000);
  const page = await context.newPage();
  const cookie = async () => (await context.cookies(url)).find((cookie) => cookie.name === name);
  return { context, page, cookie };
}

async function login(page, { password = "correct horse", remember = false } = {}) {
  await page.goto(url);
  await page.fill("input[name=name]", "ferris");
  await page.fill("input[name=password]", password);
  if (remember) await page.check("input[name=remember]");
  await page.click("#login");
  await page.waitForLoadState();
}

const user = (page) => page.locator("#user").count();

try {
  const { context, page, cookie } = await person();

  // A visitor has no cookie; one who gets the password wrong has a session, with the message in it.
  await page.goto(url);
  assert.equal(await cookie(), undefined);
  await login(page, { password: "wrong" });
  assert.match(await page.textContent("body"), /not right/);
  const before = await cookie();
  assert.ok(before);

  // Login: another id, and the attributes as the browser has them.
  await login(page, { remember: true });
  assert.equal(await user(page), 1);
  assert.match(await page.textContent("body"), /Welcome, ferris/);
  const after = await cookie();
  assert.notEqual(after.value, before.value);
  const { httpOnly, secure, sameSite, path, domain, expires } = after;
  const days = (expires - Date.now() / 1000) / 86_400;
  assert.deepEqual(
    { httpOnly, secure, sameSite, path, domain, days: Math.round(days) },
    { httpOnly: true, secure: name.startsWith("__Host-"), sameSite: "Lax", path: "/", domain: "localhost", days: 30 },
  );
  assert.equal(await page.evaluate(() => document.cookie), "", "scripts do not see it");
  await page.goto(url);
  assert.doesNotMatch(await page.textContent("body"), /Welcome/, "a message is shown once");

  // The id from before is worth nothing, wherever it is used.
  const stale = await fetch(url, { headers: { cookie: `${name}=${before.value}` } });
  assert.doesNotMatch(await stale.text(), /ferris/);

  // Two tabs that write at once: nothing is lost.
  const tab = await context.newPage();
  await tab.goto(url);
  const write = (page, who) =>
    page.evaluate(async (who) => {
      const one = (n) =>
        fetch("/note", { method: "POST", body: new URLSearchParams({ key: `${who}${n}`, value: `${who}${n}!` }) });
      const answers = await Promise.all(Array.from({ length: 10 }, (_, n) => one(n)));
      return answers.map((answer) => answer.status);
    }, who);
  const statuses = (await Promise.all([write(page, "a"), write(tab, "b")])).flat();
  assert.deepEqual(new Set(statuses), new Set([200]));
  for (const who of ["a", "b"]) {
    for (let n = 0; n < 10; n++) {
      assert.equal(await page.evaluate((key) => fetch(`/note/${key}`).then((a) => a.text()), `${who}${n}`), `${who}${n}!`);
    }
  }

  // Another device, seen and ended from this one.
  const other = await person();
  await login(other.page);
  assert.equal((await other.cookie()).expires, -1, "gone when the browser is closed");
  await page.goto(`${url}/devices`);
  assert.equal(await page.locator("#devices tr").count(), 2);
  assert.match(await page.textContent("#devices"), /Chrome\/.*this one/s);
  await page.click("#devices button");
  await page.waitForLoadState();
  assert.equal(await page.locator("#devices tr").count(), 1);
  await other.page.goto(url);
  assert.equal(await user(other.page), 0);
  assert.equal(await other.cookie(), undefined, "the browser has thrown it away");

  // A form of another site is refused.
  const evil = await context.newPage();
  await evil.route("http://evil.example/", (route) =>
    route.fulfill({ contentType: "text/html", body: `<form method=post action="${url}/logout"><button>x</button></form>` }),
  );
  await evil.goto("http://evil.example/");
  const [refused] = await Promise.all([evil.waitForResponse(`${url}/logout`), evil.click("button")]);
  assert.equal(refused.status(), 403);
  await page.goto(url);
  assert.equal(await user(page), 1);

  // Logout: the session is gone, in both tabs, and the back button does not bring it back.
  const last = await cookie();
  await page.click("#logout");
  await page.waitForLoadState();
  assert.match(await page.textContent("body"), /You are logged out/);
  assert.equal(await user(page), 0);
  assert.notEqual((await cookie()).value, last.value);
  await page.goBack();
  assert.equal(await user(page), 0, "the back button shows the page of somebody who is logged out");
  await tab.reload();
  assert.equal(await user(tab), 0);
  assert.equal((await write(tab, "c"))[0], 401);
  output({ done: true });
} finally {
  await browser.close();
}
