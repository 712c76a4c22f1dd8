// Looks at every page of a running persona-host as a browser does: `node pages.mjs BASE CHROMIUM [FOLDER]`. Prints a line for
// each thing that is not as it should be, and ends with 1 if there is any. With a FOLDER it leaves a picture of each page there.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const [base, executablePath, folder] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-background-networking"] });
const wrong = [];
const tell = (...words) => {
  wrong.push(words);
  console.log(words.join(" "));
};
const ask = async (path) => (await fetch(base + path)).json();

// A page whose every complaint is told, and every request that goes elsewhere.
const open = async (context, who) => {
  const page = await context.newPage();
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) tell(who, "console:", message.text());
  });
  page.on("pageerror", (error) => tell(who, "script:", String(error)));
  page.on("request", (request) => {
    if (!request.url().startsWith(base + "/") && !request.url().startsWith("data:")) tell(who, "asks elsewhere:", request.url());
  });
  page.on("dialog", (dialog) => dialog.accept());
  return page;
};
const live = (page) => page.waitForFunction(() => document.getElementById("live").textContent === "live", null, { timeout: 20000 });

const look = async (context, path, name, isTried) => {
  const page = await open(context, `${name} ${path}`);
  const answer = await page.goto(base + path);
  if (answer.status() !== 200) tell(name, path, "answers", answer.status());
  await live(page).catch(() => tell(name, path, "does not come to life"));
  const settled = () => !document.getElementById("page").innerText.includes("being computed");
  await page.waitForFunction(settled, null, { timeout: 60000 }).catch(() => tell(name, path, "is being computed for ever"));
  const scroll = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (scroll > 1) tell(name, path, "is", scroll, "pixels wider than the screen");
  if (isTried) {
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
    for (const found of violations.filter(({ impact }) => ["serious", "critical"].includes(impact))) {
      tell(name, path, "axe:", found.id, found.nodes.slice(0, 3).map(({ html }) => html.slice(0, 160)).join(" | "));
    }
  }
  if (folder) await page.screenshot({ path: `${folder}/${name}${path.replace(/\W+/g, "_").slice(0, 40)}.png`, fullPage: true });
  await page.close();
};

const { turns } = await ask("/api/turns?state=completed&limit=2");
const [a, b] = turns.map(({ id }) => id);
const { plugins } = await ask("/api/plugins");
const pages = ["/", "/turns", "/turns?state=parked", "/turns?everFaulted=true", `/turns/${a}`, `/compare?a=${a}&b=${b}`, "/personas",
  "/personas?state=new", `/personas/${turns[0].persona}`, "/plugins", "/experiments", "/experiments/live", "/api", "/costs", "/costs?by=persona"];
const sizes = { desk: { width: 1400, height: 1000 }, phone: { width: 390, height: 844 } };
for (const [scheme, size, isTried] of [["light", "desk", true], ["dark", "phone", true], ["dark", "desk", false], ["light", "phone", false]]) {
  const context = await browser.newContext({ colorScheme: scheme, viewport: sizes[size] });
  for (const path of pages) await look(context, path, `${scheme}-${size}`, isTried);
  await context.close();
}

// Then everything that can be done is done once, by hand and by key.
const context = await browser.newContext({ viewport: sizes.desk });
const page = await open(context, "deeds");
const go = async (path) => {
  await page.goto(base + path);
  await live(page);
};
const press = (name) => page.getByRole("button", { name, exact: true }).first().click();
const until = (what, selector, text) =>
  page.waitForFunction(([own, part]) => document.querySelector(own)?.innerText.includes(part), [selector, text], { timeout: 20000 })
    .catch(() => tell("deeds", what, "did not come about"));

await go("/");
await press("Pause");
await until("the pause", ".loop .big", "paused");
await press("Resume");
await until("the end of the pause", ".loop .big", "running");
await press("Tick");
await until("the tick", ".loop", "due,");

await go("/turns");
await page.getByLabel("Persona").fill(turns[0].persona);
await press("Show");
await page.waitForURL(/persona=/);
await live(page);
await page.locator("tbody tr").first().locator('input[name="a"]').check();
await page.locator("tbody tr").last().locator('input[name="b"]').check();
await press("Compare two");
await page.waitForURL(/compare/);

await go(`/turns/${a}`);
await page.locator("details.step summary").first().click();
if (!(await page.locator("details.step .by").first().isVisible())) tell("deeds", "no prompt says which plugin composed it");
await page.locator("details.step .by a").first().click();
await page.waitForURL(/plugins#/);

const withEarlier = plugins.filter((own) => own.kept.length > 1);
if (withEarlier.length === 0) tell("deeds", "no plugin has a build to go back to");
for (const { name } of withEarlier) {
  await go("/plugins");
  await page.locator(`[id="${name}"]`).getByRole("button", { name: "Roll back" }).click();
  await until(`the rollback of ${name}`, `[id="${name}"] .timeline`, "somebody rolled back to it");
}

await go("/personas");
const who = page.locator("tbody tr").first();
await who.getByRole("button", { name: /^Pause/ }).click();
await until("the pause of one", "tbody tr", "paused");
await who.getByRole("button", { name: /^Resume/ }).click();
await page.waitForFunction(() => !document.querySelector("tbody tr").innerText.includes("paused"), null, { timeout: 20000 });

await page.keyboard.press("j");
if (!(await page.evaluate(() => document.activeElement.matches("a.row")))) tell("deeds", "j goes to no row");
await page.keyboard.press("?");
if (!(await page.locator("#keys").evaluate((dialog) => dialog.open))) tell("deeds", "? shows no keys");
await page.keyboard.press("Escape");
await page.keyboard.press("g");
await page.keyboard.press("x");
await page.waitForURL(/experiments$/);
await page.locator("main a.row").first().click();
await page.waitForURL(/experiments\/live/);

await browser.close();
console.log(`${pages.length} pages, four times each: ${wrong.length === 0 ? "nothing is wrong" : `${wrong.length} things are wrong`}`);
process.exitCode = wrong.length === 0 ? 0 : 1;
