// Balances come in through the workspace: what is new, what is refused, what looks wrong.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { closeBrowser, DESKTOP, expectAccessible, expectSound, picture, visit } from './browser.mjs';
import { Cast, COLUMNS, visit as visitOf } from './cast.mjs';
import { DESK, expectWords, openWorkspace } from './staff.mjs';
import { startWorld, until } from './world.mjs';

const cast = new Cast('IMP');
for (let i = 0; i < 20; i += 1) cast.person();

/** The same visit, with nothing left to pay. */
const paidInFull = (one) => visitOf(one.day, '0.00');

let world;

before(async () => {
  world = await startWorld({ accounts: 5 });
});

after(async () => {
  await closeBrowser();
  await world?.stop();
});

async function upload(page, name, text) {
  await page.goto('/staff/imports');
  await page.locator('input[type=file]').setInputFiles({ name, mimeType: 'text/csv', buffer: Buffer.from(text) });
  const answered = page.waitForEvent('domcontentloaded');
  await page.getByRole('button', { name: /import|upload/i }).first().click();
  await answered;
  // An upload that is no file of balances has no import to follow.
  if (!/\/staff\/imports\/imp_/.test(page.url())) return;
  await until('the end of the import', async () => {
    if ((await page.locator('#progress').count()) === 0) return true;
    await page.reload();
    return false;
  });
}

for (const way of [DESK, { ...DESKTOP, javaScript: false }]) {
  test(`a file is uploaded and its report read, ${way.javaScript ? 'with' : 'without'} JavaScript`, () =>
    visit(world, way, async (page) => {
      await openWorkspace(page, world, 'manager');
      await page.goto('/staff/imports');
      await expectSound(page, way);
      await upload(page, 'balances.csv', cast.csv());
      await expectWords(page, /accepted|unchanged/i, '20', 'Dana Reed');
      await expectSound(page, way);
      await picture(page, way, 'import');
    }));
}

test('the same file twice changes nothing', () =>
  visit(world, DESK, async (page) => {
    await openWorkspace(page, world, 'manager');
    await upload(page, 'again.csv', cast.csv());
    await expectWords(page, /unchanged/i);
  }));

test('a refused row is named with its line and reason, and no value of it', () =>
  visit(world, DESK, async (page) => {
    await openWorkspace(page, world, 'manager');
    const lines = cast.csv().split('\r\n');
    const cells = lines[3].split(',');
    cells[COLUMNS.indexOf('patient_due')] = 'twelve dollars';
    lines[3] = cells.join(',');
    await upload(page, 'one-bad-row.csv', lines.join('\r\n'));
    await expectWords(page, '4', 'patient_due');
    assert.ok(!(await page.content()).includes('twelve dollars'));
    await expectAccessible(page);
  }));

test('something that is no file of balances is refused in words', () =>
  visit(world, DESK, async (page, { watch }) => {
    watch.expect(/^4\d\d: POST/);
    await openWorkspace(page, world, 'manager');
    await upload(page, 'picture.csv', '\u0000\u0001PNG nonsense');
    await expectWords(page, /refused|not/i);
  }));

test('a file that clears most of the book waits for a manager', () =>
  visit(world, DESK, async (page) => {
    const cleared = new Cast('IMP');
    cleared.people = cast.people.map((one) => ({ ...one, visits: one.visits.map(paidInFull) }));
    await openWorkspace(page, world, 'manager');
    await upload(page, 'cleared.csv', cleared.csv());
    // One claim's only row was refused above, so it is not open.
    await expectWords(page, /held/i, '19 of 19 open claims', 'nothing left to pay');
    await expectSound(page, DESK);
    await picture(page, DESK, 'held-import');

    await page.getByRole('button', { name: 'Reject' }).click();
    await expectWords(page, 'Say why');
    await page.getByLabel('Reason').fill('The file was cut off');
    await page.getByRole('button', { name: 'Reject' }).click();
    await expectWords(page, 'Rejected', 'Dana Reed: The file was cut off');

    await upload(page, 'whole-again.csv', cast.csv());
    await expectWords(page, 'Applied', '20');
  }));
