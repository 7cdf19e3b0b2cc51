// What was paid online is found, matched, applied, undone, given back and carried over.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';

import { closeBrowser, expectSound, PHONE, picture, visit } from './browser.mjs';
import { Cast } from './cast.mjs';
import { openLink, pay } from './patient.mjs';
import { DESK, expectWords, findOnlinePayment, openWorkspace, remindEveryone } from './staff.mjs';
import { startWorld } from './world.mjs';

const NARROW_DESK = { ...PHONE, javaScript: true };

const cast = new Cast('FND');
const settled = cast.personOwing('25.00', '57.00');
const partial = cast.personOwing('30.00', '40.00');
const refunded = cast.person();
const posted = cast.person();
const overtaken = cast.personOwing('20.00', '62.00');
const alike = [cast.person(), cast.person()];
const declinedOnly = cast.person();

let world;

before(async () => {
  world = await startWorld();
  world.importFile('find.csv', cast.csv());
  await remindEveryone(world);
  for (const [person, amount] of [[settled], [partial, '50.00'], [refunded], [posted], [overtaken], ...alike.map((one) => [one])]) {
    await visit(world, { ...PHONE, javaScript: true }, async (page) => {
      await openLink(page, world, person);
      if (amount) {
        await page.getByLabel('Pay other amount').check();
        await page.getByRole('textbox', { name: /amount/i }).first().fill(amount);
      }
      await pay(page, {});
      await page.getByText('Payment received. Thank you.').first().waitFor();
    });
  }
});

after(async () => {
  await closeBrowser();
  await world?.stop();
});

for (const way of [DESK, NARROW_DESK]) {
  test(`the list of online payments reads well, ${way.name}`, () =>
    visit(world, way, async (page) => {
      await openWorkspace(page, world, 'biller');
      await findOnlinePayment(page, world, partial.name);
      await expectWords(page, '$50.00', 'Unapplied');
      assert.ok(!(await page.locator('main').innerText()).includes(declinedOnly.name));
      await expectSound(page, way);
      await picture(page, way, 'find-payment');
    }));
}

test('a payment is applied to the oldest visits first, and taken back', () =>
  visit(world, DESK, async (page) => {
    await openWorkspace(page, world, 'biller');
    const row = await findOnlinePayment(page, world, settled.name);
    await row.getByRole('link').first().click();
    await expectWords(page, '$25.00', '$57.00', /oldest/i);
    await expectSound(page, DESK);
    await picture(page, DESK, 'apply');
    await page.getByRole('button', { name: /^Apply/ }).first().click();
    await expectWords(page, /applied/i, /\$0\.00/);
    await page.getByRole('button', { name: /^Undo/ }).first().click();
    await expectWords(page, '$82.00');
    await page.getByRole('button', { name: /^Apply/ }).first().click();
    await expectWords(page, /applied/i);
  }));

test('more than the payment holds cannot be applied', () =>
  visit(world, DESK, async (page, { watch }) => {
    watch.expect(/^422: POST/);
    await openWorkspace(page, world, 'biller');
    const row = await findOnlinePayment(page, world, partial.name);
    await row.getByRole('link').first().click();
    const fields = page.locator('form input[inputmode="decimal"]');
    await fields.first().fill('30.00');
    await fields.nth(1).fill('40.00');
    await page.getByRole('button', { name: /^Apply/ }).first().click();
    await expectWords(page, 'Only $50.00 of this payment is unapplied');
    await fields.nth(1).fill('20.00');
    await page.getByRole('button', { name: /^Apply/ }).first().click();
    await expectWords(page, /applied/i);
  }));

test('unapplied money is given back with a reason, once', () =>
  visit(world, DESK, async (page, { watch }) => {
    watch.expect(/^422: POST/);
    await openWorkspace(page, world, 'manager');
    const row = await findOnlinePayment(page, world, refunded.name);
    await row.getByRole('link').first().click();
    await page.getByRole('link', { name: /^Refund/ }).or(page.getByRole('button', { name: /^Refund/ })).first().click();
    await page.getByLabel(/amount/i).first().fill('82.00');
    await page.getByLabel(/reason/i).first().selectOption('Paid twice');
    await page.getByRole('button', { name: /refund/i }).last().click();
    await expectWords(page, 'Refund $82.00 to Visa 4242?');
    await expectSound(page, DESK);
    await page.getByRole('button', { name: /^Yes/ }).click();
    await expectWords(page, /refunded/i, '$82.00');
    await expectSound(page, DESK);
    await world.message((m) => m.to === refunded.email && /refund/i.test(`${m.subject} ${m.body}`), 'word of it');
  }));

test('what has been carried over to the practice system is marked and leaves the export', () =>
  visit(world, DESK, async (page) => {
    await openWorkspace(page, world, 'biller');
    await findOnlinePayment(page, world, posted.name);
    const exported = async () => {
      const [file] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('link', { name: /export/i }).or(page.getByRole('button', { name: /export/i })).first().click(),
      ]);
      return readFileSync(await file.path(), 'utf8');
    };
    const before = await exported();
    assert.ok(before.includes(posted.id));
    const row = await findOnlinePayment(page, world, posted.name);
    await row.getByRole('link').first().click();
    await page.getByRole('button', { name: /Mark as posted/ }).click();
    await expectWords(page, 'Marked as posted');
    await expectSound(page, DESK);
    await findOnlinePayment(page, world, posted.name, 'Posted');
    assert.ok(!(await exported()).includes(posted.id));
  }));

test('a refund without a reason, or of more than there is, is not asked of anybody', () =>
  visit(world, NARROW_DESK, async (page, { watch }) => {
    watch.expect(/^422: POST/);
    await openWorkspace(page, world, 'biller');
    const row = await findOnlinePayment(page, world, alike[0].name);
    await row.getByRole('link').first().click();
    await page.getByRole('link', { name: /^Refund/ }).click();
    await page.getByRole('button', { name: 'Refund' }).click();
    await expectWords(page, 'Choose why the money goes back.');
    await expectSound(page, NARROW_DESK);
    await page.getByLabel('Reason').selectOption('Paid twice');
    await page.getByLabel('Amount').fill('82.01');
    await page.getByRole('button', { name: 'Refund' }).click();
    await expectWords(page, 'Only $82.00 of this payment is unapplied');
    await page.getByLabel('Amount').fill('300');
    await page.getByRole('button', { name: 'Refund' }).click();
    await expectWords(page, /Only \$82\.00|You can refund up to/);
  }));

test('a draft waits for its writer, and what a colleague changed has to be seen first', () =>
  visit(world, NARROW_DESK, async (page, { watch }) => {
    watch.expect(/^422: POST/);
    const amounts = page.locator('form input[inputmode="decimal"]');
    await openWorkspace(page, world, 'biller');
    const row = await findOnlinePayment(page, world, overtaken.name);
    await row.getByRole('link').first().click();
    await amounts.first().fill('11.00');
    await page.getByRole('button', { name: 'Save draft' }).click();
    await expectWords(page, 'Saved as your draft', 'Your draft of');
    assert.equal(await amounts.first().inputValue(), '11.00');
    await expectSound(page, NARROW_DESK);
    await picture(page, NARROW_DESK, 'draft');

    const address = page.url();
    await visit(world, DESK, async (other) => {
      await openWorkspace(other, world, 'manager');
      await other.goto(address);
      const theirs = other.locator('form input[inputmode="decimal"]');
      assert.equal(await theirs.first().inputValue(), '20.00');
      await theirs.nth(1).fill('');
      await other.getByRole('button', { name: /^Apply/ }).first().click();
      await expectWords(other, 'Applied to 1 visit');
    });

    await amounts.first().fill('12.00');
    await page.getByRole('button', { name: /^Apply/ }).first().click();
    await expectWords(page, /Changed by .+ at \d+:\d\d [AP]M\. Reload\./);
    assert.equal(await amounts.first().inputValue(), '62.00', 'what is left to apply is shown as it is now');
    await expectSound(page, NARROW_DESK);
    await page.getByRole('link', { name: 'Reload this payment' }).click();
    await page.getByRole('button', { name: 'Discard draft' }).click();
    assert.equal(await amounts.first().inputValue(), '62.00');
  }));

test('exact matches are applied together, after a look at them', () =>
  visit(world, DESK, async (page) => {
    await openWorkspace(page, world, 'biller');
    await findOnlinePayment(page, world, alike[0].name);
    await page.getByRole('link', { name: /^Apply \d+ exact matches/ }).click();
    await expectWords(page, alike[0].name, alike[1].name);
    await expectSound(page, DESK);
    await picture(page, DESK, 'exact-matches');
    await page.getByRole('button', { name: /^Yes/ }).click();
    await expectWords(page, /\d payments applied\./, 'All online payments are applied.');
    await expectSound(page, DESK);
    await page.getByLabel('Name').fill('Nobody');
    await page.getByRole('button', { name: 'Filter' }).click();
    await expectWords(page, 'No online payment fits these filters.');
    await page.getByRole('link', { name: 'Clear filters' }).click();
    await findOnlinePayment(page, world, alike[1].name, 'Applied');
    await page.getByRole('link', { name: /^Amount/ }).click();
    assert.match(await page.locator('th[aria-sort="ascending"]').innerText(), /^Amount/);
    await page.getByRole('row', { name: new RegExp(alike[1].name) }).first().waitFor();
  }));

test('a viewer looks and changes nothing', () =>
  visit(world, DESK, async (page) => {
    await openWorkspace(page, world, 'viewer');
    const row = await findOnlinePayment(page, world, partial.name, 'All');
    await row.getByRole('link').first().click();
    assert.equal(await page.getByRole('button', { name: /^(Apply|Undo|Mark as posted)/ }).count(), 0);
    assert.equal(await page.getByRole('button', { name: /^Refund/ }).count(), 0);
  }));
