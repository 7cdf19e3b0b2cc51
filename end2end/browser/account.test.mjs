// A patient wants to see the bill first: proves who they are, reads it, pays from there.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { closeBrowser, DESKTOP, expectAccessible, expectSound, PATIENT_WAYS, PHONE, picture, visit } from './browser.mjs';
import { Cast } from './cast.mjs';
import {
  createAccount,
  expectReceipt,
  fillCreateAccount,
  openLink,
  PASSWORD,
  pay,
  payLink,
  proveByCode,
} from './patient.mjs';
import { DESK, expectWords, findOnlinePayment, openRecord, openWorkspace, remindEveryone } from './staff.mjs';
import { startWorld, until } from './world.mjs';

const SCRIPTED_PHONE = { ...PHONE, javaScript: true };
const SCRIPTED_DESKTOP = { ...DESKTOP, javaScript: true };

const cast = new Cast('ACC');
const curious = PATIENT_WAYS.map(() => cast.personOwing('25.00', '57.00'));
const wrongAnswers = cast.person();
const locked = cast.person();
const noSsn = cast.person({ ssn4: '' });
const returning = cast.person();
const forgetful = cast.person();
const slow = cast.person();
const neighbour = cast.person();
const parent = cast.person();
const parentsOther = cast.person();
const second = cast.personOwing('25.00', '57.00', '31.00');
const twin = cast.person();
const chatty = cast.person();
const careful = cast.person();
const departed = cast.person({ isOwnPatient: true });
const mourned = cast.person();
const [outsider, mistaken] = [cast.person(), cast.person()];

let world;

before(async () => {
  world = await startWorld();
  world.importFile('account.csv', cast.csv());
  await remindEveryone(world, { method: 'Email' });
});

after(async () => {
  await closeBrowser();
  await world?.stop();
});

async function seeStatementFirst(page, person) {
  await openLink(page, world, person, 'email');
  await page.getByRole('link', { name: 'I want to see my statement before I pay' }).click();
}

PATIENT_WAYS.forEach((way, i) => {
  test(`a patient creates an account, reads the bill and pays it, ${way.label}`, () =>
    visit(world, way, async (page) => {
      const person = curious[i];
      await seeStatementFirst(page, person);
      await page.getByRole('heading', { level: 1, name: /Create your account/ }).waitFor();
      await expectWords(page, /as the person responsible for this bill/i, /never your full number/i);
      await expectSound(page, way);
      await picture(page, way, 'create-account');
      await createAccount(page, person);

      await page.getByRole('heading', { level: 1, name: 'Your Bill Details' }).waitFor();
      await expectWords(page, '$82.00', '$25.00', '$57.00', 'Office visit', 'Charged', 'Insurance paid', 'Adjusted');
      await expectSound(page, way);
      await picture(page, way, 'bill-details');

      await page.getByRole('link', { name: 'Pay Now' }).or(page.getByRole('button', { name: 'Pay Now' })).first().click();
      await page.getByRole('heading', { level: 1, name: 'Make a Payment' }).waitFor();
      await pay(page, way);
      await expectReceipt(page);

      await page.goto('/account');
      await expectWords(page, 'You have no open bills');
      await page.goto('/account/receipts');
      await expectWords(page, '$82.00');
      await expectSound(page, way);

      await page.getByRole('link', { name: /^Mar 4, 2026/ }).click();
      await page.getByRole('heading', { level: 1, name: 'Receipt' }).waitFor();
      const practice = ['Lakeside Family Practice, P.C.', '12 Harbor Street'];
      await expectWords(page, ...practice, '$82.00', '4242', person.name, person.id, 'Still due');
      await expectSound(page, way);
      await picture(page, way, 'account-receipt');
      await page.emulateMedia({ media: 'print' });
      await expectWords(page, ...practice, '$82.00');
      assert.ok(!(await page.locator('body').innerText()).includes('Sign out'), 'what is tapped is not printed');
      await picture(page, way, 'account-receipt-on-paper');
    }));
});

test('once the office has matched a payment, its receipt names the visits', async () => {
  const person = curious[0];
  await visit(world, DESK, async (page) => {
    await openWorkspace(page, world, 'biller');
    const row = await findOnlinePayment(page, world, person.id);
    await row.getByRole('link').first().click();
    await page.getByRole('button', { name: /^Apply/ }).first().click();
    await expectWords(page, /applied/i);
  });
  await visit(world, SCRIPTED_PHONE, async (page) => {
    await page.goto('/sign-in');
    await page.getByLabel('Email').fill(person.email);
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await proveByCode(page, world, person);
    await page.getByRole('heading', { level: 1, name: 'Your Bill Details' }).waitFor();
    await page.goto('/account/receipts');
    await page.getByRole('link', { name: /^Mar 4, 2026/ }).click();
    await expectWords(page, 'Paid for', 'Main Street Office', '$25.00', '$57.00');
    await expectSound(page, SCRIPTED_PHONE);
    await picture(page, SCRIPTED_PHONE, 'account-receipt-matched');
  });
});

test('a receipt of somebody else is not there', () =>
  visit(world, SCRIPTED_PHONE, async (page) => {
    const { payments } = await (await world.api('/payments')).json();
    assert.ok(payments.length > 0, 'others have paid');
    await signUp(page, outsider);
    const answers = [];
    for (const id of [payments[0].id, `pay_${'0'.repeat(32)}`]) {
      const answer = await page.goto(`/account/receipts/${id}`);
      assert.equal(answer.status(), 404);
      answers.push((await page.content()).replace(/value="[^"]{20,}"/g, ''));
    }
    assert.equal(answers[0], answers[1]);
    await page.goto('/account/receipts');
    await expectWords(page, 'No payments were made online yet');
  }));

test('nobody opens an account as somebody who has died, and is told nothing of it', async () => {
  // One death comes with a file, the other was told on the phone; both after the message went.
  departed.deceasedOn = '2026-02-27';
  world.importFile('death.csv', cast.csv([departed]), { delta: true });
  await visit(world, DESK, async (page) => {
    await openWorkspace(page, world, 'biller');
    await openRecord(page, mourned.name);
    await page.getByRole('link', { name: 'Hold', exact: true }).click();
    await page.getByLabel('Kind').selectOption('deceased');
    await page.getByLabel('Reason').fill('The daughter called');
    await page.getByRole('button', { name: 'Place hold' }).click();
    await expectWords(page, 'Legal hold');
  });
  const seen = new Set();
  for (const [person, wrong] of [[departed, {}], [mourned, {}], [mistaken, { ssn4: '9999' }]]) {
    await visit(world, SCRIPTED_PHONE, async (page, { watch }) => {
      watch.expect(/^422: POST/);
      await page.goto(new URL(await payLink(world, person, 'email')).pathname);
      await page.goto('/create-account');
      await createAccount(page, person, wrong);
      await page.locator('#errors').waitFor();
      seen.add(await page.locator('#errors').innerText());
    });
  }
  assert.equal(seen.size, 1, [...seen].join('\n---\n'));
  assert.match([...seen][0], /We could not confirm these details/);
});

test('wrong answers about oneself all get the same words, and nothing typed comes back', () =>
  visit(world, SCRIPTED_PHONE, async (page, { watch }) => {
    watch.expect(/^422: POST/);
    const seen = new Set();
    for (const [person, wrong] of [
      [wrongAnswers, { ssn4: '9999' }],
      [wrongAnswers, { dob: '1901-01-01' }],
      [noSsn, { ssn4: '1234' }],
    ]) {
      await seeStatementFirst(page, person);
      await createAccount(page, person, wrong);
      await page.locator('#errors').waitFor();
      seen.add(await page.locator('#errors').innerText());
      assert.equal(await page.getByLabel(/last four/i).inputValue(), '');
      assert.equal(await page.getByLabel('Password', { exact: true }).inputValue(), '');
    }
    assert.equal(seen.size, 1, [...seen].join('\n---\n'));
    await expectWords(page, /call|phone/i);
    await expectAccessible(page);
    await picture(page, SCRIPTED_PHONE, 'create-account-refused');
  }));

test('after five wrong tries on a link the right answer is refused too', () =>
  visit(world, SCRIPTED_PHONE, async (page, { watch }) => {
    watch.expect(/^4(22|29): POST/);
    await seeStatementFirst(page, locked);
    for (let i = 0; i < 5; i += 1) {
      await createAccount(page, locked, { ssn4: String(9000 + i) });
      await page.locator('#errors').waitFor();
    }
    await createAccount(page, locked);
    await page.locator('#errors').waitFor();
    assert.equal(await page.getByRole('heading', { name: 'Your Bill Details' }).count(), 0);
  }));

/** Signed in on the bill page, by way of a young link. */
async function signUp(page, person) {
  await seeStatementFirst(page, person);
  await createAccount(page, person);
  await page.getByRole('heading', { level: 1, name: 'Your Bill Details' }).waitFor();
}

test('somebody signed in adds another account of theirs by its own link and match', () =>
  visit(world, SCRIPTED_PHONE, async (page, { watch }) => {
    watch.expect(/^422: POST/);
    await signUp(page, parent);
    // The other account's link pays, and shows nothing of either person.
    await openLink(page, world, parentsOther, 'email');
    const html = await page.content();
    for (const person of [parent, parentsOther]) assert.ok(!html.includes(person.name), person.name);
    await page.getByRole('link', { name: 'I want to see my statement before I pay' }).click();
    await page.getByRole('heading', { level: 1, name: 'Add this bill to your account' }).waitFor();
    await expectSound(page, SCRIPTED_PHONE);
    await proveIdentity(page, parentsOther, { ssn4: '9998' });
    await page.locator('#errors').waitFor();
    assert.equal(await page.getByLabel(/last four/i).inputValue(), '');
    await page.goto('/account');
    assert.ok(!(await page.content()).includes(parentsOther.id), 'nothing was added');
    await page.goto('/account/add');
    await proveIdentity(page, parentsOther);
    await page.getByRole('heading', { level: 1, name: 'Your Bill Details' }).waitFor();
    await expectWords(page, parentsOther.name, 'Your other accounts');
    await page.getByRole('link', { name: parent.name, exact: true }).click();
    await expectWords(page, parent.name);
    await expectSound(page, SCRIPTED_PHONE);
  }));

async function proveIdentity(page, person, changes = {}) {
  const answers = { dob: person.dob, ssn4: person.ssn4, ...changes };
  const [year, month, day] = answers.dob.split('-');
  await page.getByLabel('Month').fill(String(Number(month)));
  await page.getByLabel('Day').fill(String(Number(day)));
  await page.getByLabel('Year').fill(year);
  await page.getByLabel(/last four/i).fill(answers.ssn4);
  await page.getByRole('button', { name: 'Add this bill' }).click();
}

test('an email in use shows the same page, and only the mail says so', () =>
  visit(world, SCRIPTED_PHONE, async (page) => {
    const taken = parent.email;
    const before = (await world.mailbox(taken)).length;
    await seeStatementFirst(page, twin);
    await createAccount(page, twin, { email: taken, password: 'nine lamps along the quay' });
    await page.getByRole('heading', { level: 1, name: 'Your Bill Details' }).waitFor();
    const html = await page.content();
    assert.ok(html.includes(twin.name.split(' ')[0]) && !html.includes(taken));
    const mails = await until('the mail', async () => (await world.mailbox(taken)).slice(before)[0]);
    assert.match(`${mails.subject} ${mails.body}`, /already|account/i);
  }));

test('one of three visits is chosen, and its amount stands on Make a Payment', () =>
  visit(world, SCRIPTED_DESKTOP, async (page, { watch }) => {
    watch.expect(/^422: POST/);
    await signUp(page, second);
    const boxes = page.getByLabel('Pay this visit');
    for (let i = 0; i < 3; i += 1) await boxes.nth(i).uncheck();
    await page.getByRole('button', { name: 'Pay Now' }).first().click();
    await page.locator('#errors').waitFor();
    await expectWords(page, 'Choose at least one visit to pay');
    for (let i = 0; i < 3; i += 1) if (i !== 1) await boxes.nth(i).uncheck();
    await boxes.nth(1).check();
    await page.getByRole('button', { name: 'Pay Now' }).first().click();
    await page.getByRole('heading', { level: 1, name: 'Make a Payment' }).waitFor();
    assert.equal(await page.getByLabel('Pay other amount').isChecked(), true);
    assert.equal(await page.getByLabel(/amount/i).last().inputValue(), '57.00');
  }));

test('another account, and one that does not exist, are the same page that says nothing', () =>
  visit(world, SCRIPTED_PHONE, async (page, { watch }) => {
    watch.expect(/^404/);
    await page.goto('/account');
    await signUp(page, careful);
    const ids = await page.evaluate(() => document.documentElement.innerHTML.match(/clm_[0-9a-f]{32}/g));
    assert.ok(ids.length > 0);
    const seen = new Set();
    for (const address of [
      `/account?of=gua_${'0'.repeat(32)}`,
      `/account?of=${ids[0].replace('clm_', 'gua_')}`,
      '/account?of=%27%20or%201=1',
    ]) {
      const answer = await page.goto(address);
      assert.equal(answer.status(), 404);
      seen.add((await page.content()).replace(/value="[^"]{20,}"/g, ''));
    }
    assert.equal(seen.size, 1);
  }));

test('a question reaches the office, and settings are kept, in the language chosen', () =>
  visit(world, SCRIPTED_PHONE, async (page, { watch }) => {
    watch.expect(/^422: POST/);
    await signUp(page, chatty);
    await page.getByRole('link', { name: 'Question about this bill' }).click();
    await expectSound(page, SCRIPTED_PHONE);
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await page.locator('#errors').waitFor();
    await page.getByLabel('Your question').fill('Why is there a second charge?');
    await page.getByLabel(/I think this bill is wrong/).check();
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await expectWords(page, 'Your question is with the billing office');
    await page.goto('/account/preferences');
    await expectSound(page, SCRIPTED_PHONE);
    const email = page.getByRole('group', { name: /^Emails to/ });
    const phone = page.getByRole('group', { name: /^Texts to/ });
    const reminders = 'Reminders about a bill';
    assert.equal(await email.getByLabel(reminders).isChecked(), true);
    // No to everything is a choice of its own, not a slip.
    await email.getByLabel(reminders).uncheck();
    await phone.getByLabel(reminders).uncheck();
    await page.getByRole('button', { name: 'Save' }).click();
    await expectWords(page, 'say that you want no messages at all');
    await expectSound(page, SCRIPTED_PHONE);
    await phone.getByLabel(reminders).check();
    await page.getByLabel('On my payday, once a month').check();
    await page.getByLabel('Day of the month').selectOption('15');
    await page.getByLabel('From', { exact: true }).selectOption('8');
    await page.getByLabel('Until', { exact: true }).selectOption('12');
    await page.getByLabel('Español').check();
    await page.getByRole('button', { name: 'Save' }).click();
    await expectWords(page, 'Guardado');
    const correo = page.getByRole('group', { name: /^Correos a/ });
    assert.equal(await correo.getByLabel('Recordatorios sobre una factura').isChecked(), false);
    assert.equal(await page.getByLabel('Día del mes').inputValue(), '15');
    assert.equal(await page.getByLabel('Desde').inputValue(), '8');
    await picture(page, SCRIPTED_PHONE, 'preferences');
    await page.goto('/account');
    await expectWords(page, 'Cantidad');
    await expectSound(page, SCRIPTED_PHONE);
  }));

test('an address is confirmed by the button, not by opening the link', () =>
  visit(world, SCRIPTED_PHONE, async (page) => {
    const mail = await world.message((m) => m.to === careful.email && /welcome|account/i.test(m.subject ?? '') && /confirm-email/.test(m.body ?? ''), 'a welcome');
    const path = new URL(/https?:\/\/\S+confirm-email\/[\w-]+/.exec(mail.body)[0]).pathname;
    await page.goto(path);
    await page.goto(path);
    await expectSound(page, SCRIPTED_PHONE);
    await page.getByRole('button', { name: 'Confirm' }).click();
    await expectWords(page, 'Your email address is confirmed');
    await page.goto(path);
    await expectWords(page, 'This link no longer works');
  }));

test('a link older than 72 hours needs a code sent to the contact on file', async () => {
  await world.advance('PT80H');
  await visit(world, SCRIPTED_PHONE, async (page) => {
    await seeStatementFirst(page, slow);
    await createAccount(page, slow);
    await expectWords(page, /\*|•/);
    await expectSound(page, SCRIPTED_PHONE);
    await picture(page, SCRIPTED_PHONE, 'code-entry');
    await proveByCode(page, world, slow);
    await page.getByRole('heading', { level: 1, name: 'Your Bill Details' }).waitFor();
  });
});

test('a patient who has an account signs in, with a code on a new device', async () => {
  await visit(world, SCRIPTED_DESKTOP, async (page) => {
    await seeStatementFirst(page, returning);
    await createAccount(page, returning);
    if (await page.getByRole('button', { name: 'Send code' }).count()) await proveByCode(page, world, returning);
    await page.getByRole('heading', { level: 1, name: 'Your Bill Details' }).waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.goto('/account');
    assert.match(page.url(), /sign-in/);
  });
  await visit(world, SCRIPTED_PHONE, async (page) => {
    await page.goto('/sign-in');
    await expectSound(page, SCRIPTED_PHONE);
    await page.getByLabel('Email').fill(returning.email);
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await proveByCode(page, world, returning);
    await page.getByRole('heading', { level: 1, name: 'Your Bill Details' }).waitFor();
    assert.ok(!(await page.content()).includes(neighbour.name));
  });
});

test('signing in says nothing about who has an account', () =>
  visit(world, SCRIPTED_PHONE, async (page, { watch }) => {
    watch.expect(/^422: POST/);
    const seen = new Set();
    for (const email of [returning.email, 'nobody@example.com']) {
      await page.goto('/sign-in');
      await page.getByLabel('Email').fill(email);
      await page.getByLabel('Password', { exact: true }).fill('not the right password');
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.locator('#errors').waitFor();
      seen.add(await page.locator('#errors').innerText());
    }
    assert.equal(seen.size, 1);
  }));

test('a forgotten password is replaced by way of the email on file', () =>
  visit(world, SCRIPTED_PHONE, async (page) => {
    await seeStatementFirst(page, forgetful);
    await createAccount(page, forgetful);
    if (await page.getByRole('button', { name: 'Send code' }).count()) await proveByCode(page, world, forgetful);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.goto('/sign-in');
    await page.getByRole('link', { name: /forgot/i }).click();
    await page.getByLabel('Email').fill(forgetful.email);
    await page.getByRole('button').last().click();
    const mail = await world.message((m) => m.to === forgetful.email && /password/i.test(m.subject ?? ''), 'a reset');
    await page.goto(world.url(new URL(mail.link).pathname));
    for (const field of await page.getByLabel(/^new password/i).all()) await field.fill(`${PASSWORD} again`);
    await page.getByRole('button', { name: 'Save password' }).click();
    await page.getByText('Your password is changed').waitFor();
    await page.goto('/sign-in');
    await page.getByLabel('Email').fill(forgetful.email);
    await page.getByLabel('Password', { exact: true }).fill(`${PASSWORD} again`);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await until('the next page', async () => !page.url().endsWith('/sign-in'));
  }));

test('somebody without a number on file gets an access code from the front desk', async () => {
  const code = await visit(world, DESK, async (page) => {
    await openWorkspace(page, world, 'front desk');
    await openRecord(page, noSsn.name);
    await page.getByRole('link', { name: 'Give access code' }).click();
    await page.getByLabel(/I have checked who this is/).check();
    await page.getByRole('button', { name: 'Make the code' }).click();
    await page.getByRole('heading', { level: 1, name: 'Access code' }).waitFor();
    return page.locator('main code').innerText();
  });
  assert.ok(code, 'a code is shown to the front desk');
  await visit(world, SCRIPTED_PHONE, async (page) => {
    await seeStatementFirst(page, noSsn);
    await page.getByRole('link', { name: 'I have a code from the office' }).click();
    await expectSound(page, SCRIPTED_PHONE);
    await page.getByLabel('Access code').fill(code);
    await page.getByLabel('Email').fill(noSsn.email);
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByRole('heading', { level: 1, name: 'Your Bill Details' }).waitFor();
    await expectWords(page, '$82.00');
  });
  await visit(world, SCRIPTED_PHONE, async (page, { watch }) => {
    watch.expect(/^422: POST/);
    await page.goto('/office-code');
    await page.getByLabel('Access code').fill(code);
    await page.getByLabel('Email').fill('somebody.else@example.com');
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.locator('#errors').waitFor();
  });
});

test('the fields help a phone and a password keeper', () =>
  visit(world, SCRIPTED_PHONE, async (page) => {
    await seeStatementFirst(page, neighbour);
    await fillCreateAccount(page, neighbour);
    const attribute = (label, name) => page.getByLabel(label).first().getAttribute(name);
    assert.equal(await attribute('Email', 'autocomplete'), 'email');
    assert.equal(await attribute(/^Password/, 'autocomplete'), 'new-password');
    assert.equal(await attribute(/last four/i, 'inputmode'), 'numeric');
    assert.equal(await attribute('Year', 'autocomplete'), 'bday-year');
  }));
