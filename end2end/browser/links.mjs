// Follows every link of the house from a page, as the person who is signed in there, and says which
// pages fail, which are not accessible and which do not fit.
//
// Only GET is followed: it never changes anything, which the crawl proves in passing.

import { expectFits, violations } from './browser.mjs';

const MOST_PAGES = 200;

/** Ids, rules, templates and search states of one page count as one: `/staff/patients/gua_…` is seen once. */
function shape(address) {
  return address.pathname
    .replace(/[a-z]{3}_[0-9a-f]{32}/g, '{id}')
    .replace(/(\/settings\/(?:rules|templates))\/[^/]+/, '$1/{one}')
    .replace(/\/\d+(?=\/|$)/g, '/{n}');
}

/** Crawls from `start`; resolves `{ pages, findings }`. `within` keeps to a part of the house. */
export async function crawl(page, base, start, within = /^\//) {
  const origin = new URL(base).origin;
  const open = [new URL(start, base)];
  const seen = new Set(open.map(shape));
  const findings = [];
  const pages = [];
  while (open.length > 0 && pages.length < MOST_PAGES) {
    const address = open.shift();
    const answer = await visitPage(page, address);
    if (!answer) continue;
    pages.push(address.pathname);
    if (answer.status() >= 400) {
      findings.push(`${answer.status()} ${address.pathname}`);
      continue;
    }
    for (const violation of await violations(page)) findings.push(`${address.pathname}: ${violation}`);
    await expectFits(page).catch((error) => findings.push(`${address.pathname}: ${error.message}`));
    const links = await page.locator('a[href]').evaluateAll((all) => all.map((one) => one.href));
    for (const href of links) {
      const next = new URL(href);
      if (next.origin !== origin || !within.test(next.pathname)) continue;
      // A pay link of somebody else, and the demo's own controls, are no part of the house.
      if (/^\/(p|sandbox|assets)\//.test(next.pathname) || seen.has(shape(next))) continue;
      seen.add(shape(next));
      open.push(next);
    }
  }
  return { pages, findings };
}

/** A download answers no page; that is fine. */
async function visitPage(page, address) {
  try {
    return await page.goto(address.toString());
  } catch (error) {
    if (/Download is starting|ERR_ABORTED/.test(error.message)) return null;
    throw error;
  }
}
