// The watch is worth nothing if it cannot see: a page with every fault it looks for, and one with none.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';

import { closeBrowser, expectAccessible, expectFits, expectSound, PATIENT_WAYS, PHONE, visit } from './browser.mjs';

const HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy':
    "default-src 'none'; style-src 'self'; script-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'strict-origin',
  'cache-control': 'no-store',
};
const page = (body) =>
  `<!DOCTYPE html><html lang="en"><head><title>A page</title>
   <meta name="viewport" content="width=device-width, initial-scale=1"></head>
   <body><main><h1>A page</h1>${body}</main></body></html>`;
const PAGES = {
  '/sound': page('<form method="post"><label>Name <input name="name"></label> <button>Send</button></form>'),
  '/unlabelled': page('<input name="name">'),
  '/wide': page(`<pre>${'wide '.repeat(80)}</pre>`),
  '/inline': page('<p style="color: red">Red</p>'),
  '/stranger': page('<img alt="" src="http://127.0.0.1:9/pixel.gif">'),
};

let server;
let world;

before(async () => {
  server = createServer((request, response) => {
    const body = PAGES[request.url];
    response.writeHead(body ? 200 : 500, HEADERS);
    response.end(body ?? page(''));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  world = { base: `http://127.0.0.1:${server.address().port}`, facts: {} };
});

after(async () => {
  await closeBrowser();
  server.closeAllConnections();
  server.close();
});

for (const way of PATIENT_WAYS) {
  test(`a sound page passes, ${way.label}`, () =>
    visit(world, way, async (page) => {
      await page.goto('/sound');
      await page.getByLabel('Name').fill('Maria');
      await expectSound(page, way);
    }));
}

const sees = (name, path, look = async () => {}) =>
  test(`the watch sees ${name}`, () =>
    assert.rejects(
      visit(world, { ...PHONE, javaScript: true }, async (page) => {
        await page.goto(path);
        await look(page);
      }),
    ));

sees('a field without a label', '/unlabelled', expectAccessible);
sees('a page that scrolls sideways', '/wide', expectFits);
sees('style that the content policy refuses', '/inline');
sees('a request to a stranger', '/stranger');
sees('a server error', '/broken');
