// A message fails: what staff find, what they do about it, and how the record says it ended. And the
// other side of the same notice: it stands in the patient's own account, and a code proves it.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { closeBrowser, DESKTOP, expectFits, expectSound, PATIENT_WAYS, PHONE, picture, visit } from './browser.mjs';
import { Cast } from './cast.mjs';
import { createAccount, openLink } from './patient.mjs';
import { DESK, expectWords, openRecord, openWorkspace, remindEveryone } from './staff.mjs';
import { startWorld } from './world.mjs';

const ZELDA = { name: 'Zelda Quimby', patientName: 'Zelda Quimby' };
const YORICK = { name: 'Yorick Umber', patientName: 'Yorick Umber' };
const WAYS = [
  { ...DESKTOP, javaScript: true, label: 'at a desk' },
  { ...PHONE, javaScript: true, label: 'on a phone' },
  { ...DESKTOP, javaScript: false, label: 'without JavaScript' },
];
const ERRORS = '/staff/notifications?errors=1';

after(closeBrowser);

/** A small world in which Zelda's reminder by text could not be delivered. */
async function withFailure(story, person = {}) {
  const cast = new Cast('ERR');
  const zelda = cast.person({ ...ZELDA, ...person });
  const world = await startWorld({ accounts: 1 });
  try {
    world.importFile('errors.csv', cast.csv());
    const never = { vendor: 'twilio', operation: 'messages.create', kind: 'decline', code: '30005' };
    await world.fault({ ...never, times: 5 });
    await remindEveryone(world);
    await fetch(world.url('/sandbox/faults'), { method: 'DELETE' });
    await story(world, zelda);
  } finally {
    await world.stop();
  }
}

/** The message of `name` among what is to be done. */
async function openError(page, name) {
  await page.goto(ERRORS);
  await page.getByRole('link', { name: new RegExp(`^What to do: .*${name}`) }).click();
  await page.getByRole('heading', { name: 'What to do about it' }).waitFor();
}

for (const way of WAYS) {
  test(`a failed message is put away with a reason and comes back, ${way.label}`, () =>
    withFailure((world, zelda) =>
      visit(world, way, async (page, { watch }) => {
        watch.expect(/^422: POST/);
        await openWorkspace(page, world, 'biller', '/staff');
        await expectWords(page, /\d+ failed messages? to see to/);
        await page.goto(ERRORS);
        await expectWords(page, 'Manage Errors (', zelda.name, 'Failed');
        await expectSound(page, way);
        await picture(page, way, 'manage-errors');
        await openError(page, zelda.name);
        await expectWords(page, 'Fix the contact', 'Send it another way', 'Stop writing to them', 'Put it away');
        await expectSound(page, way);
        await picture(page, way, 'failed-message');

        await page.getByLabel('Why is nothing to be done?').selectOption('other');
        await page.getByRole('button', { name: 'Put it away' }).click();
        await expectWords(page, 'Choose why nothing is to be done');
        await expectSound(page, way);
        await page.getByLabel('Note').fill('Moved abroad, wrote to us');
        await page.getByRole('button', { name: 'Put it away' }).click();
        await expectWords(page, 'Put away. It stands under Handled');
        assert.equal(await page.getByRole('link', { name: new RegExp(`What to do: .*${zelda.name}`) }).count(), 0);

        await page.getByLabel('Show').selectOption('yes');
        await page.getByRole('button', { name: 'Filter' }).click();
        assert.match(page.url(), /errors=1/);
        assert.match(page.url(), /handled=yes/);
        await expectWords(page, zelda.name, 'Put away: something else, by', 'Moved abroad');
        await expectSound(page, way);
        await picture(page, way, 'errors-handled');
        await page.goto(`${ERRORS}&handled=yes&until=2026-03-01`);
        await expectWords(page, 'No failure matches');
        await expectSound(page, way);

        await page.goto(`${ERRORS}&handled=yes`);
        await page.getByRole('link', { name: new RegExp(`Reminder by text to ${zelda.name}`) }).click();
        await page.getByRole('button', { name: 'Take it back' }).click();
        await expectWords(page, 'waits under Manage Errors again', /Taken back by/, 'Put it away');
        await expectSound(page, way);
      })));
}

test('fixing the contact leads to the record and back, and is what was done', () =>
  withFailure((world, zelda) =>
    visit(world, DESK, async (page) => {
      await openWorkspace(page, world, 'front desk', '/staff');
      await openError(page, zelda.name);
      assert.equal(await page.getByRole('button', { name: 'Send it this way' }).count(), 0, 'the desk sends nothing');
      await page.getByRole('link', { name: 'Fix the contact' }).click();
      await expectWords(page, /A text to .* failed/, 'saving brings you back');
      await expectSound(page, DESK);
      await picture(page, DESK, 'contact-of-a-failure');
      // Nothing typed is nothing put right.
      await page.getByRole('button', { name: /^Save Text/ }).click();
      await expectWords(page, 'Nothing was changed', 'saving brings you back');
      await page.getByLabel('Add a phone or email').fill('(413) 555-0188');
      await page.getByRole('button', { name: 'Add', exact: true }).click();
      await expectWords(page, 'The phone was added', 'Contact put right, by', 'Take it back');
      await expectSound(page, DESK);
      await page.getByRole('link', { name: 'Back to Manage Errors' }).click();
      assert.equal(await page.getByRole('link', { name: new RegExp(`What to do: .*${zelda.name}`) }).count(), 0);
    })));

test('a notice goes by email instead, once, and a colleague who comes late is told', () =>
  withFailure(async (world, zelda) => {
    const before = (await world.mailbox(zelda.email)).length;
    await visit(world, DESK, async (page, { watch, context }) => {
      watch.expect(/^422: POST/);
      await openWorkspace(page, world, 'biller', '/staff');
      await openError(page, zelda.name);
      const late = await context.newPage();
      await late.goto(page.url());
      await expectWords(page, /No reminder by text/);
      await page.getByLabel(/^Email to/).check();
      await picture(page, DESK, 'send-instead');
      await page.getByRole('button', { name: 'Send it this way' }).click();
      await expectWords(page, /It goes/);
      // The same form once more is the same outcome; another one is not.
      const again = await context.newPage();
      await again.goto(late.url());
      await late.getByLabel('Why is nothing to be done?').selectOption('paid');
      await late.getByRole('button', { name: 'Put it away' }).click();
      await expectWords(late, 'Somebody else was faster', 'Sent by email instead, by');
      await expectSound(late, DESK);
      await picture(late, DESK, 'handled-meanwhile');
    });
    // Once a day: a text that failed late may still have been read.
    await world.advance('PT26H');
    const mails = await world.mailbox(zelda.email);
    assert.equal(mails.length, before + 1);
    assert.match(mails.at(-1).body, /\/p\//);
    await visit(world, DESK, async (page) => {
      await openWorkspace(page, world, 'biller', '/staff/patients');
      await openRecord(page, zelda.name);
      await page.getByRole('link', { name: /^Why/ }).first().click();
      await expectWords(page, 'Reminder by email', 'Reminder by text', 'By email: It may go');
      await expectSound(page, DESK);
    });
  }));

test('the same choice pressed twice happens once', () =>
  withFailure(async (world, zelda) => {
    await visit(world, { ...DESK, javaScript: false }, async (page, { context }) => {
      await openWorkspace(page, world, 'biller', '/staff');
      await openError(page, zelda.name);
      const twin = await context.newPage();
      await twin.goto(page.url());
      for (const one of [page, twin]) {
        await one.getByLabel(/^Email to/).check();
        await one.getByRole('button', { name: 'Send it this way' }).click();
        await expectWords(one, /It goes/);
      }
    });
    await world.advance('PT26H');
    assert.equal((await world.mailbox((m) => m.to === zelda.email && m.link)).length, 1);
  }));

test('a guarantor opted out after a failure is written to nowhere', () =>
  withFailure((world, zelda) =>
    visit(world, DESK, async (page) => {
      await openWorkspace(page, world, 'front desk', '/staff');
      await openError(page, zelda.name);
      await page.getByLabel('At every phone, email and fax number on the record').check();
      await page.getByRole('button', { name: 'Opt out' }).click();
      await expectWords(page, 'Opted out. What waited for them was taken back.');
      await openRecord(page, zelda.name);
      await expectWords(page, /Opted out on .* through staff/);
      await page.goto(`${ERRORS}&handled=yes`);
      await page.getByRole('link', { name: new RegExp(`Reminder by text to ${zelda.name}`) }).click();
      await page.getByRole('button', { name: 'Take it back' }).click();
      await openRecord(page, zelda.name);
      const text = await page.locator('main').innerText();
      assert.doesNotMatch(text, /Opted out on/);
    })));

test('who reads only sees what was done and has nothing to press', () =>
  withFailure((world, zelda) =>
    visit(world, DESK, async (page) => {
      await openWorkspace(page, world, 'viewer', '/staff');
      await openError(page, zelda.name);
      await expectWords(page, 'Your role reads errors only');
      assert.equal(await page.locator('#what-to-do ~ form').count(), 0);
      await expectSound(page, DESK);
    })));

for (const way of PATIENT_WAYS) {
  test(`a reminder stands in the patient's own account with its code, ${way.label}`, async () => {
    const cast = new Cast('NOT');
    const [zelda, yorick] = [cast.person(ZELDA), cast.person({ ...YORICK, language: 'es' })];
    const world = await startWorld({ accounts: 1 });
    try {
      world.importFile('notices.csv', cast.csv());
      await remindEveryone(world);
      const text = await world.message((m) => m.to === zelda.phone && m.link, 'the text');
      const code = /[A-Z2-9]{4}-[A-Z2-9]{4}/.exec(text.body)?.[0];
      let address;
      await visit(world, way, async (page) => {
        await openLink(page, world, zelda);
        await page.getByRole('link', { name: 'I want to see my statement before I pay' }).click();
        await createAccount(page, zelda);
        await page.getByRole('heading', { level: 1, name: 'Your Bill Details' }).waitFor();
        await page.getByRole('link', { name: 'Messages', exact: true }).click();
        await page.getByRole('heading', { level: 1, name: 'Messages about your bill' }).waitFor();
        await expectWords(page, 'New messages: 1', 'By text to', 'Check code');
        if (code) await expectWords(page, code);
        await expectSound(page, way);
        await picture(page, way, 'account-messages');
        await page.getByRole('link', { name: /^Mar 4, 2026/ }).first().click();
        await page.getByRole('heading', { level: 1, name: 'A message from us' }).waitFor();
        address = new URL(page.url()).pathname;
        await expectWords(page, 'Lakeside Family', '/p/••••');
        await expectSound(page, way);
        await picture(page, way, 'account-message');
        await page.getByRole('link', { name: 'All messages' }).click();
        const list = await page.locator('main').innerText();
        assert.doesNotMatch(list, /New messages/, 'opened is read');
        await page.getByRole('link', { name: /^See the bill and pay/ }).first().click();
        await page.getByRole('heading', { level: 1, name: 'Your Bill Details' }).waitFor();
      });
      await visit(world, { ...way, locale: 'es-ES' }, async (page, { watch }) => {
        watch.expect(/^404: GET/);
        await page.goto(new URL((await world.message((m) => m.to === yorick.phone && m.link)).link).pathname);
        await page.locator('a[href*="create-account"], a[href*="statement"]').first().click();
        await createAccountInSpanish(page, yorick);
        await page.goto('/account/notices');
        await page.getByRole('heading', { level: 1, name: 'Mensajes sobre su factura' }).waitFor();
        await expectWords(page, 'Mensajes nuevos: 1', 'Código de verificación');
        await expectSound(page, way);
        await picture(page, way, 'account-messages-es');
        // Hers is not there for him.
        const answer = await page.goto(address);
        assert.equal(answer.status(), 404);
      });
    } finally {
      await world.stop();
    }
  });
}

/** The same form, by its fields' names. */
async function createAccountInSpanish(page, person) {
  const [year, month, day] = person.dob.split('-');
  await page.locator('input[name="email"]').fill(person.email);
  await page.locator('input[name="password"]').fill('four horses under the bridge');
  await page.locator('input[name="dob_month"]').fill(String(Number(month)));
  await page.locator('input[name="dob_day"]').fill(String(Number(day)));
  await page.locator('input[name="dob_year"]').fill(year);
  await page.locator('input[name="ssn4"]').fill(person.ssn4);
  await page.locator('main form button').last().click();
  await page.locator('h1').waitFor();
}

/** As it is typed on a phone. */
function onKeys(code) {
  const keys = { ABC: 2, DEF: 3, GHI: 4, JKL: 5, MNO: 6, PQRS: 7, TUV: 8, WXYZ: 9 };
  const key = (sign) => Object.entries(keys).find(([letters]) => letters.includes(sign))?.[1] ?? sign;
  return [...code.replace('-', '')].map(key).join('');
}

async function calls(world, from, digits) {
  const response = await fetch(world.url('/sandbox/calls'), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ from, digits }),
  });
  assert.equal(response.status, 200);
  return (await response.json()).heard.join('\n');
}

test('whoever calls the number finds out by its code whether a message is real', async () => {
  const cast = new Cast('MNU');
  const zelda = cast.person(ZELDA);
  const world = await startWorld({ accounts: 1 });
  try {
    world.importFile('menu.csv', cast.csv());
    await remindEveryone(world, { method: 'Email' });
    const mail = await world.message((m) => m.to === zelda.email && m.link, 'the email');
    const code = /[A-Z2-9]{4}-[A-Z2-9]{4}/.exec(mail.body)[0];
    // From any phone: who calls proves nothing and is told nothing.
    const stranger = '+12065550177';
    const ours = await calls(world, stranger, `1${onKeys(code)}0`);
    assert.match(ours, /whether a message is really from us, press 1/);
    assert.match(ours, /Yes\. Lakeside Family.* sent a message with this code on March? ?4|Yes\. .*Mar/);
    assert.match(ours, /connected to \+12125550142/);
    assert.doesNotMatch(ours, /Zelda|\$|82|balance|owe/);
    const wrong = await calls(world, stranger, '1222222221333333331444444441');
    assert.equal(wrong.match(/We did not send a message with this code/g).length, 3);
    assert.match(wrong, /Please call our office/);
    const spanish = await calls(world, stranger, `21${onKeys(code)}`);
    assert.match(spanish, /Gracias por llamar/);
    assert.match(spanish, /envió un mensaje con este código/);
    const silent = await calls(world, stranger, '');
    assert.equal(silent.match(/Thank you for calling/g).length, 2);
    assert.match(silent, /Goodbye/);
    // The same code on the page says the same.
    await visit(world, PHONE, async (page) => {
      await page.goto('/check-message');
      await page.getByLabel(/check code/i).fill(code);
      await page.getByRole('button', { name: 'Check' }).click();
      await expectWords(page, /Yes\. Lakeside Family/);
      await expectFits(page);
    });
  } finally {
    await world.stop();
  }
});
