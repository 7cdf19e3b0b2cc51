// A patient taps the link and pays, and everything that can get in the way.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import {
  closeBrowser,
  DESKTOP,
  expectAccessible,
  expectFits,
  expectSound,
  PATIENT_WAYS,
  PHONE,
  picture,
  SCRIPTED_WAYS,
  visit,
  weigh,
} from './browser.mjs';
import { Cast } from './cast.mjs';
import {
  CARDS,
  charges,
  createAccount,
  expectNothingPersonal,
  expectReceipt,
  openLink,
  pay,
  payLink,
  payOnStripesPage,
  proveByCode,
  reachByKeyboard,
  submit,
  typeCard,
} from './patient.mjs';
import { expectWords, remindEveryone } from './staff.mjs';
import { startWorld, until } from './world.mjs';

/** What a patient's page may weigh before Stripe's script. */
const LARGEST_PAGE_BYTES = 30 * 1024;

const SCRIPTED_PHONE = { ...PHONE, javaScript: true };
const SCRIPTED_DESKTOP = { ...DESKTOP, javaScript: true };

const cast = new Cast('PAY');
const tellings = (count) => Array.from({ length: count }, () => cast.person());
const wholeBill = tellings(PATIENT_WAYS.length);
const partOfIt = tellings(PATIENT_WAYS.length);
const mistyped = tellings(PATIENT_WAYS.length);
const declined = tellings(SCRIPTED_WAYS.length);
const [impatient, twoTabs, backButton, blocked, keyboard, chatty, silent, late, wrongPerson, onceMore] = tellings(10);
const [twoDevices, overtaken, changedMind, stubborn, doubtful, atHome, visitor] = tellings(7);
const unusual = cast.person({ visits: [cast.person().visits[0]] });
const spanish = cast.person({ language: 'es' });

let world;

before(async () => {
  world = await startWorld();
  world.importFile('pay.csv', cast.csv());
  await remindEveryone(world);
});

after(async () => {
  await closeBrowser();
  await world?.stop();
});

PATIENT_WAYS.forEach((way, i) => {
  test(`a patient taps the link and pays the whole bill, ${way.label}`, () =>
    visit(world, way, async (page) => {
      const person = wholeBill[i];
      await openLink(page, world, person);
      await expectWords(page, '$82.00', way.javaScript ? 'Card details go to Stripe' : "Stripe's secure page");
      assert.ok(await page.getByLabel('Pay full amount').isChecked());
      assert.ok(!page.url().includes('/p/'), 'the token has left the address');
      await expectNothingPersonal(page, person);
      await expectSound(page, way);
      await picture(page, way, 'make-a-payment');

      await pay(page, way);
      await expectReceipt(page);
      await expectWords(page, '$82.00', '4242');
      await expectNothingPersonal(page, person);
      await expectSound(page, way);
      await picture(page, way, 'receipt');

      const receipt = await world.message(
        (m) => m.to === person.email && /your payment/i.test(m.subject ?? ''),
        'a receipt by email',
      );
      assert.match(receipt.body, /\$82\.00/);
      await openPaid(page, person);
    }));

  test(`a patient pays a part and reads what is left, ${way.label}`, () =>
    visit(world, way, async (page) => {
      await openLink(page, world, partOfIt[i]);
      await chooseAmount(page, '20.00');
      await pay(page, way);
      await expectReceipt(page);
      await expectWords(page, '$20.00', '$62.00');
    }));

  test(`an amount that cannot be is refused beside its field and kept, ${way.label}`, () =>
    visit(world, way, async (page, { watch }) => {
      watch.expect(/^422: POST/);
      await openLink(page, world, mistyped[i]);
      for (const typed of ['0', '-1', '0.001', '1e3', '82.01', 'all of it']) {
        await chooseAmount(page, typed);
        if (way.javaScript) await typeCard(page);
        await submit(page);
        const field = amountField(page);
        await page.locator('#errors, [aria-invalid="true"]').first().waitFor();
        assert.equal(await field.inputValue(), typed, 'what was typed is kept');
        assert.equal(await field.getAttribute('aria-invalid'), 'true', typed);
      }
      assert.match(await page.title(), /^Error:/);
      await expectSound(page, way);
    }));
});

SCRIPTED_WAYS.forEach((way, i) => {
  test(`a declined card leaves the bill unpaid and another card pays it, ${way.label}`, () =>
    visit(world, way, async (page, { watch }) => {
      watch.expect(/^402: POST/);
      await openLink(page, world, declined[i]);
      await pay(page, way, CARDS.declined);
      const alert = page.getByRole('alert').filter({ hasText: 'Nothing was charged' });
      await alert.waitFor();
      await expectAccessible(page);
      await picture(page, way, 'declined');
      await pay(page, way, CARDS.pays);
      await expectReceipt(page);
      await expectWords(page, '$82.00');
    }));
});

test('each refusal of a bank has its own sentence, and a lost card the general one', () =>
  visit(world, SCRIPTED_PHONE, async (page, { watch }) => {
    watch.expect(/^402: POST/);
    await openLink(page, world, onceMore);
    const sentences = [];
    for (const card of [CARDS.noFunds, CARDS.expired, '4000 0000 0000 9987']) {
      await pay(page, SCRIPTED_PHONE, card);
      const alert = page.getByRole('alert').filter({ hasText: 'Nothing was charged' }).first();
      await alert.waitFor();
      sentences.push(await alert.innerText());
    }
    assert.equal(new Set(sentences).size, 3);
    assert.doesNotMatch(sentences[2], /lost|stolen|fraud/i);
  }));

test('pressing Submit twice charges once', () =>
  visit(world, SCRIPTED_PHONE, async (page) => {
    const before = (await charges(world)).length;
    await openLink(page, world, impatient);
    await typeCard(page);
    await page.getByRole('button', { name: 'Submit Payment' }).dblclick();
    await expectReceipt(page);
    assert.equal((await charges(world)).length, before + 1);
  }));

test('two tabs of one bill charge once', () =>
  visit(world, SCRIPTED_DESKTOP, async (page, { context }) => {
    const before = (await charges(world)).length;
    await openLink(page, world, twoTabs);
    const second = await context.newPage();
    await openLink(second, world, twoTabs);
    await pay(page, SCRIPTED_DESKTOP);
    await expectReceipt(page);
    await typeCard(second);
    await submit(second);
    await second.getByText(/nothing is due|balance is now|already/i).first().waitFor();
    assert.equal((await charges(world)).length, before + 1);
  }));

test('two devices that submit at the same moment charge once', () =>
  visit(world, SCRIPTED_PHONE, async (phone, { watch }) =>
    visit(world, SCRIPTED_DESKTOP, async (desk, { watch: watchDesk }) => {
      // The slower one may be told by the processor itself that the payment is made.
      for (const one of [watch, watchDesk]) one.expect(/^(400|402|409): POST/);
      const before = (await charges(world)).length;
      await Promise.all([openLink(phone, world, twoDevices), openLink(desk, world, twoDevices)]);
      await Promise.all([typeCard(phone), typeCard(desk)]);
      await Promise.all([submit(phone), submit(desk)]);
      await Promise.all([expectReceipt(phone), expectReceipt(desk)]);
      assert.equal((await charges(world)).length, before + 1);
    }),
  ));

test("a payment begun on Stripe's page keeps another waiting until it is cancelled, and then cannot be made", () =>
  visit(world, { ...PHONE, javaScript: false }, async (first) =>
    visit(world, SCRIPTED_DESKTOP, async (second, { watch }) => {
      watch.expect(/^409: POST/);
      const before = (await charges(world)).length;
      await openLink(first, world, overtaken);
      await submit(first);
      await first.getByLabel(/card number/i).waitFor();

      await openLink(second, world, overtaken);
      await pay(second, SCRIPTED_DESKTOP);
      const alert = second.getByRole('alert').filter({ hasText: 'only one can run at a time' });
      await alert.waitFor();
      await expectAccessible(second);
      await alert.getByRole('button', { name: 'Cancel it and start again' }).click();
      await expectReceipt(second);

      await payOnStripesPage(first);
      await first.getByText(/expired|nothing was charged/i).first().waitFor();
      assert.equal((await charges(world)).length, before + 1);
    }),
  ));

test('without JavaScript too a running payment can be cancelled and begun again with another amount', () =>
  visit(world, { ...PHONE, javaScript: false }, async (page) => {
    await openLink(page, world, changedMind);
    await submit(page);
    await page.getByRole('link', { name: 'Back' }).click();
    await chooseAmount(page, '30.00');
    await submit(page);
    await page.getByRole('heading', { level: 1, name: 'A payment is already in progress' }).waitFor();
    await expectSound(page, { javaScript: false });
    await page.getByRole('button', { name: 'Cancel it and start again' }).click();
    await chooseAmount(page, '30.00');
    await pay(page, { javaScript: false });
    await expectReceipt(page);
    await expectWords(page, '$30.00', '$52.00');
  }));

test("after five declines the card is typed on Stripe's page alone", () =>
  visit(world, SCRIPTED_PHONE, async (page, { watch }) => {
    watch.expect(/^402: POST/);
    await openLink(page, world, stubborn);
    for (let card = 1; card <= 4; card += 1) {
      await pay(page, SCRIPTED_PHONE, CARDS.declined);
      await page.getByRole('alert').filter({ hasText: 'Nothing was charged' }).waitFor();
      await page.getByRole('button', { name: 'Submit Payment', disabled: false }).waitFor();
      if (card >= 2) await page.getByText('a check by mail').last().waitFor();
    }
    await pay(page, SCRIPTED_PHONE, CARDS.declined);
    await page.getByText('Several cards were declined').first().waitFor();
    assert.equal(await page.locator('iframe').count(), 0);
    await expectSound(page, SCRIPTED_PHONE);
    await submit(page);
    await payOnStripesPage(page);
    await expectReceipt(page);
  }));

test('somebody in doubt pastes the link and learns whether the message is real', () =>
  visit(world, SCRIPTED_PHONE, async (page) => {
    await page.goto('/check-message');
    await expectSound(page, SCRIPTED_PHONE);
    const check = async (typed) => {
      await page.getByRole('textbox').fill(typed);
      await page.getByRole('button', { name: 'Check', exact: true }).click();
    };
    const link = await payLink(world, doubtful);
    await check(link);
    await expectWords(page, 'sent this message on Mar 4, 2026');
    await expectSound(page, SCRIPTED_PHONE);
    await check(link.replace('127.0.0.1', 'pay.example.net'));
    await expectWords(page, 'We did not send');
    // The code printed in the message says the same, however it is typed.
    const { body } = await world.message((m) => m.to === doubtful.phone && m.link, 'the reminder');
    const [, code] = /Reply STOP to stop texts\. Check code ([A-Z2-9]{4}-[A-Z2-9]{4})$/.exec(body) ?? [];
    assert.ok(code, body);
    for (const typed of [code, code.toLowerCase().replace('-', ' ')]) {
      await check(typed);
      await expectWords(page, 'sent this message on Mar 4, 2026');
    }
    await check('AAAA-AAAA');
    await expectWords(page, 'We did not send a message with this link or code');
    await page.goto('/');
    await expectSound(page, SCRIPTED_PHONE);
    await expectWords(page, 'Our messages come from');
  }));

for (const way of SCRIPTED_WAYS) {
  test(`the demo's mailbox reads well, ${way.label}`, () =>
    visit(world, way, async (page) => {
      await page.goto('/sandbox/mailbox');
      await expectWords(page, 'Authenticator codes now', world.staff('manager').email, 'You have a bill to pay');
      await expectSound(page, way);
      const letter = await page.locator('article').first().boundingBox();
      assert.ok(letter.width > way.viewport.width / 2, `a message is ${letter.width} px wide`);
    }));
}

test("a tapped link leads somebody signed in to their own bill, and never to another person's", () =>
  visit(world, SCRIPTED_PHONE, async (page) => {
    await openLink(page, world, atHome);
    await page.getByRole('link', { name: 'I want to see my statement before I pay' }).click();
    await createAccount(page, atHome);
    if (await page.getByRole('button', { name: 'Send code' }).count()) await proveByCode(page, world, atHome);
    await page.getByRole('heading', { level: 1, name: 'Your Bill Details' }).waitFor();
    const own = new URL(await payLink(world, atHome));
    await page.goto(world.url(own.pathname));
    await page.getByRole('heading', { level: 1, name: 'Your Bill Details' }).waitFor();
    await expectWords(page, 'This is the bill in our message');
    // A relative's link opened on the same phone pays, and shows nothing.
    await openLink(page, world, visitor);
    await expectNothingPersonal(page, visitor);
    await expectNothingPersonal(page, atHome);
  }));

test('going back after paying and submitting again charges nothing', () =>
  visit(world, SCRIPTED_PHONE, async (page) => {
    await openLink(page, world, backButton);
    await pay(page, SCRIPTED_PHONE);
    await expectReceipt(page);
    const before = (await charges(world)).length;
    await page.goBack();
    const button = page.getByRole('button', { name: 'Submit Payment' });
    if (await button.count()) {
      await typeCard(page);
      await button.click();
      await page.getByText(/nothing is due|payment received|balance is now/i).first().waitFor();
    }
    assert.equal((await charges(world)).length, before);
  }));

test("when Stripe's script does not load, Stripe's own page remains", () =>
  visit(world, SCRIPTED_PHONE, async (page, { watch }) => {
    watch.expect(/request failed|ERR_FAILED|Failed to load/i);
    await page.route(/stripe[^/]*\.js/, (route) => route.abort());
    await openLink(page, world, blocked);
    await expectFits(page);
    await page.getByRole('button', { name: /Pay on Stripe.s page/ }).click();
    await payOnStripesPage(page);
    await expectReceipt(page);
  }));

test('the whole payment can be made by keyboard', () =>
  visit(world, SCRIPTED_DESKTOP, async (page) => {
    await openLink(page, world, keyboard);
    await reachByKeyboard(page, 'Submit Payment');
    await typeCard(page);
    await page.getByRole('button', { name: 'Submit Payment' }).focus();
    await page.keyboard.press('Enter');
    await expectReceipt(page);
  }));

test('a bank that asks for approval gets it on the same page', () =>
  visit(world, SCRIPTED_PHONE, async (page) => {
    await openLink(page, world, chatty);
    await pay(page, SCRIPTED_PHONE, CARDS.asksTheBank);
    const approve = await until('the question of the bank', async () => {
      for (const frame of page.frames()) {
        const button = frame.getByRole('button', { name: /approve|complete/i });
        if (await button.isVisible().catch(() => false)) return button;
      }
      return null;
    });
    await approve.click();
    await expectReceipt(page);
  }));

test('a payment whose webhook is lost is still known', async () => {
  await world.fault({ vendor: 'webhook', kind: 'drop', times: 5 });
  await visit(world, SCRIPTED_PHONE, async (page) => {
    await openLink(page, world, silent);
    await pay(page, SCRIPTED_PHONE);
    await expectReceipt(page);
  });
  await world.message((m) => m.to === silent.email && /your payment/i.test(m.subject ?? ''), 'a receipt');
});

test('a payment the bank is still thinking about is neither failed nor repeated', async () => {
  await world.fault({ vendor: 'stripe', operation: 'confirm', kind: 'processing', ms: 60_000 });
  await visit(world, SCRIPTED_PHONE, async (page) => {
    await openLink(page, world, late);
    await pay(page, SCRIPTED_PHONE);
    await page.getByRole('heading', { level: 1, name: /checking with your bank/i }).waitFor();
    await expectWords(page, 'pay again');
    await expectAccessible(page);
    await world.advance('PT20M');
    await page.getByRole('button', { name: 'Check again' }).or(page.getByRole('link', { name: 'Check again' })).first().click();
    await expectReceipt(page);
  });
});

test('links that do not work look alike, and offer a new one', () =>
  visit(world, SCRIPTED_PHONE, async (page) => {
    const seen = new Set();
    for (const token of ['nonsense', 'A'.repeat(43), 'x'.repeat(300)]) {
      await page.goto(`/p/${token}`);
      await expectWords(page, 'This link no longer works', 'Nothing was charged');
      seen.add((await page.locator('main').innerText()).trim());
    }
    assert.equal(seen.size, 1);
    await expectSound(page, SCRIPTED_PHONE);
    const answers = new Set();
    for (const contact of [unusual.email, 'nobody@example.com']) {
      await page.goto('/p/nonsense');
      await page.getByRole('textbox').first().fill(contact);
      await page.getByRole('button', { name: 'Send me a new link' }).click();
      await expectWords(page, 'If it is on file, a link is on its way');
      answers.add((await page.locator('main').innerText()).trim());
    }
    assert.equal(answers.size, 1);
  }));

test('someone else who gets the message can say so, and is not written to again', () =>
  visit(world, SCRIPTED_PHONE, async (page) => {
    await openLink(page, world, wrongPerson);
    await page.getByRole('link', { name: /This isn.t me/ }).or(page.getByRole('button', { name: /This isn.t me/ })).first().click();
    await expectAccessible(page);
    const before = (await world.mailbox(wrongPerson.phone)).length;
    await page.getByRole('button', { name: /yes|this isn.t me|stop/i }).first().click();
    await expectFits(page);
    await world.advance('P8D');
    assert.equal((await world.mailbox(wrongPerson.phone)).length, before);
  }));

test('a patient who reads Spanish is spoken to in Spanish', () =>
  visit(world, { ...SCRIPTED_PHONE, locale: 'es-US' }, async (page) => {
    const link = new URL(await payLink(world, spanish));
    await page.goto(world.url(link.pathname));
    assert.equal(await page.locator('html').getAttribute('lang'), 'es');
    assert.doesNotMatch(await page.locator('h1').innerText(), /Make a Payment/);
    await expectSound(page, SCRIPTED_PHONE);
    await page.getByRole('button', { name: 'English' }).click();
    await page.getByRole('heading', { level: 1, name: 'Make a Payment' }).waitFor();
  }));

test('the page is light, and works at 320 px and at 200 % zoom', () =>
  visit(world, SCRIPTED_DESKTOP, async (page) => {
    const link = new URL(await payLink(world, unusual));
    const bytes = await weigh(page, world.url(link.pathname));
    assert.ok(bytes < LARGEST_PAGE_BYTES, `${bytes} bytes`);
    await expectFits(page, 320);
    await expectFits(page, DESKTOP.viewport.width / 2);
  }));

test('the dark page has enough contrast too', () =>
  visit(world, { ...SCRIPTED_PHONE, dark: true }, async (page) => {
    await openLink(page, world, unusual);
    await expectAccessible(page);
    await picture(page, SCRIPTED_PHONE, 'make-a-payment-dark');
  }));

function amountField(page) {
  return page.getByRole('textbox', { name: /amount/i }).first();
}

async function chooseAmount(page, amount) {
  await page.getByLabel('Pay other amount').check();
  await amountField(page).fill(amount);
}

async function openPaid(page, person) {
  const link = new URL(await payLink(world, person));
  await page.goto(world.url(link.pathname));
  await expectWords(page, 'Nothing is due on this account today');
}
