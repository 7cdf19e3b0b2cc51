// A biller reminds patients, and the engine sends only what it may.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { closeBrowser, DESKTOP, expectAccessible, expectSound, PHONE, picture, visit } from './browser.mjs';
import { Cast } from './cast.mjs';
import { openLink, pay } from './patient.mjs';
import { confirmAndSend, DESK, expectWords, openRecord, openWorkspace, showPatients } from './staff.mjs';
import { startWorld, WEDNESDAY_10AM } from './world.mjs';

const WAYS = [
  { ...DESKTOP, javaScript: true, label: 'at a desk' },
  { ...PHONE, javaScript: true, label: 'on a phone' },
  { ...DESKTOP, javaScript: false, label: 'without JavaScript' },
];

async function newWorld(cast, options) {
  const world = await startWorld(options);
  world.importFile('send.csv', cast.csv());
  return world;
}

after(closeBrowser);

for (const way of WAYS) {
  test(`a biller sends reminders from criteria to Finish, ${way.label}`, async () => {
    const cast = new Cast('SND');
    const wanted = cast.person();
    const left = cast.person();
    const silent = cast.person({ consent: false });
    const world = await newWorld(cast);
    try {
      await visit(world, way, async (page) => {
        await openWorkspace(page, world, 'biller');
        await page.getByRole('link', { name: 'Encounters' }).first().click();
        await page.getByRole('link', { name: 'Send Patient Statements' }).first().click();
        await page.getByRole('heading', { name: 'Select Criteria' }).waitFor();
        await expectSound(page, way);
        await picture(page, way, 'select-criteria');

        await showPatients(page, { method: 'Text' });
        await expectSound(page, way);
        await expectWords(page, wanted.name, left.name);
        assert.ok(!(await page.content()).includes(wanted.phone), 'contacts are masked');
        const box = page.getByRole('checkbox', { name: new RegExp(`Include ${left.name}`) });
        assert.ok(await box.isChecked());
        await box.uncheck();
        await picture(page, way, 'confirm-patient-list');

        await page.getByRole('link', { name: /Not eligible/ }).click();
        await expectWords(page, silent.name, /consent/i);
        await expectSound(page, way);
        await page.goBack();
        if (await box.isChecked()) await box.uncheck();

        await page.getByRole('button', { name: 'Send Patient Statements' }).click();
        await expectWords(page, /Send \d+ texts?\?/);
        await expectSound(page, way);
        await page.getByRole('button', { name: /^Yes/ }).click();
        await page.getByRole('heading', { name: 'Patient Statements Sent' }).waitFor();
        assert.ok(await page.getByLabel(/^Yes/).isChecked(), 'Pending patient is the default');
        await expectSound(page, way);
        await picture(page, way, 'patient-statements-sent');
        await page.getByRole('button', { name: 'Finish' }).click();

        await world.advance('PT1H');
        const text = await world.message(wanted.phone, 'the reminder');
        assert.ok(text.link, 'it carries a link');
        assert.ok(!text.body.includes('82.00'), 'and no amount');
        assert.equal((await world.mailbox(left.phone)).length, 0);
        assert.equal((await world.mailbox(silent.phone)).length, 0);
        await openRecord(page, wanted.name);
        await expectWords(page, 'Pending patient');
        await expectSound(page, way);
        await picture(page, way, 'patient-record');
      });
    } finally {
      await world.stop();
    }
  });
}

test('"No" leaves the claims ready to send', async () => {
  const cast = new Cast('SNN');
  const one = cast.person();
  const world = await newWorld(cast);
  try {
    await visit(world, DESK, async (page) => {
      await openWorkspace(page, world, 'biller');
      await showPatients(page);
      await confirmAndSend(page, { mark: 'No' });
      await openRecord(page, one.name);
      await expectWords(page, 'Ready to send statements');
    });
  } finally {
    await world.stop();
  }
});

test('whoever pays, replies STOP or is put on hold before the hour is up gets nothing', async () => {
  const cast = new Cast('SNX');
  const pays = cast.person();
  const stops = cast.person();
  const held = cast.person();
  const world = await newWorld(cast);
  try {
    await visit(world, DESK, async (page) => {
      await openWorkspace(page, world, 'biller');
      await showPatients(page, { method: 'Email' });
      await confirmAndSend(page);
    });
    await world.advance('PT1H');
    await visit(world, { ...PHONE, javaScript: true }, async (page) => {
      await openLink(page, world, pays, 'email');
      await pay(page, {});
    });
    await world.reply({ from: stops.phone, to: '', body: 'Stop texting me please' });
    await visit(world, DESK, async (page) => {
      await openWorkspace(page, world, 'biller');
      await openRecord(page, held.name);
      await page.getByRole('link', { name: /^Hold/ }).or(page.getByRole('button', { name: /^Hold/ })).first().click();
      await expectAccessible(page);
      await page.getByLabel(/reason/i).first().fill('Dispute with the insurer').catch(async () => {
        await page.getByLabel(/reason/i).first().selectOption({ index: 1 });
      });
      await page.getByRole('button', { name: /hold|save/i }).last().click();
    });
    await world.advance('P8D');
    const before = (await world.mailbox()).length;
    await visit(world, DESK, async (page) => {
      await openWorkspace(page, world, 'biller');
      await showPatients(page, { method: 'Text' });
      await page.getByRole('link', { name: /Not eligible/ }).click();
      await expectWords(page, stops.name, held.name);
      await openRecord(page, stops.name);
      await expectWords(page, 'Stop texting me please', /opted out/i);
    });
    await world.advance('PT2H');
    const fresh = (await world.mailbox()).slice(before);
    for (const one of [pays, stops, held]) {
      assert.deepEqual(fresh.filter((m) => m.to === one.phone), [], one.name);
    }
  } finally {
    await world.stop();
  }
});

test('what is approved at night goes out in the morning of the recipient', async () => {
  const cast = new Cast('SNI');
  const one = cast.person();
  const world = await newWorld(cast, { clock: WEDNESDAY_10AM.replace('T10', 'T22') });
  try {
    await visit(world, DESK, async (page) => {
      await openWorkspace(page, world, 'biller');
      await showPatients(page);
      await expectWords(page, /tomorrow|Mar 5/i);
      await confirmAndSend(page);
    });
    await world.advance('PT2H');
    assert.equal((await world.mailbox(one.phone)).length, 0);
    await world.setClock('2026-03-05T10:30:00-05:00');
    await world.message(one.phone, 'the reminder in the morning');
  } finally {
    await world.stop();
  }
});

test('a custom name for texts has a limit and a warning before it', async () => {
  const world = await startWorld();
  try {
    await visit(world, DESK, async (page, { watch }) => {
      watch.expect(/^422: POST/);
      await openWorkspace(page, world, 'manager', '/staff/settings');
      await page.getByRole('link', { name: 'Statement Options' }).click();
      const name = page.getByLabel('Custom practice name');
      await name.fill('x'.repeat(51));
      await page.getByRole('button', { name: /save/i }).first().click();
      await expectWords(page, /50/);
      await name.fill('A practice name of thirty-five signs');
      await page.getByRole('button', { name: /save/i }).first().click();
      await expectWords(page, /30/);
      await expectSound(page, DESK);
    });
  } finally {
    await world.stop();
  }
});

test('why she got a text and he did not can be read on their records', async () => {
  const cast = new Cast('SNW');
  const she = cast.person();
  const he = cast.person({ consent: false });
  const world = await newWorld(cast);
  try {
    await visit(world, DESK, async (page) => {
      await openWorkspace(page, world, 'biller');
      await showPatients(page);
      await confirmAndSend(page);
      await world.advance('PT1H');
      await openRecord(page, she.name);
      await page.getByRole('link', { name: /why/i }).first().click();
      await expectWords(page, /sent/i, /next/i);
      await expectSound(page, DESK);
      await picture(page, DESK, 'why');
      await openRecord(page, he.name);
      await page.getByRole('link', { name: /why/i }).first().click();
      await expectWords(page, /consent/i);
    });
  } finally {
    await world.stop();
  }
});
