// What a practice's file says of plans, cards on file and paper: who is told what, when, and what
// staff see of it. The mailbox is the witness.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { closeBrowser, DESKTOP, expectSound, PHONE, picture, visit } from './browser.mjs';
import { Cast } from './cast.mjs';
import { DESK, expectWords, openRecord, openWorkspace, showPatients } from './staff.mjs';
import { startWorld } from './world.mjs';

const cast = new Cast('AGR');
// The clock stands on Wednesday, March 4, 2026, ten in the morning.
const onPlan = cast.person({
  name: 'Odile Marchetti',
  patientName: 'Odile Marchetti',
  agreed: { payment_plan: 'current', plan_amount: '50.00', plan_next_on: '2026-03-12' },
});
const charged = cast.person({
  agreed: { autopay: 'yes', card_last4: '4242', charge_amount: '82.00', charge_on: '2026-03-20' },
});
const late = cast.person({
  agreed: { autopay: 'yes', card_last4: '0005', charge_amount: '40.00', charge_on: '2026-03-09' },
});
const declined = cast.person({
  agreed: { autopay: 'yes', card_last4: '1881', failed_autopay_on: '2026-03-03' },
});
const declinedSpanish = cast.person({
  language: 'es',
  agreed: { autopay: 'yes', card_last4: '1881', failed_autopay_on: '2026-03-03' },
});
const spanishPlan = cast.person({
  language: 'es',
  agreed: { payment_plan: 'current', plan_amount: '50.00', plan_next_on: '2026-03-12' },
});
const without = cast.person({
  agreed: { high_deductible: 'yes', paperless: 'yes', paperless_consent_on: '2026-02-01' },
});

const WAYS = [DESK, { ...PHONE, javaScript: true }, { ...DESKTOP, javaScript: false }];

let world;

before(async () => {
  world = await startWorld({ accounts: 1 });
  world.importFile('agreed.csv', cast.agreedCsv());
});

after(async () => {
  await closeBrowser();
  await world?.stop();
});

const to = (one) => (message) => message.to === one.phone || message.to === one.email;

test('a declined charge is told without anybody approving it, and once however often the file says it', async () => {
  await world.advance('PT2H');
  const [text] = await world.mailbox(to(declined));
  assert.match(text.body, /Automatic payment failed, nothing was charged/);
  assert.match(text.body, /\/p\//);
  const [spanish] = await world.mailbox(to(declinedSpanish));
  assert.match(spanish.body, /Su pago programado no se hizo/);
  world.importFile('again.csv', cast.agreedCsv());
  await world.advance('PT30H');
  assert.equal((await world.mailbox(to(declined))).length, 1);
  assert.equal((await world.mailbox(to(declinedSpanish))).length, 1);
});

test('a charge that was heard of late is told at once, and the trace says so', async () => {
  const [mail] = await world.mailbox(to(late));
  assert.match(mail.body, /On Mar 9, 2026 we will charge \$40\.00 to your card ending in 0005/);
  await visit(world, DESK, async (page) => {
    await openWorkspace(page, world, 'biller');
    await openRecord(page, late.name);
    await page.getByRole('link', { name: 'Why, why not, what next' }).click();
    await page.getByText(/rules? found nothing to object to/).first().click();
    await expectWords(page, 'What they agreed to pay', 'ending in 0005', /Late: it should have gone by/);
  });
});

test('a charge is told two weeks before, with its card, its amount and its day', async () => {
  await world.setClock('2026-03-06T12:00:00-05:00');
  const [mail] = await world.mailbox(to(charged));
  assert.equal(mail.channel, 'email');
  assert.match(mail.subject, /A card payment to .* is coming up/);
  assert.match(mail.body, /On Mar 20, 2026 we will charge \$82\.00 to your card ending in 4242/);
});

test('a plan is reminded of by its installment, and its owner is on no list of debts', async () => {
  await world.setClock('2026-03-09T12:00:00-04:00');
  const [text] = await world.mailbox(to(onPlan));
  assert.match(text.body, /Plan payment is due Mar 12, 2026/);
  assert.doesNotMatch(text.body, /\$/, 'not the balance, and no amount in a text');
  const [spanish] = await world.mailbox(to(spanishPlan));
  assert.match(spanish.body, /Su plan: el pago vence el 12 mar 2026/);
  await visit(world, DESK, async (page) => {
    await openWorkspace(page, world, 'biller');
    await showPatients(page);
    const words = await page.locator('main').innerText();
    assert.ok(words.includes(without.name), 'somebody is on it');
    assert.ok(!words.includes(onPlan.name), 'who keeps a plan is not');
    await page.getByRole('link', { name: /^Not eligible/ }).click();
    await expectWords(page, onPlan.name, 'A payment plan is being kept');
  });
});

for (const way of WAYS) {
  const label = `${way.name}${way.javaScript ? '' : ' without JavaScript'}`;
  test(`the record shows what was agreed, and what they are told of it (${label})`, () =>
    visit(world, way, async (page) => {
      await openWorkspace(page, world, 'biller', '/staff/patients');
      await openRecord(page, onPlan.name);
      await expectWords(page, 'On a payment plan', 'Plan, card and paper', 'Next installment: $50.00');
      await expectSound(page, way);
      await picture(page, way, 'record-agreed');
      await page.getByRole('link', { name: 'Why, why not, what next' }).click();
      await expectWords(page, 'Installment of $50.00 on', 'Their notice: ', 'A payment plan is being kept');
      await expectSound(page, way);
      await picture(page, way, 'why-agreed');
    }));
}

test('who agreed to no paper, and to what, is on the record and in the evidence', () =>
  visit(world, DESK, async (page) => {
    await openWorkspace(page, world, 'manager', '/staff/patients');
    await openRecord(page, without.name);
    await expectWords(page, 'High deductible', 'Paperless', /None: agreed to on Feb/);
    const evidence = page.getByRole('link', { name: /^Download all/ }).first();
    const address = await evidence.getAttribute('href');
    const file = await page.request.get(new URL(address, page.url()).toString());
    const body = await file.text();
    assert.match(body, /consent given,paperless,.*bills without paper, as recorded by the practice/);
    assert.match(body, /chain of consent: whole/);
  }));
