// A family with one phone gets one text, with a link of its own for each account, and the office sees
// before and after that it was one. The mailbox is the witness.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { closeBrowser, DESKTOP, expectSound, PHONE, picture, visit } from './browser.mjs';
import { Cast, visit as bill } from './cast.mjs';
import { expectReceipt, pay } from './patient.mjs';
import { DESK, expectWords, openRecord, openWorkspace } from './staff.mjs';
import { startWorld } from './world.mjs';

const links = (body) => [...body.matchAll(/https?:\/\/\S+\/p\/[\w-]+/g)].map(([link]) => link);

after(closeBrowser);

/** Mother and son on one phone, who read English, and two sisters on another, who read Spanish. */
function families(prefix) {
  const cast = new Cast(prefix);
  // Names that nobody of the sample practice has.
  const named = (name, changes = {}) => cast.person({ name, patientName: name, ...changes });
  const mother = named('Vera Tindall');
  const son = named('Ivo Tindall', { phone: mother.phone, visits: [bill('2026-01-20', '41.00')] });
  const rosa = named('Rosa Quirogas', { language: 'es' });
  const carmen = named('Carmen Quirogas', { phone: rosa.phone, language: 'es' });
  const alone = named('Otto Winkelried');
  return { cast, mother, son, rosa, carmen, alone };
}

/** Of somebody's row on the Confirm Patient List. */
function rowOf(page, one) {
  const box = page.getByRole('checkbox', { name: new RegExp(`Include ${one.name}`) });
  return page.locator('tr', { has: box });
}

for (const way of [{ ...DESKTOP, javaScript: true }, { ...PHONE, javaScript: true }, { ...DESKTOP, javaScript: false }]) {
  const label = `${way.name}${way.javaScript ? '' : ' without JavaScript'}`;
  test(`a family with one phone gets one text, ${label}`, async () => {
    const { cast, mother, son, rosa, carmen, alone } = families('FAM');
    const world = await startWorld();
    world.importFile('families.csv', cast.csv());
    try {
      await visit(world, way, async (page) => {
        await openWorkspace(page, world, 'biller');
        await page.getByRole('link', { name: 'Encounters' }).first().click();
        await page.getByRole('link', { name: 'Send Patient Statements' }).first().click();
        await page.getByLabel('Text', { exact: true }).check();
        await page.getByRole('button', { name: 'Preview' }).click();
        await page.getByRole('heading', { name: 'Two accounts with one phone or email' }).waitFor();
        await expectWords(page, 'Another account with this phone also has a balance', /[23] parts/);
        await expectSound(page, way);
        await picture(page, way, 'preview-two-accounts');
        await page.getByRole('button', { name: 'Show Patients' }).click();

        // Only these families and one who is alone.
        await page.getByRole('heading', { name: 'Confirm Patient List' }).waitFor();
        await page.getByRole('button', { name: 'Clear all' }).click();
        for (const one of [mother, son, rosa, carmen, alone]) {
          await page.getByRole('checkbox', { name: new RegExp(`Include ${one.name}`) }).check();
        }
        await page.getByRole('button', { name: 'Save selection' }).click();
        for (const one of [mother, son, rosa, carmen]) {
          const row = await rowOf(page, one).innerText();
          assert.match(row, /One text for 2 accounts/, one.name);
          assert.match(row, /Within the hour/, one.name);
        }
        assert.doesNotMatch(await rowOf(page, alone).innerText(), /accounts/);
        assert.equal(await page.locator('[data-count=accounts]').innerText().then((t) => t.split(' ')[0]), '5');
        assert.equal(await page.locator('[data-count=messages]').innerText(), '3');
        await expectSound(page, way);
        await picture(page, way, 'confirm-families');

        await page.getByRole('button', { name: 'Send Patient Statements' }).click();
        await expectWords(page, /Send 3 texts\?/, /For 5 accounts/);
        await expectSound(page, way);
        await page.getByRole('button', { name: /^Yes/ }).click();
        await page.getByRole('heading', { name: 'Patient Statements Sent' }).waitFor();
        await expectWords(page, /2 accounts go in the message of another/);
        await page.goto(page.url().replace('/statements/sent/', '/jobs/'));
        await expectWords(page, '3 texts for 5 accounts', /One text for 2 accounts/);
        await expectSound(page, way);
        await picture(page, way, 'job-of-families');
        await page.getByRole('link', { name: new RegExp(`to ${son.name}`) }).click();
        await expectWords(page, 'together with 1 other account on this phone');
        await expectWords(page, 'Another account with this phone also has a balance');
        assert.ok(!(await page.locator('main').innerText()).includes(mother.name), 'never whose');
        await expectSound(page, way);
        await picture(page, way, 'message-of-families');
      });

      await world.advance('PT1H');
      const [text, ...more] = await world.mailbox(mother.phone);
      assert.equal(more.length, 0, 'one text for the phone');
      const [one, other] = links(text.body);
      assert.ok(one && other && one !== other, text.body);
      for (const secret of [mother.name, son.name, '82.00', '41.00', '123.00']) {
        assert.ok(!text.body.includes(secret), `${secret} in ${text.body}`);
      }
      const [spanish, ...moreSpanish] = await world.mailbox(rosa.phone);
      assert.equal(moreSpanish.length, 0);
      assert.ok(spanish.body.includes('Otra cuenta con este teléfono también tiene un saldo'));
      assert.equal(links(spanish.body).length, 2);
      const [single] = await world.mailbox(alone.phone);
      assert.equal(links(single.body).length, 1);

      // Each link opens its own bill and no other, one after the other in one browser too.
      const amounts = [];
      await visit(world, { ...PHONE, javaScript: true }, async (page) => {
        for (const link of [one, other]) {
          await page.goto(world.url(new URL(link).pathname));
          await page.getByRole('heading', { level: 1, name: 'Make a Payment' }).waitFor();
          const words = await page.locator('main').innerText();
          amounts.push(['$82.00', '$41.00'].filter((amount) => words.includes(amount)));
        }
        await pay(page, { javaScript: true });
        await expectReceipt(page);
      });
      assert.deepEqual(amounts.flat().sort(), ['$41.00', '$82.00']);
      const payer = amounts[1][0] === '$82.00' ? mother : son;
      const owes = payer === mother ? son : mother;

      await visit(world, DESK, async (page) => {
        await openWorkspace(page, world, 'biller');
        await openRecord(page, son.name);
        await page.goto(`${page.url()}/why`);
        await expectWords(page, 'together with 1 other account on this phone');
        assert.ok(!(await page.locator('main').innerText()).includes(mother.name), 'never whose');
      });

      // The one who has not paid is reminded again, alone.
      await world.advance('P8D');
      await visit(world, DESK, async (page) => {
        await openWorkspace(page, world, 'biller', '/staff/statements/confirm?method=text&status=ready&status=pending_patient');
        const row = await rowOf(page, owes).innerText();
        assert.doesNotMatch(row, /One text for 2/);
        assert.equal(await page.getByRole('checkbox', { name: new RegExp(`Include ${payer.name}`) }).count(), 0);
      });
    } finally {
      await world.stop();
    }
  });
}
