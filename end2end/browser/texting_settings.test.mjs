// Get a Number: search, confirm, purchase, select, save; bought once, whatever is pressed twice or
// gets lost on the way. And what a practice accepts before texts are billed to it.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { closeBrowser, expectSound, PHONE, picture, visit } from './browser.mjs';
import { DESK, expectWords, openWorkspace } from './staff.mjs';
import { startWorld } from './world.mjs';

const POCKET = { ...PHONE, javaScript: true };

let world;
before(async () => {
  world = await startWorld({ accounts: 1 });
});
after(async () => {
  await world?.stop();
  await closeBrowser();
});

/** Searches an area and opens the question about its first number; answers the number. */
async function choose(page, area) {
  await page.goto('/staff/settings/numbers');
  await page.getByLabel('Area code').fill(area);
  await page.getByRole('button', { name: 'Search' }).click();
  const link = page.getByRole('link', { name: /^Choose/ }).first();
  const number = (await link.innerText()).replace('Choose ', '');
  await link.click();
  await page.getByRole('heading', { name: /^Purchase \(/ }).waitFor();
  return number;
}

const digits = (text) => text.replace(/\D/g, '').slice(-10);

async function ownNumbers(page) {
  await page.goto('/staff/settings/numbers');
  const labels = await page.getByRole('radio').all();
  return Promise.all(labels.map(async (radio) => digits(await radio.inputValue())));
}

test('a number is searched, bought, selected and saved', () =>
  visit(world, DESK, async (page) => {
    await openWorkspace(page, world, 'manager', '/staff/settings/numbers');
    await expectSound(page, DESK);
    const number = await choose(page, '617');
    await expectSound(page, DESK);
    await picture(page, DESK, 'purchase-number');
    await page.getByRole('button', { name: 'Purchase' }).click();
    await expectWords(page, 'The number was bought', 'Your numbers');
    await expectSound(page, DESK);
    await picture(page, DESK, 'your-numbers');
    assert.ok((await ownNumbers(page)).includes(digits(number)));
    await page.locator(`input[value="+1${digits(number)}"]`).check();
    await page.getByRole('button', { name: 'Save' }).click();
    await expectWords(page, 'Texts go out from this number');
    assert.equal(digits(await page.getByLabel('Number we text from').inputValue()), digits(number));
  }));

test('on a phone it is the same', () =>
  visit(world, POCKET, async (page) => {
    await openWorkspace(page, world, 'manager', '/staff/settings/numbers');
    await expectSound(page, POCKET);
    await choose(page, '303');
    await expectSound(page, POCKET);
  }));

test('the same form sent twice buys one', () =>
  visit(world, DESK, async (page) => {
    await openWorkspace(page, world, 'manager', '/staff/settings/numbers');
    const had = (await ownNumbers(page)).length;
    const number = await choose(page, '305');
    const question = page.url();
    const form = await page.locator('form[method=post]', { hasText: 'Purchase' }).evaluate((form) =>
      Object.fromEntries(new FormData(form)),
    );
    await page.getByRole('button', { name: 'Purchase' }).click();
    await expectWords(page, 'The number was bought');
    const again = await page.evaluate(async (fields) => {
      const body = new URLSearchParams(fields);
      const answer = await fetch('/staff/settings/numbers', { method: 'POST', body });
      return answer.status;
    }, form);
    assert.equal(again, 200, 'led to the page');
    await page.goto(question);
    await page.getByRole('button', { name: 'Purchase' }).click();
    const own = await ownNumbers(page);
    assert.equal(own.length, had + 1);
    assert.equal(own.filter((one) => one === digits(number)).length, 1);
  }));

test('a purchase whose answer was lost is looked up, not bought again', () =>
  visit(world, DESK, async (page) => {
    await openWorkspace(page, world, 'manager', '/staff/settings/numbers');
    const number = await choose(page, '415');
    // The answer to the purchase is cut, and the looks before and after it fail too.
    await world.fault([
      { vendor: 'twilio', operation: 'incoming_phone_numbers.list', kind: 'error500', times: 2 },
      { vendor: 'twilio', operation: 'incoming_phone_numbers.create', kind: 'truncate' },
    ]);
    await page.getByRole('button', { name: 'Purchase' }).click();
    await expectWords(page, 'Nobody knows yet', 'It is looked up, not bought again');
    await expectSound(page, DESK);
    await page.getByRole('button', { name: /^Look it up/ }).click();
    await expectWords(page, 'The number was bought');
    assert.ok((await ownNumbers(page)).includes(digits(number)));
  }));

test('nobody but a manager buys numbers', () =>
  visit(world, DESK, async (page) => {
    await openWorkspace(page, world, 'biller', '/staff');
    assert.equal((await page.goto('/staff/settings/numbers')).status(), 403);
  }));

test('billing is accepted by its words, and those are shown', () =>
  visit(world, DESK, async (page, { watch }) => {
    watch.expect(/^422: POST/);
    await openWorkspace(page, world, 'manager', '/staff/settings/texting');
    await page.getByText('SMS billing consent: what is accepted').click();
    await expectWords(page, 'bills the practice for texting');
    await expectSound(page, DESK);
    await page.getByLabel('Accept SMS billing consent').uncheck();
    await page.getByRole('button', { name: 'Save' }).click();
    await expectWords(page, 'Accept the billing of texts to enable them');
    await page.getByLabel('Enable SMS Service').uncheck();
    await page.getByRole('button', { name: 'Save' }).click();
    await expectWords(page, 'The settings were saved');
    await page.getByLabel('Enable SMS Service').check();
    await page.getByLabel('Accept SMS billing consent').check();
    await page.getByRole('button', { name: 'Save' }).click();
    await expectWords(page, 'The settings were saved');
    assert.ok(await page.getByLabel('Enable SMS Service').isChecked());
  }));
