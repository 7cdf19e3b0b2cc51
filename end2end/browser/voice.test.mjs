// Calls and faxes, from the manager's switch to the phone that rings: what is said, which keys do what,
// and what a person who picks up may never hear.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { closeBrowser, expectSound, PHONE, picture, visit } from './browser.mjs';
import { Cast, visit as bill } from './cast.mjs';
import { DESK, expectWords, openRecord, openWorkspace, remindEveryone } from './staff.mjs';
import { startWorld } from './world.mjs';

const ZELDA = { name: 'Zelda Quimby', patientName: 'Zelda Quimby' };

after(closeBrowser);

/** A small world with one person of ours, and what to do at the desk. */
async function withZelda(story, person = {}) {
  const cast = new Cast('VOI');
  const zelda = cast.person({ ...ZELDA, visits: [bill('2026-01-20', '120.00')], ...person });
  const world = await startWorld({ accounts: 1 });
  try {
    world.importFile('voice.csv', cast.csv());
    await story(world, zelda);
  } finally {
    await world.stop();
  }
}

/** The manager's page, everything ticked and saved. */
async function switchOn(world, { amount = false, fax = false } = {}) {
  await visit(world, DESK, async (page, { watch }) => {
    watch.expect(/^422: POST/);
    await openWorkspace(page, world, 'manager', '/staff/settings/calls');
    await expectSound(page, DESK);
    await page.getByLabel('Enable reminder calls').check();
    await page.getByRole('button', { name: 'Save' }).click();
    await expectWords(page, 'Read the notice and accept it');
    await expectSound(page, DESK);
    await page.getByLabel('Enable reminder calls').check();
    await page.getByLabel('We have read this').check();
    if (amount) await page.getByLabel('Say the amount').check();
    if (fax) await page.getByLabel('Fax reminders to those').check();
    await picture(page, DESK, 'settings-calls');
    await page.getByRole('button', { name: 'Save' }).click();
    await expectWords(page, /saved/i);
  });
}

async function agreesToCalls(world, person) {
  await visit(world, DESK, async (page) => {
    await openWorkspace(page, world, 'biller', '/staff/patients');
    await openRecord(page, person.name);
    const details = page.getByRole('group', { name: /•••/ }).first();
    if (!(await page.getByLabel('Consent to automated calls').isVisible())) {
      await details.locator('summary').click();
    }
    await expectSound(page, DESK);
    await picture(page, DESK, 'call-consent');
    await page.getByLabel('Consent to automated calls').selectOption('yes');
    await page.getByLabel('How we know').first().fill('Signed the form for calls');
    await page.getByRole('button', { name: 'Save Text/SMS' }).click();
    await expectWords(page, 'Automated calls', /Given on/);
  });
}

async function callsTo(world, person) {
  return world.mailbox((m) => m.to === person.phone && m.channel === 'call');
}

/** Everyone who agreed is called, and `person` takes the call like this. */
async function call(world, person, taking) {
  await scripted(world, { to: person.phone, ...taking });
  const before = (await callsTo(world, person)).length;
  await remindEveryone(world, { method: 'Call' });
  await world.message(
    (m) => m.to === person.phone && m.channel === 'call' && m.vendor_id,
    `a call to ${person.name}`,
  );
  const calls = await callsTo(world, person);
  assert.equal(calls.length, before + 1);
  return calls.at(-1);
}

/** Beside the pictures, where those are kept. */
async function keep(name, response) {
  const folder = process.env.CLEARBILL_TEST_SCREENSHOTS;
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), Buffer.from(await response.arrayBuffer()));
}

async function scripted(world, taking) {
  const response = await fetch(world.url('/sandbox/calls'), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(taking),
  });
  assert.equal(response.status, 204, await response.text());
}

test('calls are hidden until a manager has switched them on and accepted the notice', async () => {
  await withZelda(async (world, zelda) => {
    const chooses = async (page) => {
      await openWorkspace(page, world, 'biller', '/staff/statements/criteria');
      return page.getByLabel('Call', { exact: true }).count();
    };
    await visit(world, DESK, async (page, { watch }) => {
      watch.expect(/^422: GET/);
      assert.equal(await chooses(page), 0);
      await openRecord(page, zelda.name);
      assert.equal(await page.getByLabel('Consent to automated calls').count(), 0);
      await page.goto('/staff/statements/confirm?method=voice&status=ready');
      await expectWords(page, 'Reminder calls are not switched on');
    });
    await switchOn(world);
    await visit(world, DESK, async (page) => {
      assert.equal(await chooses(page), 1);
      await expectSound(page, DESK);
    });
  });
});

test('she hears the message, gets the link by text, and a 9 ends the calls', async () => {
  await withZelda(async (world, zelda) => {
    await switchOn(world, { amount: true });
    await agreesToCalls(world, zelda);

    const first = await call(world, zelda, { digits: '12' });
    const [greeting, ...rest] = first.body.split('\n');
    assert.match(greeting, /automated call from Lakeside Family/);
    assert.doesNotMatch(greeting, /\$|120|bill|balance/, 'nothing about money before a key');
    assert.equal(first.keys, '12');
    assert.match(rest.join('\n'), /\$120\.00/);
    const text = await world.message(
      (m) => m.to === zelda.phone && m.channel === 'text' && m.link,
      'the link by text',
    );
    assert.match(text.body, /Lakeside Family/);
    await visit(world, { ...PHONE, javaScript: true }, async (page) => {
      await page.goto(new URL(text.link).pathname);
      await expectWords(page, 'Make a Payment', '$120.00');
    });

    // A week later nobody is at home: the machine hears who called, and no more.
    await world.advance('P8D');
    const second = await call(world, zelda, { machine: true });
    assert.match(second.body, /Lakeside Family.*2 1 2, 5 5 5, 0 1 4 2/s);
    assert.doesNotMatch(second.body, /\$|120\.00|bill|balance|pay/i);

    await world.advance('P8D');
    const third = await call(world, zelda, { digits: '9' });
    assert.match(third.body, /no more calls like this one/);
    await visit(world, DESK, async (page) => {
      await openWorkspace(page, world, 'biller', '/staff/patients');
      await openRecord(page, zelda.name);
      await expectWords(page, /Stopped on .* by pressing 9 in a call/);
      await picture(page, DESK, 'calls-stopped');
      await page.goto('/staff/statements/confirm?method=voice&status=ready&status=pending_patient');
      await page.getByRole('link', { name: /Not eligible/ }).click();
      await expectWords(page, zelda.name, 'Opted out');
      await expectSound(page, DESK);
    });
    assert.equal((await callsTo(world, zelda)).length, 3);

    // The mailbox shows what was said and pressed.
    await visit(world, DESK, async (page) => {
      await page.goto('/sandbox/mailbox');
      await expectWords(page, 'Keys pressed: 12.', 'Keys pressed: 9.', '[presses 9]');
      await picture(page, DESK, 'mailbox-calls');
    });
  });
});

test('who presses nothing is asked once more and then left in peace', async () => {
  await withZelda(async (world, zelda) => {
    await switchOn(world);
    await agreesToCalls(world, zelda);
    const heard = await call(world, zelda, { digits: '' });
    assert.equal(heard.body.match(/To hear the message, press 1/g).length, 2);
    assert.match(heard.body, /Goodbye\.$/);
    await world.advance('P8D');
    const office = await call(world, zelda, { digits: '50' });
    assert.match(office.body, /connected to \+12125550142/, 'a wrong key, then the office');
    await world.advance('P8D');
    const proof = await call(world, zelda, { digits: '3' });
    const spoken = /The code of this call is ((?:[A-Z2-9], ){7}[A-Z2-9])\./.exec(proof.body)?.[1];
    assert.ok(spoken, proof.body);
    await visit(world, PHONE, async (page) => {
      await page.goto('/check-message');
      await page.getByLabel(/check code/i).fill(spoken.replaceAll(', ', ''));
      await page.getByRole('button', { name: 'Check' }).click();
      await expectWords(page, /Yes\. Lakeside Family/);
    });
    await visit(world, DESK, async (page) => {
      await openWorkspace(page, world, 'biller', '/staff/notifications?channel=voice');
      await page.getByRole('link', { name: /^Reminder by call/ }).first().click();
      await expectWords(page, 'Whoever picked up pressed 3: heard the code of the call', 'Why', 'By call: It may go');
      await expectSound(page, DESK);
      await openRecord(page, zelda.name);
      await page.getByRole('link', { name: /^Why/ }).first().click();
      await expectWords(page, 'By call to', 'By email to', 'Reminder by call');
      await expectSound(page, DESK);
      await picture(page, DESK, 'why-of-a-call');
      await page.getByLabel('What about another day?').fill('2026-03-04');
      await page.getByRole('button', { name: 'Ask' }).click();
      await expectWords(page, 'What was decided on Mar 4, 2026', 'By call: It may go');
      await expectSound(page, DESK);
    });
  });
});

test('who takes neither texts nor email gets a page with the amount and a code to scan', async () => {
  await withZelda(
    async (world, zelda) => {
      await switchOn(world, { fax: true });
      await visit(world, DESK, async (page, { watch }) => {
        watch.expect(/^422: POST/);
        await openWorkspace(page, world, 'biller', '/staff/patients');
        await openRecord(page, zelda.name);
        await page.getByLabel('Add a fax number').fill('12');
        await page.getByRole('button', { name: 'Add fax' }).click();
        await expectWords(page, /not a phone/i);
        await page.getByLabel('Add a fax number').fill('(212) 555-0177');
        await page.getByRole('button', { name: 'Add fax' }).click();
        await expectWords(page, 'The fax number was added');
        await expectSound(page, DESK);
      });
      await remindEveryone(world, { method: 'Fax' });
      const fax = await world.message((m) => m.to === '+12125550177', 'a fax');
      assert.equal(fax.channel, 'fax');
      for (const words of ['$120.00', 'Zelda Quimby', '/p/', '/check-message', '(212) 555-0142']) {
        assert.ok(fax.body.includes(words), `${words} in\n${fax.body}`);
      }
      const page = await fetch(world.url(`/sandbox/faxes/${fax.id}`));
      assert.equal(page.headers.get('content-type'), 'application/pdf');
      await keep('fax.pdf', page);
      await world.advance('PT10M');
      await visit(world, DESK, async (page) => {
        await openWorkspace(page, world, 'biller', '/staff/notifications?channel=fax');
        await expectWords(page, 'Reminder by fax', 'Delivered');
        await picture(page, DESK, 'fax-delivered');
      });
    },
    { consent: false, email: '' },
  );
});
