// Text Inbox: what patients text back arrives live, is understood, answered, corrected and closed.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { closeBrowser, DESKTOP, expectSound, PHONE, picture, visit } from './browser.mjs';
import { Cast } from './cast.mjs';
import { DESK, expectWords, openWorkspace } from './staff.mjs';
import { startWorld, until } from './world.mjs';

const WAYS = [
  { ...DESKTOP, javaScript: true, label: 'at a desk' },
  { ...PHONE, javaScript: true, label: 'on a phone' },
  { ...DESKTOP, javaScript: false, label: 'without JavaScript' },
];
const ZELDA = { name: 'Zelda Quimby', patientName: 'Zelda Quimby' };

after(closeBrowser);

/** A practice that reads its texts. */
async function newWorld(cast) {
  const world = await startWorld({ accounts: 1 });
  world.importFile('inbox.csv', cast.csv());
  await visit(world, DESK, async (page) => {
    await openWorkspace(page, world, 'manager', '/staff/settings/texting');
    await page.getByLabel('Somebody reads replies').check();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('link', { name: /^Text Inbox/ }).waitFor();
  });
  return world;
}

async function openConversation(page, name) {
  await page.goto('/staff/inbox?show=all');
  await page.getByRole('link', { name: new RegExp(name) }).first().click();
  await page.getByRole('heading', { name: /^Conversation with/ }).waitFor();
}

for (const way of WAYS) {
  test(`a reply is answered, corrected and closed, ${way.label}`, async () => {
    const cast = new Cast('INB');
    const one = cast.person(ZELDA);
    const world = await newWorld(cast);
    try {
      await world.reply({ from: one.phone, body: 'Can somebody explain this?' });
      await visit(world, way, async (page, { watch }) => {
        watch.expect(/^422: POST/);
        await openWorkspace(page, world, 'biller', '/staff/inbox');
        await expectWords(page, one.name, 'Can somebody explain this?', /1\s+unread/);
        await expectSound(page, way);
        await picture(page, way, 'inbox');
        const nav = page.locator('.staff-nav');
        assert.match(await nav.innerText(), /Text Inbox\s*1/);
        await page.getByRole('link', { name: new RegExp(one.name) }).first().click();
        await expectWords(page, 'Can somebody explain this?', 'Understood as: Something else');
        assert.doesNotMatch(await nav.innerText(), /Text Inbox\s*1/, 'opened is read');
        await expectSound(page, way);

        const said = 'Please call us and we will go through it.';
        if (way.javaScript) {
          // It comes while somebody looks and types, and what is typed stays.
          await page.getByLabel('Message').fill(said);
          await world.reply({ from: one.phone, body: 'This is a mistake, I already paid' });
          const thread = page.locator('#thread');
          await thread.getByText('I already paid').waitFor();
          assert.equal(await page.getByLabel('Message').inputValue(), said);
        } else {
          await world.reply({ from: one.phone, body: 'This is a mistake, I already paid' });
          await page.getByRole('link', { name: 'Refresh' }).click();
          await page.getByLabel('Message').fill(said);
        }
        await expectWords(page, 'Understood as: Says it is paid', 'Hold: pause', 'Answered automatically');
        await picture(page, way, 'conversation');
        await page.getByRole('button', { name: 'Send text' }).click();
        await expectWords(page, 'The text was sent', said);
        await world.message((m) => m.to === one.phone && m.body.includes(said), 'the answer');

        await page.getByRole('button', { name: /^Not so/ }).first().click();
        await expectWords(page, 'Corrected', 'First understood as: Says it is paid');
        await page.getByLabel('Assigned to').selectOption({ label: 'Sam Ortiz' });
        await page.getByRole('button', { name: 'Assign' }).click();
        await expectWords(page, 'Assigned.');
        await page.goto('/staff/inbox?show=mine');
        await expectWords(page, one.name, 'With Sam Ortiz');
        await openConversation(page, one.name);
        await page.getByRole('button', { name: 'Close conversation' }).click();
        await expectWords(page, 'The conversation was closed');
        await page.goto('/staff/inbox?show=closed');
        await expectWords(page, one.name);
        await page.goto('/staff/inbox?q=somebody+explain');
        await expectWords(page, one.name, 'newest 500 texts');
        await expectSound(page, way);
        await page.goto('/staff/inbox?q=quimby');
        await expectWords(page, one.name);
        await page.goto('/staff/inbox?q=nobody+is+called+so');
        await expectWords(page, 'Nothing was found');
      });
    } finally {
      await world.stop();
    }
  });
}

test('STOP closes the conversation, and nothing can be written any more', async () => {
  const cast = new Cast('STP');
  const one = cast.person(ZELDA);
  const world = await newWorld(cast);
  try {
    await world.reply({ from: one.phone, body: 'hello there' });
    await visit(world, DESK, async (page) => {
      await openWorkspace(page, world, 'front desk', '/staff/inbox');
      await openConversation(page, one.name);
      await world.reply({ from: one.phone, body: 'STOP' });
      await page.locator('#thread').getByText('STOP: opted out').waitFor();
      await page.reload();
      await expectWords(page, 'Opted out by replying STOP', 'Only they can come back', 'Closed');
      assert.equal(await page.getByLabel('Message').count(), 0);
      await expectSound(page, DESK);
      await world.reply({ from: one.phone, body: 'START' });
      await page.reload();
      assert.equal(await page.getByLabel('Message').count(), 1);
    });
  } finally {
    await world.stop();
  }
});

test('a shared phone names everybody, and staff choose whom it is about', async () => {
  const cast = new Cast('SHR');
  const mother = cast.person({ ...ZELDA });
  const son = cast.person({ name: 'Yorick Umber', patientName: 'Yorick Umber', phone: mother.phone });
  const world = await newWorld(cast);
  try {
    await world.reply({ from: mother.phone, body: 'which visit was this' });
    await visit(world, DESK, async (page, { watch }) => {
      watch.expect(/^422: POST/);
      await openWorkspace(page, world, 'biller', '/staff/inbox');
      await expectWords(page, `${son.name} or ${mother.name}`);
      await openConversation(page, mother.name);
      await expectWords(page, 'Any of these may have written', mother.name, son.name);
      await page.getByLabel('Message').fill('The visit in January.');
      await page.getByRole('button', { name: 'Send text' }).click();
      await expectWords(page, 'on behalf of which account');
      await expectSound(page, DESK);
      assert.equal(await page.getByLabel('Message').inputValue(), 'The visit in January.');
      await page.getByLabel('It is about').selectOption({ label: mother.name });
      await page.getByRole('button', { name: 'Save account' }).click();
      await expectWords(page, 'It is about this one');
      await page.getByLabel('Message').fill('The visit in January.');
      await page.getByRole('button', { name: 'Send text' }).click();
      await expectWords(page, 'The text was sent');
    });
  } finally {
    await world.stop();
  }
});

test('a wrong number is left alone until staff find that it is right', async () => {
  const cast = new Cast('WRG');
  const one = cast.person(ZELDA);
  const world = await newWorld(cast);
  try {
    await world.reply({ from: one.phone, body: 'wrong number' });
    await visit(world, DESK, async (page, { watch }) => {
      watch.expect(/^403: POST/);
      await openWorkspace(page, world, 'front desk', '/staff/inbox');
      await openConversation(page, one.name);
      await expectWords(page, 'Says it is a wrong number', 'Nothing is texted to it');
      assert.equal(await page.getByLabel('Message').count(), 0);
      await page.getByRole('button', { name: /^Not so/ }).click();
      await expectWords(page, /not allowed|may not/i);
    });
    await visit(world, DESK, async (page) => {
      await openWorkspace(page, world, 'biller', '/staff/inbox');
      await openConversation(page, one.name);
      await page.getByRole('button', { name: /^Not so/ }).click();
      await expectWords(page, 'Corrected');
      assert.equal(await page.getByLabel('Message').count(), 1);
    });
  } finally {
    await world.stop();
  }
});

test('VERIFY is answered with proof, CALL with a task', async () => {
  const cast = new Cast('VER');
  const one = cast.person(ZELDA);
  const world = await newWorld(cast);
  try {
    await world.reply({ from: one.phone, body: 'VERIFY' });
    await world.message((m) => m.to === one.phone && /did not send/.test(m.body), 'no proof');
    await visit(world, DESK, async (page) => {
      await openWorkspace(page, world, 'front desk', '/staff/inbox/new');
      await expectSound(page, DESK);
      await page.getByLabel(/^Patient or guarantor/).fill('quimby');
      await page.getByRole('button', { name: 'Search' }).click();
      await expectSound(page, DESK);
      await page.getByRole('link', { name: new RegExp(`Write to ${one.name}`) }).click();
      await page.getByLabel('Message').fill('We have a question about your address.');
      await page.getByRole('button', { name: 'Send text' }).click();
      await page.getByRole('heading', { name: /^Conversation with/ }).waitFor();
      await world.reply({ from: one.phone, body: 'verify' });
      const proof = await world.message((m) => m.to === one.phone && /Yes, we texted you/.test(m.body), 'proof');
      assert.ok(!/82|bill|balance/i.test(proof.body), proof.body);
      await world.reply({ from: one.phone, body: 'CALL' });
      await world.message((m) => m.to === one.phone && /call you back/.test(m.body), 'a promise');
      await until('a task', async () => {
        await page.goto('/staff/tasks');
        return (await page.locator('main').innerText()).includes('Call back: asked for by text');
      });
    });
  } finally {
    await world.stop();
  }
});

test('canned replies are checked, kept and used', async () => {
  const cast = new Cast('CAN');
  const one = cast.person(ZELDA);
  const world = await newWorld(cast);
  try {
    await world.reply({ from: one.phone, body: 'when are you open' });
    for (const way of [DESK, { ...PHONE, javaScript: true }]) {
      await visit(world, way, async (page, { watch }) => {
        watch.expect(/^422: POST/);
        await openWorkspace(page, world, 'biller', '/staff/inbox/canned');
        await page.getByLabel('Title').fill(`Hours ${way.width ?? ''}`.trim());
        await page.getByLabel('Words').fill('We are open until five {name}');
        await page.getByRole('button', { name: 'Add canned reply' }).click();
        await expectWords(page, 'take the braces out');
        await expectSound(page, way);
        await page.getByLabel('Words').fill('We are open until five.');
        await page.getByRole('button', { name: 'Add canned reply' }).click();
        await expectWords(page, 'The canned reply was saved', '1 part');
        await expectSound(page, way);
        await openConversation(page, one.name);
        await page.getByRole('link', { name: /^Hours/ }).first().click();
        assert.equal(await page.getByLabel('Message').inputValue(), 'We are open until five.');
        await page.goto('/staff/inbox/canned');
        await page.getByRole('button', { name: /^Remove Hours/ }).first().click();
        await expectWords(page, 'The canned reply was removed');
      });
    }
  } finally {
    await world.stop();
  }
});

test('without texting there is no inbox, nor where nobody reads it', async () => {
  const cast = new Cast('NIN');
  cast.person(ZELDA);
  const world = await newWorld(cast);
  try {
    await visit(world, DESK, async (page) => {
      await openWorkspace(page, world, 'manager', '/staff/inbox');
      await expectWords(page, 'No conversation is here');
      await expectSound(page, DESK);
      for (const label of ['Somebody reads replies', 'Enable SMS Service']) {
        await page.goto('/staff/settings/texting');
        await page.getByLabel(label).uncheck();
        await page.getByRole('button', { name: 'Save' }).click();
        await expectWords(page, 'The settings were saved');
        assert.equal(await page.getByRole('link', { name: /^Text Inbox/ }).count(), 0);
        for (const path of ['/staff/inbox', '/staff/inbox/live', '/staff/inbox/new', '/staff/inbox/canned']) {
          assert.equal((await page.goto(path)).status(), 404, path);
        }
      }
    });
  } finally {
    await world.stop();
  }
});
