// A manager puts the practice's own words into its messages.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { closeBrowser, DESKTOP, expectSound, PHONE, picture, visit } from './browser.mjs';
import { Cast } from './cast.mjs';
import { DESK, expectWords, openWorkspace, remindEveryone } from './staff.mjs';
import { startWorld } from './world.mjs';

// Of a bill of six weeks ago.
const PLAIN = /^Default\s*: Reminder, plain, text, English$/;
const OWN =
  '{practice_alias}: Hello from the billing desk. Call {practice_phone}. Pay: {pay_link}\n\n' +
  'Reply STOP to stop texts.';

const WAYS = [
  { ...DESKTOP, javaScript: true, label: 'at a desk' },
  { ...PHONE, javaScript: true, label: 'on a phone' },
  { ...DESKTOP, javaScript: false, label: 'without JavaScript' },
];

after(closeBrowser);

for (const way of WAYS) {
  test(`a manager rewrites a reminder, is told what is wrong, and patients read it, ${way.label}`, async () => {
    const cast = new Cast('TPL');
    const one = cast.person();
    const world = await startWorld({ accounts: 5 });
    world.importFile('templates.csv', cast.csv());
    try {
      await visit(world, way, async (page, { watch }) => {
        watch.expect(/^422: POST/);
        await openWorkspace(page, world, 'manager', '/staff/settings');
        await page.getByRole('link', { name: 'Templates' }).first().click();
        await page.getByRole('heading', { level: 1, name: 'Templates' }).waitFor();
        await expectSound(page, way);
        await picture(page, way, 'templates');

        await page.getByRole('link', { name: PLAIN }).click();
        await page.getByRole('heading', { level: 1, name: /Reminder, plain/ }).waitFor();
        await expectWords(page, 'Default words', /your bill is still open/);
        await expectSound(page, way);

        const words = page.getByLabel('Words', { exact: true });
        await words.fill('Pay now for your surgery or go to court: {pay_link} {diagnosis}');
        await page.getByRole('button', { name: 'Save' }).click();
        await page.getByRole('heading', { name: 'What the linter says' }).waitFor();
        await expectWords(
          page,
          'The words were not saved',
          /no variable \{diagnosis\}/,
          /surgery.*health/,
          /court.*threat/,
        );
        assert.match(await words.inputValue(), /surgery/, 'what was typed is still there');
        await expectSound(page, way);
        await picture(page, way, 'template-refused');

        await words.fill(OWN);
        await page.getByLabel('Show it as it would go to').selectOption({ label: one.name });
        if (way.javaScript) {
          await page.locator('#preview', { hasText: 'Hello from the billing desk' }).waitFor();
        }
        await page.getByRole('button', { name: 'Preview' }).click();
        await page.locator('#preview', { hasText: 'Hello from the billing desk' }).waitFor();
        await expectWords(page, /GSM-7/, /Parts/, /cents/);
        await expectSound(page, way);
        await picture(page, way, 'template-preview');
        await page.getByRole('button', { name: 'Save' }).click();
        await expectWords(page, 'The words were saved', 'Your own words', /Version 1/);
        await expectSound(page, way);
      });
      await remindEveryone(world);
      const text = await world.message(one.phone, 'the reminder');
      assert.match(text.body, /: Hello from the billing desk\. Call /);
      assert.match(text.body, /Reply STOP to stop texts\./);
      assert.ok(text.link, 'and it carries a link');
    } finally {
      await world.stop();
    }
  });
}

test('a biller reads the words and sees which version a message was written with', async () => {
  const cast = new Cast('TPB');
  const one = cast.person();
  const world = await startWorld({ accounts: 5 });
  world.importFile('templates.csv', cast.csv());
  try {
    await remindEveryone(world, { method: 'Email' });
    const email = await world.message(one.email, 'the reminder');
    assert.match(email.html, /cid:link/, 'the email shows its link as a picture');
    await visit(world, DESK, async (page) => {
      await openWorkspace(page, world, 'biller');
      await page.getByRole('link', { name: 'Templates' }).click();
      await page.getByRole('link', { name: /^Default\s*: Reminder, \w+, email, English$/ }).first().click();
      await expectWords(page, 'Subject:', /call/);
      assert.equal(await page.getByRole('button', { name: 'Save' }).count(), 0);
      await expectSound(page, DESK);
      await page.getByLabel('Show it as it would go to').selectOption({ label: one.name });
      await page.getByRole('button', { name: 'Preview' }).click();
      await expectWords(page, '$');
      await page.getByRole('link', { name: 'Notification history' }).click();
      await page.getByRole('row', { name: new RegExp(one.name) }).getByRole('link').last().click();
      await page.getByRole('heading', { name: 'What it says' }).waitFor();
      await expectWords(page, /Words\s+Reminder, \w+: email in English, default words [0-9a-f]{8}/);
    });
  } finally {
    await world.stop();
  }
});

test('the default words come back with one button, and every version stays', async () => {
  const world = await startWorld({ accounts: 5 });
  try {
    await visit(world, DESK, async (page) => {
      await openWorkspace(page, world, 'manager', '/staff/settings/templates/help.text.en');
      const words = page.getByLabel('Words', { exact: true });
      await words.fill('{practice_alias}: Call {practice_phone} for help with a bill. Reply STOP to opt out.');
      await page.getByRole('button', { name: 'Save' }).click();
      await expectWords(page, 'Your own words');
      await page.getByRole('button', { name: 'Put the default words back' }).click();
      await expectWords(page, 'The default words are back', 'Default words', /Version 1/, /Version 2/);
    });
  } finally {
    await world.stop();
  }
});
