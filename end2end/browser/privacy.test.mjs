// One account from the file to the refund, told with words that occur nowhere else, and then a search
// for those words in every place where nobody may find them: the server's log at its most talkative,
// the addresses a browser asks for, error pages, metrics, what the card processor keeps, and the
// words of messages.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { closeBrowser, PHONE, visit } from './browser.mjs';
import { Cast, visit as visitOf } from './cast.mjs';
import { createAccount, expectReceipt, openLink, PASSWORD, pay } from './patient.mjs';
import { DESK, expectWords, findOnlinePayment, openRecord, openWorkspace, remindEveryone } from './staff.mjs';
import { startWorld } from './world.mjs';

const CARD = '4242424242424242';
const REASON = 'Gonorrhoeascreening';
const TYPO = 'Xylophonemisprint';
const NOTE = 'Quetzalcoatlcalled';

const cast = new Cast('PRV');
const person = cast.person({
  name: 'Wilhelmina Oakenshaw',
  patientName: 'Wilhelmina Oakenshaw',
  email: 'wilhelmina.oakenshaw@example.com',
  phone: '+14135550177',
  dob: '1971-11-23',
  ssn4: '6853',
  visits: [visitOf('2026-01-19', '82.00', { reason: REASON })],
});
const digits = person.phone.slice(2);

/** Who it is and why they came, in every form in which it could be written down. */
const IDENTITY = {
  name: ['Wilhelmina', 'Oakenshaw'],
  email: [person.email, encodeURIComponent(person.email)],
  phone: [person.phone, encodeURIComponent(person.phone), digits, `(413) 555-0177`, '413-555-0177'],
  birth: [person.dob, '11/23/1971', 'November 23, 1971', '19711123'],
  reason: [REASON, NOTE, TYPO],
  record: [person.id, `C-${person.id}-1`, `E-${person.id}-1`],
};
const SECRETS = { card: [CARD, '4242 4242'], password: [PASSWORD, encodeURIComponent(PASSWORD)] };

let world;
let token;
const addresses = [];
const errorPages = [];
let receipt;

/** Every one of these words that stands in `text`. */
function found(text, ...groups) {
  const words = groups.flatMap((group) => Object.values(group).flat());
  return words.filter((word) => text.toLowerCase().includes(word.toLowerCase()));
}

/** What the page asks for, as logs of proxies and the history of a shared phone would have it. */
function listen(page) {
  page.on('request', (request) => addresses.push(request.url()));
  page.on('response', async (response) => {
    const isOurs = response.url().startsWith(world.base);
    if (isOurs && response.status() >= 400) errorPages.push(await response.text().catch(() => ''));
    const to = response.headers().location;
    if (to) addresses.push(to);
  });
}

before(async () => {
  world = await startWorld({ accounts: 3, logLevel: 'debug', keptLines: 200_000 });
});

after(async () => {
  await closeBrowser();
  await world?.stop();
});

test('the story is told: imported, reminded, looked at, paid, applied, noted and refunded', async () => {
  // A second row is refused, with a value that a careless report would repeat.
  const file = join(world.folder, 'privacy.csv');
  const rows = cast.csv().trimEnd().split('\r\n');
  const broken = rows[1].replaceAll(`${person.id}-1`, `${person.id}-9`).replace('82.00', TYPO);
  writeFileSync(file, [...rows, broken, ''].join('\r\n'));
  const report = world.command('import', '--practice', 'demo', '--format', 'clearbill', '--json', file);
  assert.equal(report.refused, 1);
  assert.deepEqual(found(JSON.stringify(report), IDENTITY), []);
  await remindEveryone(world);
  const text = await world.message(person.phone, 'the reminder');
  token = new URL(text.link).pathname.split('/').at(-1);

  await visit(world, { ...PHONE, javaScript: true }, async (page, { watch }) => {
    watch.expect(/^4\d\d: /);
    listen(page);
    await openLink(page, world, person);
    await page.getByRole('link', { name: 'I want to see my statement before I pay' }).click();
    await createAccount(page, person, { ssn4: '1111' });
    await page.locator('#errors').waitFor();
    await createAccount(page, person);
    await page.getByRole('heading', { level: 1, name: 'Your Bill Details' }).waitFor();
    await expectWords(page, REASON);
    await page.getByRole('link', { name: 'Pay Now' }).or(page.getByRole('button', { name: 'Pay Now' })).first().click();
    await pay(page, {}, '4000 0000 0000 0002');
    await page.getByText(/declined/i).first().waitFor();
    await pay(page, {});
    await expectReceipt(page);
    receipt = new URL(page.url()).pathname;
    await page.goto(`/p/${token}x`);
    await page.goto(`${receipt}0`);
  });
  await world.advance('PT2H');

  await visit(world, DESK, async (page, { watch }) => {
    watch.expect(/^4\d\d: /);
    listen(page);
    await openWorkspace(page, world, 'manager');
    await openRecord(page, person.name);
    await page.getByLabel(/note/i).first().fill(NOTE);
    await page.getByRole('button', { name: /note/i }).first().click();
    await expectWords(page, NOTE);
    const row = await findOnlinePayment(page, world, person.name);
    await row.getByRole('link').first().click();
    await page.getByRole('link', { name: /^Refund/ }).or(page.getByRole('button', { name: /^Refund/ })).first().click();
    await page.getByLabel(/amount/i).first().fill('10.00');
    await page.getByLabel(/reason/i).first().selectOption('Paid twice');
    await page.getByRole('button', { name: /refund/i }).last().click();
    await page.getByRole('button', { name: /^Yes/ }).click();
    await expectWords(page, /refunded/i);
    await page.goto('/staff/patients/gua_00000000000000000000000000000000');
  });
  // A form from elsewhere, at an address that is a secret itself.
  for (const door of ['confirm-email', 'reset', 'staff/invitation']) {
    const body = new URLSearchParams({ csrf: 'forged' });
    assert.equal((await fetch(world.url(`/${door}/${token}`), { method: 'POST', body })).status, 403, door);
  }
  await world.reply({ from: person.phone, body: `this is ${person.name}, why?` });
  await world.advance('PT2H');
});

test('the log, even at its most talkative, names nobody, no reason, no token and no card', () => {
  const log = world.log.join('\n');
  assert.match(log, /DEBUG/);
  assert.match(log, /a form was refused/, 'the refusals are in it');
  assert.deepEqual(found(log, IDENTITY, SECRETS), []);
  assert.ok(!log.includes(token), 'the token of the link');
  assert.ok(!/(?<!\d)6853(?!\d)/.test(log), 'the last four of the SSN');
  assert.ok(!/_secret_\w{8}/.test(log), 'the secret of a payment');
});

test('no address that a browser asked for says who or why', () => {
  const staffs = addresses.filter((address) => new URL(address, world.base).pathname.startsWith('/staff'));
  const patients = addresses.filter((address) => !staffs.includes(address));
  assert.ok(patients.length > 20 && staffs.length > 5);
  assert.deepEqual(found(patients.join('\n'), IDENTITY, SECRETS), []);
  // Staff search by name, in a form of their own; nothing else of a patient stands in an address.
  const { name, ...rest } = IDENTITY;
  assert.deepEqual(found(staffs.join('\n'), rest, SECRETS), []);
  const withToken = patients.filter((address) => address.includes(token));
  const isTheTap = (address) => new URL(address, world.base).pathname.startsWith('/p/');
  assert.deepEqual(withToken.filter((address) => !isTheTap(address)), [], 'the token leaves with the tap');
});

test('pages of refusals and errors repeat nothing about the person', () => {
  assert.ok(errorPages.length >= 3, `${errorPages.length} were seen`);
  // The form of a refused account gives the typed email back, to whoever typed it.
  const { email, birth, ...rest } = IDENTITY;
  assert.deepEqual(found(errorPages.join('\n').replaceAll(person.email, ''), rest, SECRETS), []);
});

test('the metrics count, and name nobody', async () => {
  const metrics = await (await fetch(world.url('/metrics'))).text();
  assert.match(metrics, /clearbill_/);
  assert.deepEqual(found(metrics, IDENTITY, SECRETS), []);
  assert.ok(!metrics.includes(token));
});

test('the card processor keeps an amount, an attempt and a card, and nothing about the patient', async () => {
  const { base, secret_key: key } = world.facts.stripe;
  let kept = '';
  for (const noun of ['payment_intents', 'charges', 'refunds', 'checkout/sessions', 'events']) {
    const answer = await fetch(new URL(`/v1/${noun}?limit=100`, base), {
      headers: { authorization: `Bearer ${key}` },
    });
    assert.equal(answer.status, 200, noun);
    kept += await answer.text();
  }
  assert.match(kept, /"attempt_id"/, 'there was something to look at');
  assert.match(kept, /"refund_key"/);
  assert.deepEqual(found(kept, IDENTITY, { card: [CARD] }), []);
  assert.ok(!kept.includes(token));
});

test('no text, subject or body of a message says why somebody came or when they were born', async () => {
  const messages = await world.mailbox((m) => m.to === person.phone || m.to === person.email);
  assert.ok(messages.length >= 3, 'a reminder, a receipt and word of the refund');
  const { email, phone, name, ...unspoken } = IDENTITY;
  for (const message of messages) {
    const said = [message.subject, message.body, message.html].filter(Boolean).join('\n');
    assert.deepEqual(found(said, unspoken, SECRETS, { surname: ['Oakenshaw'] }), [], said);
    assert.deepEqual(found(message.subject ?? '', IDENTITY, SECRETS), []);
    assert.ok(!/(?<!\d)6853(?!\d)/.test(said));
  }
});
