// The browser, and the eyes on it: every page a story opens is watched for refused content, script
// errors, failed requests and horizontal scrolling, whatever the story itself is about.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { chromium } from 'playwright-core';

export const PHONE = { name: 'phone', viewport: { width: 360, height: 740 }, mobile: true };
export const DESKTOP = { name: 'desktop', viewport: { width: 1280, height: 800 }, mobile: false };
export const SMALLEST = { name: 'smallest', viewport: { width: 320, height: 640 }, mobile: true };

/** Width by JavaScript: the four ways every patient's story is played. */
export const PATIENT_WAYS = [PHONE, DESKTOP].flatMap((size) =>
  [true, false].map((javaScript) => ({
    ...size,
    javaScript,
    label: `${size.name}, ${javaScript ? 'with' : 'without'} JavaScript`,
  })),
);

/** The two widths with JavaScript, for what only scripts can do. */
export const SCRIPTED_WAYS = PATIENT_WAYS.filter((way) => way.javaScript);

/** WCAG 2.2 AA, as far as a machine can tell, and what axe recommends beyond it. */
const AXE_TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

const ACTION_LIMIT_MS = 15_000;
const CANDIDATES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let shared = null;

/** One browser per process; `closeBrowser` in an `after` hook. */
async function browser() {
  if (shared) return shared;
  const executablePath = process.env.CLEARBILL_TEST_CHROMIUM ?? CANDIDATES.find((path) => existsSync(path));
  if (!executablePath) throw new Error('no Chromium: install it, or set CLEARBILL_TEST_CHROMIUM');
  const args = [
    // Nothing leaves the machine: no component updates, no field trials, no search for Google's hosts.
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-quic',
    '--disable-sync',
    '--no-first-run',
    '--disable-gpu',
    '--disable-dev-shm-usage',
    '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost',
  ];
  // Chromium's own sandbox cannot be set up by root.
  if (process.getuid?.() === 0) args.push('--no-sandbox');
  const home = mkdtempSync(join(tmpdir(), 'clearbill-browser-'));
  shared = await chromium.launch({
    executablePath,
    args,
    env: { ...process.env, HOME: home, XDG_CONFIG_HOME: home, XDG_CACHE_HOME: home },
  });
  shared.home = home;
  return shared;
}

export async function closeBrowser() {
  if (!shared) return;
  const { home } = shared;
  await shared.close();
  shared = null;
  rmSync(home, { recursive: true, force: true });
}

/**
 * A person with a browser of their own. Hands `story` a page and closes everything when it ends;
 * what the watch saw fails the story even when every step passed.
 */
export async function visit(world, way, story) {
  const open = await browser();
  const context = await open.newContext({
    viewport: way.viewport,
    isMobile: way.mobile,
    hasTouch: way.mobile,
    deviceScaleFactor: way.mobile ? 2 : 1,
    javaScriptEnabled: way.javaScript ?? true,
    locale: way.locale ?? 'en-US',
    timezoneId: 'America/New_York',
    colorScheme: way.dark ? 'dark' : 'light',
    reducedMotion: 'reduce',
    baseURL: world.base,
    acceptDownloads: true,
  });
  context.setDefaultTimeout(ACTION_LIMIT_MS);
  const watch = new Watch(world);
  context.on('page', (page) => watch.over(page));
  const page = await context.newPage();
  try {
    const outcome = await story(page, { context, watch, way });
    await watch.settle();
    assert.deepEqual(watch.complaints, [], 'what the browser complained about');
    return outcome;
  } catch (error) {
    await keepPicture(page, way, error);
    if (watch.complaints.length) error.message += `\nand the browser: ${watch.complaints.join('\n')}`;
    error.message += `\nat ${page.url()}`;
    throw error;
  } finally {
    await context.close();
  }
}

/** Collects what a person would not see but must not happen. */
class Watch {
  complaints = [];

  constructor(world) {
    this.ownOrigins = new Set([new URL(world.base).origin]);
    for (const address of [world.facts?.stripe?.base, world.facts?.mailbox]) {
      if (address) this.ownOrigins.add(new URL(address, world.base).origin);
    }
    this.expected = [];
    this.pending = new Set();
  }

  /** A story about a failure says which complaint it provokes. */
  expect(pattern) {
    this.expected.push(pattern);
  }

  complain(text) {
    if (!this.expected.some((pattern) => pattern.test(text))) this.complaints.push(text);
  }

  async settle() {
    await Promise.allSettled(this.pending);
  }

  over(page) {
    page.on('console', (message) => {
      if (message.type() !== 'error') return;
      const text = message.text();
      // The response listener below judges these by what was asked for.
      if (text.startsWith('Failed to load resource')) return;
      this.complain(`console: ${text}`);
    });
    page.on('pageerror', (error) => this.complain(`script: ${error.message}`));
    page.on('request', (request) => {
      const { origin, protocol } = new URL(request.url());
      if (!protocol.startsWith('http')) return;
      if (!this.ownOrigins.has(origin)) this.complain(`asked a stranger: ${origin}`);
    });
    page.on('requestfailed', (request) => {
      const why = request.failure()?.errorText ?? '';
      // A page that was left, and a download that became a file, both end their request this way.
      if (/ERR_ABORTED/.test(why)) return;
      this.complain(`request failed: ${request.method()} ${request.url()} ${why}`);
    });
    page.on('response', (response) => {
      const request = response.request();
      const status = response.status();
      const isDocument = request.resourceType() === 'document';
      if (status >= 500 || (status >= 400 && !isDocument)) {
        this.complain(`${status}: ${request.method()} ${response.url()}`);
      }
      if (isDocument && new URL(response.url()).origin === [...this.ownOrigins][0]) {
        const check = this.headers(response).catch(() => {});
        this.pending.add(check);
        check.finally(() => this.pending.delete(check));
      }
    });
  }

  /** What every page of ours must say about itself (R47). */
  async headers(response) {
    const headers = await response.allHeaders();
    if (!/text\/html/.test(headers['content-type'] ?? '')) return;
    const path = new URL(response.url()).pathname;
    if (path.startsWith('/sandbox/')) return;
    const policy = headers['content-security-policy'] ?? '';
    for (const part of ["object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"]) {
      if (!policy.includes(part)) this.complain(`${path}: the content policy lacks ${part}`);
    }
    if (/unsafe-(inline|eval)/.test(policy)) this.complain(`${path}: an unsafe content policy`);
    if (headers['x-content-type-options'] !== 'nosniff') this.complain(`${path}: no nosniff`);
    if (!headers['referrer-policy']) this.complain(`${path}: no referrer policy`);
    if (!/no-store/.test(headers['cache-control'] ?? '')) this.complain(`${path}: may be stored`);
  }
}

/** The machine-readable part of WCAG on the page as it stands. Needs a page with JavaScript. */
export async function expectAccessible(page) {
  const found = await violations(page);
  assert.deepEqual(found, [], `axe on ${page.url()}`);
}

export async function violations(page) {
  await page.evaluate(axeSource);
  const result = await page.evaluate(
    (tags) =>
      window.axe.run(document, {
        runOnly: { type: 'tag', values: tags },
        resultTypes: ['violations'],
        // The card form is another origin's document; its makers answer for it.
        iframes: false,
      }),
    AXE_TAGS,
  );
  return result.violations.map(
    (one) => `${one.id}: ${one.help} (${one.nodes.map((node) => node.target.join(' ')).join('; ')})`,
  );
}

/** Nothing is cut off or scrolls sideways, down to 320 px; tables may scroll in a box of their own. */
export async function expectFits(page, width = SMALLEST.viewport.width) {
  const before = page.viewportSize();
  await page.setViewportSize({ width, height: before.height });
  const wide = await page.evaluate(() => {
    const limit = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= limit + 1) return [];
    const scrolls = (element) =>
      element && (/(auto|scroll|hidden|clip)/.test(getComputedStyle(element).overflowX) || scrolls(element.parentElement));
    return [...document.body.querySelectorAll('*')]
      .filter((element) => element.getBoundingClientRect().right > limit + 1)
      .filter((element) => !scrolls(element.parentElement))
      .slice(0, 5)
      .map((element) => `${element.tagName.toLowerCase()}.${element.className}`)
      .concat('the page scrolls sideways');
  });
  await page.setViewportSize(before);
  assert.deepEqual(wide, [], `${page.url()} at ${width} px`);
}

/** Words keep their distance from the edge of the window. */
async function expectMargins(page) {
  const touching = await page.evaluate(() => {
    const box = document.querySelector('h1').getBoundingClientRect();
    return Math.min(box.left, document.documentElement.clientWidth - box.right);
  });
  assert.ok(touching >= 8, `the heading stands ${touching} px from the edge of ${page.url()}`);
}

/** What every page of a story owes: one heading, margins, no sideways scrolling, and what axe knows. */
export async function expectSound(page, way) {
  assert.equal(await page.locator('h1').count(), 1, `one h1 on ${page.url()}`);
  await expectMargins(page);
  await expectFits(page);
  if (way.javaScript ?? true) await expectAccessible(page);
}

/** After a POST the reader stands at the news: the heading or the summary of errors. */
export async function expectFocusOn(page, selector) {
  const matches = await page.evaluate((wanted) => document.activeElement?.matches(wanted), selector);
  assert.ok(matches, `focus on ${selector} of ${page.url()}`);
}

/** Kept when CLEARBILL_TEST_SCREENSHOTS names a folder: the README's pictures and a reviewer's. */
export async function picture(page, way, name) {
  const folder = process.env.CLEARBILL_TEST_SCREENSHOTS;
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  const suffix = way.javaScript === false ? '-no-js' : '';
  // What sticks to the top of the window stands where a reader finds it.
  await page.evaluate(() => scrollTo(0, 0));
  await page.screenshot({ path: join(folder, `${name}-${way.name}${suffix}.png`), fullPage: true });
}

async function keepPicture(page, way, error) {
  if (!process.env.CLEARBILL_TEST_SCREENSHOTS || page.isClosed()) return;
  const what = (error.message ?? 'failure').replace(/[^a-z0-9]+/gi, '-').slice(0, 40);
  await picture(page, way, `failed-${what}`).catch(() => {});
}

/** Bytes of HTML and CSS a page cost, without the card form's origin. */
export async function weigh(page, address) {
  const origin = new URL(page.url() === 'about:blank' ? address : page.url()).origin;
  const parts = [];
  const listener = (response) => {
    if (new URL(response.url()).origin === origin && response.status() === 200) parts.push(response);
  };
  page.on('response', listener);
  await page.goto(address);
  page.off('response', listener);
  let bytes = 0;
  for (const response of parts) {
    if (/html|css/.test((await response.allHeaders())['content-type'] ?? '')) {
      bytes += (await response.body()).length;
    }
  }
  return bytes;
}
