// What patients do with a bill: tap, look, type a card, prove who they are.

import assert from 'node:assert/strict';

import { until } from './world.mjs';

/** Stripe's own test cards; the sandbox knows them too. */
export const CARDS = {
  pays: '4242 4242 4242 4242',
  declined: '4000 0000 0000 0002',
  noFunds: '4000 0000 0000 9995',
  expired: '4000 0000 0000 0069',
  asksTheBank: '4000 0000 0000 3220',
};

export const PASSWORD = 'four horses under the bridge';

/** The link of the newest message to this person. */
export async function payLink(world, person, channel = 'text') {
  const to = channel === 'text' ? person.phone : person.email;
  const message = await world.message((m) => m.to === to && m.link, `a ${channel} for ${person.name}`);
  return message.link;
}

/** Taps the link in the message. */
export async function openLink(page, world, person, channel = 'text') {
  const link = new URL(await payLink(world, person, channel));
  await page.goto(world.url(link.pathname));
  await page.getByRole('heading', { level: 1, name: 'Make a Payment' }).waitFor();
}

/** Types a card, wherever the form stands: Stripe keeps it in a frame of its own. */
export async function typeCard(page, number = CARDS.pays) {
  const frame = await until('the card form', async () => {
    for (const one of page.frames()) {
      if (await one.getByLabel(/card number/i).count().catch(() => 0)) return one;
    }
    return null;
  });
  await frame.getByLabel(/card number/i).fill(number);
  await frame.getByLabel(/expir/i).fill('12 / 40');
  await frame.getByLabel(/security code|cvc/i).fill('123');
  const zip = frame.getByLabel(/zip|postal/i);
  if (await zip.count()) await zip.fill('02139');
}

/**
 * Pays what the page is set to. With JavaScript the card is typed beside the amount; without, the
 * same button leads to Stripe's page.
 */
export async function pay(page, way, number = CARDS.pays) {
  if (way.javaScript ?? true) {
    await typeCard(page, number);
    await submit(page);
  } else {
    await submit(page);
    await payOnStripesPage(page, number);
  }
}

export async function submit(page) {
  await page.getByRole('button', { name: 'Submit Payment' }).click();
}

/** Stripe Checkout, or the sandbox's stand-in for it. */
export async function payOnStripesPage(page, number = CARDS.pays) {
  await page.getByLabel(/card number/i).fill(number);
  await page.getByLabel(/expir/i).fill('12 / 40');
  await page.getByLabel(/security code|cvc/i).fill('123');
  await page.getByRole('button', { name: /^pay/i }).click();
}

export async function expectReceipt(page) {
  await page.getByText('Payment received. Thank you.').first().waitFor();
}

/** What a link may show: nothing about who, what or when (R33). */
export async function expectNothingPersonal(page, person) {
  const html = await page.content();
  const canaries = [person.name, person.email, person.phone, person.dob, person.ssn4, 'Dr. Adams', 'Office visit'];
  for (const canary of [...canaries, ...person.name.split(' ')]) {
    // As a word: four digits stand in many a sealed reference by chance.
    const word = new RegExp(`(?<![\\w.])${canary.replace(/[.+]/g, '\\$&')}(?!\\w)`);
    assert.ok(!word.test(html), `"${canary}" stands on ${page.url()}`);
  }
}

/** Money that really moved at the processor for this amount, as its own records have it. */
export async function charges(world, { cents } = {}) {
  const { base, secret_key: key } = world.facts.stripe;
  const answer = await fetch(new URL('/v1/payment_intents?limit=100', base), {
    headers: { authorization: `Bearer ${key}` },
  });
  const { data } = await answer.json();
  return data.filter((one) => one.status === 'succeeded' && (!cents || one.amount_received === cents));
}

/** The form behind "I want to see my statement before I pay". */
export async function fillCreateAccount(page, person, changes = {}) {
  const answers = { email: person.email, password: PASSWORD, dob: person.dob, ssn4: person.ssn4, ...changes };
  const [year, month, day] = answers.dob.split('-');
  await page.getByLabel('Email').fill(answers.email);
  await page.getByLabel('Password', { exact: true }).fill(answers.password);
  await page.getByLabel('Month').fill(String(Number(month)));
  await page.getByLabel('Day').fill(String(Number(day)));
  await page.getByLabel('Year').fill(year);
  await page.getByLabel(/last four/i).fill(answers.ssn4);
}

export async function createAccount(page, person, changes = {}) {
  await fillCreateAccount(page, person, changes);
  await page.getByRole('button', { name: 'Create Account' }).click();
}

/** Asks for a code and types the one that arrived. */
export async function proveByCode(page, world, person) {
  const before = (await world.mailbox()).length;
  await page.getByRole('button', { name: 'Send code' }).click();
  const code = await until('a code', async () => {
    const fresh = (await world.mailbox()).slice(before);
    const mine = fresh.find((m) => m.to === person.email || m.to === person.phone);
    return mine && /\b(\d{6})\b/.exec(`${mine.subject ?? ''} ${mine.body}`)?.[1];
  });
  await page.getByLabel(/code/i).first().fill(code);
  await page.getByRole('button', { name: 'Continue' }).click();
}

/** Walks the page by keyboard alone until `name` has the focus; every stop must be visible. */
export async function reachByKeyboard(page, name, limit = 60) {
  for (let stop = 0; stop < limit; stop += 1) {
    await page.keyboard.press('Tab');
    const here = await page.evaluate(() => {
      const element = document.activeElement;
      if (!element || element === document.body) return null;
      const style = getComputedStyle(element);
      const ring = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0;
      const shown = ring || style.boxShadow !== 'none' || element.tagName === 'IFRAME';
      return { words: (element.innerText || element.ariaLabel || element.name || '').trim(), shown };
    });
    if (!here) continue;
    assert.ok(here.shown, `the focus on "${here.words}" cannot be seen`);
    if (here.words === name) return;
  }
  assert.fail(`"${name}" cannot be reached by keyboard`);
}
