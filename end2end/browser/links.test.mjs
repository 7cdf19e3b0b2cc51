// Every page there is a link to: none fails, axe finds nothing on any, all fit a narrow screen.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { closeBrowser, DESKTOP, PHONE, visit } from './browser.mjs';
import { Cast } from './cast.mjs';
import { crawl } from './links.mjs';
import { createAccount, openLink, pay, proveByCode } from './patient.mjs';
import { openWorkspace, remindEveryone } from './staff.mjs';
import { startWorld } from './world.mjs';

const cast = new Cast('LNK');
const patient = cast.personOwing('25.00', '57.00');
const payer = cast.person();

let world;

before(async () => {
  world = await startWorld();
  world.importFile('links.csv', cast.csv());
  await remindEveryone(world, { method: 'Email' });
  await visit(world, { ...PHONE, javaScript: true }, async (page) => {
    await openLink(page, world, payer, 'email');
    await pay(page, {});
    await page.getByText('Payment received. Thank you.').first().waitFor();
  });
});

after(async () => {
  await closeBrowser();
  await world?.stop();
});

for (const role of ['manager', 'viewer']) {
  for (const dark of [false, true]) {
    test(`every page a ${role} can reach is sound, ${dark ? 'dark' : 'light'}`, () =>
      visit(world, { ...DESKTOP, javaScript: true, dark }, async (page) => {
        await openWorkspace(page, world, role);
        const { pages, findings } = await crawl(page, world.base, '/staff', /^\/staff/);
        assert.deepEqual(findings, []);
        assert.ok(pages.length >= 10, `only ${pages.length} pages: ${pages.join(' ')}`);
      }));
  }
}

test('every page a patient can reach is sound, in both languages', () =>
  visit(world, { ...PHONE, javaScript: true }, async (page) => {
    await openLink(page, world, patient, 'email');
    await page.getByRole('link', { name: 'I want to see my statement before I pay' }).click();
    await createAccount(page, patient);
    if (await page.getByRole('button', { name: 'Send code' }).count()) await proveByCode(page, world, patient);
    const patientPages = /^\/(?!staff|sandbox|api)/;
    const english = await crawl(page, world.base, '/account', patientPages);
    assert.deepEqual(english.findings, []);
    await page.goto('/account');
    await page.getByRole('button', { name: 'Español' }).click();
    const spanish = await crawl(page, world.base, '/account', patientPages);
    assert.deepEqual(spanish.findings, []);
    assert.ok(english.pages.length >= 4, english.pages.join(' '));
  }));
