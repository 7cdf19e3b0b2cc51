// Statement profiles: drafted, tried on the book, proofed, activated; then days pass, and what was
// promised happens. Follow-ups are called, noted and decided.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { closeBrowser, DESKTOP, expectAccessible, expectSound, picture, visit } from './browser.mjs';
import { Cast } from './cast.mjs';
import { DESK, expectWords, openWorkspace, showPatients } from './staff.mjs';
import { startWorld, until } from './world.mjs';

const cast = new Cast('PRF');
// The clock stands on March 4, 2026: bills of the week before.
const usual = cast.person();
const owesMuch = cast.personOwing('612.00');
for (const one of [usual, owesMuch]) for (const v of one.visits) v.day = '2026-02-26';

const late = new Cast('LAT');
late.person({ phone: '+14135550177' });

let world;

before(async () => {
  world = await startWorld({ accounts: 3 });
  world.importFile('profiles.csv', cast.csv());
});

after(async () => {
  await closeBrowser();
  await world?.stop();
});

async function draft(page, name) {
  await page.goto('/staff/profiles');
  await page.getByLabel('Name of a new profile').fill(name);
  await page.getByRole('button', { name: 'Make a draft' }).click();
  await page.getByRole('heading', { level: 1, name: new RegExp(name) }).waitFor();
}

async function yes(page, first, then) {
  await page.getByRole('link', { name: first }).click();
  await page.getByRole('button', { name: then }).click();
}

test('a profile without a name is refused, and a draft says what is wrong before it is approved', () =>
  visit(world, DESK, async (page, { watch }) => {
    watch.expect(/^422: POST/);
    await openWorkspace(page, world, 'manager', '/staff/profiles');
    await expectSound(page, DESK);
    await draft(page, 'Tried first');
    await page.getByRole('link', { name: 'Edit', exact: true }).click();
    await expectAccessible(page);
    await page.getByLabel('Days', { exact: true }).first().fill('soon');
    await page.getByRole('button', { name: 'Save the draft' }).click();
    await expectWords(page, 'whole number');
    await page.getByLabel('Days', { exact: true }).first().fill('0');
    for (const step of await page.getByRole('button', { name: /^Remove this step/ }).all()) {
      void step;
      await page.getByRole('button', { name: /^Remove this step/ }).first().click();
    }
    await page.getByRole('button', { name: 'Save the draft' }).click();
    await expectWords(page, 'needs at least one step');
    assert.equal(await page.getByRole('link', { name: 'Approve the proof' }).count(), 0);
    await expectSound(page, DESK);
  }));

for (const way of [DESK, { ...DESKTOP, javaScript: false }]) {
  test(`a draft is tried on the book before anybody is reminded by it, ${way.javaScript ? 'with' : 'without'} JavaScript`, () =>
    visit(world, way, async (page) => {
      await openWorkspace(page, world, 'manager', '/staff/profiles');
      await draft(page, `Looked ahead ${way.javaScript ? 'with' : 'without'}`);
      await page.getByRole('button', { name: 'Simulate the next 60 days' }).click();
      await until('the end of the trial', async () => {
        if (await page.getByText('What would happen').count()) return true;
        await page.reload();
        return false;
      });
      await expectWords(page, 'Accounts of this profile', 'Busiest hour', 'Call after two reminders');
      await expectWords(page, /Cost of everything\s+\$\d/, 'Cost of letters', 'Calls for the office to make', 'The fullest hours');
      await expectSound(page, way);
      await picture(page, way, 'simulator');
    }));
}

test('a profile is proofed and activated, and its steps go out on their days', () =>
  visit(world, DESK, async (page) => {
    await openWorkspace(page, world, 'manager', '/staff/profiles');
    await draft(page, 'Usual reminders');
    await expectWords(page, 'First notice', 'Final notice', 'Propose for collections');
    await picture(page, DESK, 'profile-proof');
    await yes(page, 'Approve the proof', 'Yes, approve');
    await yes(page, 'Activate', 'Yes, activate');
    await expectWords(page, 'Active');

    // Day seven of the bills of February 26 is March 5.
    await world.setClock('2026-03-05T12:00:00-05:00');
    await page.goto('/staff/jobs');
    await expectWords(page, 'Waits for approval');
    await page.getByRole('link', { name: /Mar 5/ }).first().click();
    await expectWords(page, 'Statement profile', 'Usual reminders');
    await yes(page, 'Approve and send', 'Yes');
    await world.advance('PT2H');
    const message = await world.message(usual.phone, 'the reminder');
    assert.match(message.body, /\/p\//);

    // Two days after the first reminder somebody who owes much is called.
    await world.setClock('2026-03-07T12:00:00-05:00');
    await page.goto('/staff/follow-ups');
    await expectWords(page, owesMuch.name, 'Follow-up call for top priority', 'Urgent');
    await expectSound(page, DESK);
    await picture(page, DESK, 'follow-ups');
  }));

test('a call is noted; a dispute stops the reminders of that account', () =>
  visit(world, DESK, async (page, { watch }) => {
    watch.expect(/^422: POST/);
    await openWorkspace(page, world, 'biller', '/staff/follow-ups?kind=call');
    await page.getByRole('link', { name: new RegExp(`^Open: Call ${owesMuch.name}`) }).click();
    await expectWords(page, 'What to say', 'No amount, no word about a bill.');
    await page.getByRole('button', { name: 'Note it' }).click();
    await expectWords(page, 'Choose what came of it');
    await expectAccessible(page);
    await page.getByLabel('What came of it').selectOption({ label: 'Disputes the bill' });
    await page.getByLabel('Note', { exact: true }).fill('Says the visit never took place');
    await page.getByRole('button', { name: 'Note it' }).click();
    await expectWords(page, 'Noted, and closed');
    await page.goto('/staff/patients');
    await page.getByLabel(/search|name/i).first().fill(owesMuch.name);
    await page.getByRole('button', { name: /search|find/i }).first().click();
    await page.getByRole('link', { name: new RegExp(owesMuch.name) }).first().click();
    await expectWords(page, /disput/i);
  }));

test('a saved segment leads to the list it selects', () =>
  visit(world, DESK, async (page) => {
    await openWorkspace(page, world, 'manager', '/staff/segments');
    await page.getByLabel('Name of a new segment').fill('Large balances');
    await page.getByLabel('Amount due from').fill('500');
    await page.getByRole('button', { name: 'Save the segment' }).click();
    await expectWords(page, 'at least $500.00 due');
    await expectSound(page, DESK);
    await page.getByRole('link', { name: 'Send to Large balances' }).click();
    await expectWords(page, 'Saved segment: at least $500.00 due');
    await page.getByRole('button', { name: 'Preview' }).click();
    await page.getByRole('button', { name: 'Show Patients' }).click();
    const words = await page.locator('main').innerText();
    assert.ok(!words.includes(usual.name), 'only large balances');
  }));

test('the reports say how far reminders came, step by step', () =>
  visit(world, DESK, async (page) => {
    await openWorkspace(page, world, 'manager', '/staff/reports');
    await expectWords(page, 'Usual reminders: Reminder', 'Contact success', 'Average days outstanding');
    await expectSound(page, DESK);
    await picture(page, DESK, 'reports');
  }));

test('a job is paused, and what waits goes on when it is resumed', () =>
  visit(world, DESK, async (page) => {
    world.importFile('late.csv', late.csv(), { delta: true });
    await openWorkspace(page, world, 'biller');
    await showPatients(page);
    await page.getByRole('button', { name: 'Send Patient Statements' }).click();
    await page.getByRole('button', { name: /^Yes/ }).click();
    await page.getByRole('heading', { name: 'Patient Statements Sent' }).waitFor();
    await page.getByRole('button', { name: 'Finish' }).click();
    await page.goto('/staff/jobs');
    await page.getByRole('link', { name: /Mar 7/ }).first().click();
    await page.getByRole('button', { name: 'Pause' }).click();
    await expectWords(page, 'Paused');
    await expectSound(page, DESK);
    await world.advance('PT3H');
    assert.equal((await world.mailbox(late.people[0].phone)).length, 0);
    await page.getByRole('button', { name: 'Resume' }).click();
    await world.advance('PT1H');
    await world.message(late.people[0].phone, 'the text of a resumed job');
  }));

test('a viewer reads profiles and follow-ups and changes nothing', () =>
  visit(world, DESK, async (page) => {
    await openWorkspace(page, world, 'viewer', '/staff/profiles');
    assert.equal(await page.getByRole('button', { name: 'Make a draft' }).count(), 0);
    await page.goto('/staff/follow-ups');
    await expectAccessible(page);
  }));
