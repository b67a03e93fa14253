// SPDX-License-Identifier: LGPL-2.1-or-later
// Debian's Chromium on a leash: takes commands as JSON, one a line, and answers each with a line.
//
//   node driver.js CHROMIUM FOLDER-WITH-node_modules
//
// {"do": "open", "page": NAME, "url": URL}    in a browser profile of the page's own
// {"do": "goto", "page": NAME, "url": URL}    another address in the same profile
// {"do": "reload", "page": NAME}
// {"do": "look", "page": NAME}                what the page shows and what the observer saw
// {"do": "decodes", "page": NAME, "type": MIME}   whether the browser says that it can
// {"do": "picture", "page": NAME, "path": PNG}
"use strict";

const path = require("node:path");
const readline = require("node:readline");
const { createRequire } = require("node:module");

const [, , executablePath, modules] = process.argv;
const { chromium } = createRequire(path.join(modules, "package.json"))("playwright-core");

const flags = [
  "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
  "--autoplay-policy=no-user-gesture-required",
  // Nothing but this machine is asked for anything.
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];

const pages = new Map(); // name -> { page, words }

/* Runs in the page. */
function look() {
  const video = document.querySelector("video");
  const ranges = video ? Array.from({ length: video.buffered.length },
    (_, i) => [video.buffered.start(i), video.buffered.end(i)]) : [];
  return {
    url: location.href,
    text: document.body.innerText,
    headend: window.headend ? JSON.parse(JSON.stringify(window.headend)) : null,
    seen: window.seen || null,
    ranges,
    time: video ? video.currentTime : null,
  };
}

const verbs = {
  async open(browser, { page: name, url, width = 800, height = 700 }) {
    const context = await browser.newContext({ viewport: { width, height } });
    await context.addInitScript({ path: path.join(__dirname, "observer.js") });
    const page = await context.newPage();
    const words = [];
    page.on("console", (message) => words.push(`${message.type()}: ${message.text()}`));
    page.on("pageerror", (error) => words.push(`uncaught: ${error.message}`));
    pages.set(name, { page, words });
    const answer = await page.goto(url);
    return { status: answer.status() };
  },
  async goto(browser, { page: name, url }) {
    const answer = await pages.get(name).page.goto(url);
    return { status: answer ? answer.status() : null };
  },
  async reload(browser, { page: name }) {
    await pages.get(name).page.reload();
    return {};
  },
  async look(browser, { page: name }) {
    const { page, words } = pages.get(name);
    try {
      return { ...await page.evaluate(look), words };
    } catch (error) {
      if (!/context was destroyed|navigat/.test(error.message))
        throw error;
      return { url: page.url(), text: "", headend: null, seen: null, ranges: [], words };
    }
  },
  async decodes(browser, { page: name, type }) {
    const { page } = pages.get(name);
    return { answer: await page.evaluate((mime) => MediaSource.isTypeSupported(mime), type) };
  },
  async picture(browser, { page: name, path: file }) {
    await pages.get(name).page.screenshot({ path: file, fullPage: true });
    return {};
  },
};

async function main() {
  const browser = await chromium.launch({ executablePath, args: flags });
  console.log(JSON.stringify({ version: browser.version() }));
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const command = JSON.parse(line);
    let answer;
    try {
      answer = await verbs[command.do](browser, command);
    } catch (error) {
      answer = { error: error.message };
    }
    console.log(JSON.stringify(answer));
  }
  await browser.close();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
