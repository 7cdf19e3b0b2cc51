// Staff sign in with accounts of their own, see what their role may, and leave a trail.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { closeBrowser, DESKTOP, expectAccessible, expectSound, PHONE, picture, visit } from './browser.mjs';
import { Cast } from './cast.mjs';
import { DESK, expectWords, freshCode, openRecord, openWorkspace, signIn } from './staff.mjs';
import { startWorld } from './world.mjs';

const cast = new Cast('STF');
const somebody = cast.person();

let world;

before(async () => {
  world = await startWorld();
  world.importFile('staff.csv', cast.csv());
});

after(async () => {
  await closeBrowser();
  await world?.stop();
});

for (const way of [DESK, { ...PHONE, javaScript: true }, { ...DESKTOP, javaScript: false }]) {
  const label = `${way.name}${way.javaScript ? '' : ' without JavaScript'}`;
  test(`a biller signs in with password and code, and out, ${label}`, () =>
    visit(world, way, async (page) => {
      await page.goto('/staff');
      assert.match(page.url(), /\/staff\/sign-in/);
      await expectSound(page, way);
      await signIn(page, world.staff('biller'));
      await expectSound(page, way);
      await picture(page, way, 'workspace');
      await page.getByRole('button', { name: 'Sign out' }).first().click();
      await page.goto('/staff');
      assert.match(page.url(), /\/staff\/sign-in/);
      await page.goBack();
      assert.ok(!(await page.content()).includes(somebody.name));
    }));
}

test('a wrong password and an unknown address get the same words', () =>
  visit(world, DESK, async (page, { watch }) => {
    watch.expect(/^422: POST/);
    const seen = new Set();
    for (const email of [world.staff('viewer').email, 'nobody@example.com']) {
      await page.goto('/staff/sign-in');
      await page.getByLabel('Email').fill(email);
      await page.getByLabel('Password', { exact: true }).fill('not the right password');
      await page.getByRole('button', { name: /sign in|continue/i }).click();
      const code = page.getByLabel(/code/i).first();
      if (await code.count()) {
        await code.fill('000000');
        await page.getByRole('button', { name: /sign in|continue|verify/i }).click();
      }
      await page.locator('#errors').waitFor();
      seen.add(await page.locator('#errors').innerText());
    }
    assert.equal(seen.size, 1);
    await expectAccessible(page);
  }));

test('a password without its code opens nothing', () =>
  visit(world, DESK, async (page, { watch }) => {
    watch.expect(/^422: POST/);
    const one = world.staff('viewer');
    await page.goto('/staff/sign-in');
    await page.getByLabel('Email').fill(one.email);
    await page.getByLabel('Password', { exact: true }).fill(one.password);
    await page.getByRole('button', { name: /sign in|continue/i }).click();
    const right = await freshCode(one.totp_secret);
    await page.getByLabel(/code/i).first().fill(right === '000000' ? '000001' : '000000');
    await page.getByRole('button', { name: /sign in|continue|verify/i }).click();
    await page.goto('/staff');
    assert.match(page.url(), /\/staff\/sign-in/);
  }));

const CLOSED_TO = {
  viewer: ['/staff/settings', '/staff/audit', '/staff/import'],
  'front desk': ['/staff/settings', '/staff/audit'],
  biller: ['/staff/audit'],
};
for (const [role, paths] of Object.entries(CLOSED_TO)) {
  test(`a ${role} is not shown what the role may not do`, () =>
    visit(world, DESK, async (page) => {
      await openWorkspace(page, world, role);
      for (const path of paths) {
        const answer = await page.goto(path);
        assert.ok([403, 404].includes(answer.status()), `${role} ${path}: ${answer.status()}`);
      }
    }));
}

test('who looked at a patient is in the audit log, and looking at the log is too', () =>
  visit(world, DESK, async (page) => {
    await openWorkspace(page, world, 'biller');
    await openRecord(page, somebody.name);
    assert.ok(!(await page.content()).includes(somebody.dob), 'a date of birth is hidden until asked for');
    await openWorkspace(page, world, 'manager', '/staff/audit');
    await page.context().clearCookies();
    await openWorkspace(page, world, 'manager', '/staff/audit');
    await expectWords(page, /view/i, world.staff('biller').email);
    await expectSound(page, DESK);
    await picture(page, DESK, 'audit');
  }));

const PASSWORD = 'four plain words together';

async function press(page, name) {
  await page.getByRole('button', { name, exact: true }).click();
}

test('a manager invites a colleague, who sets up an account; the role ends with the next click', () =>
  visit(world, DESK, async (page, { watch }) => {
    watch.expect(/^422: POST/);
    await openWorkspace(page, world, 'manager', '/staff/people');
    await expectSound(page, DESK);
    await picture(page, DESK, 'people');
    await page.getByLabel('Email').fill(world.staff('biller').email);
    await page.getByLabel('Name', { exact: true }).fill('Somebody Else');
    await press(page, 'Invite');
    await expectWords(page, 'works here already');
    await expectSound(page, DESK);
    await page.getByLabel('Email').fill('ines@lakeside.example.org');
    await page.getByLabel('Name', { exact: true }).fill('Ines Ferro');
    await page.getByLabel(/^Front desk/).check();
    await press(page, 'Invite');
    await expectWords(page, 'It was also sent to ines@lakeside.example.org');
    await expectSound(page, DESK);
    const link = await page.locator('code.key').innerText();
    const letter = await world.message('ines@lakeside.example.org', 'the invitation');
    assert.equal(letter.link, link);
    await visit(world, DESK, async (hers) => {
      await hers.goto(link);
      await expectSound(hers, DESK);
      await picture(hers, DESK, 'invitation');
      await hers.getByLabel('Choose a password').fill(PASSWORD);
      await hers.getByLabel('The same password again').fill(PASSWORD);
      const secret = (await hers.locator('.key').innerText()).replace(/\s/g, '');
      await hers.getByLabel('Code the app shows now').fill(await freshCode(secret));
      await press(hers, 'Set up my account');
      await expectSound(hers, DESK);
      await hers.getByRole('link', { name: 'Open the workspace' }).click();
      await hers.getByRole('heading', { name: 'Dashboard' }).waitFor();
      const again = await hers.goto(link);
      assert.equal(again.status(), 404);
      await hers.goto('/staff/me');
      await expectSound(hers, DESK);
      await page.goto('/staff/people');
      await page.getByRole('link', { name: 'Ines Ferro' }).click();
      await expectSound(page, DESK);
      await page.getByRole('link', { name: 'End access…' }).click();
      await expectSound(page, DESK);
      await press(page, 'End access');
      await expectWords(page, 'No access');
      await hers.goto('/staff');
      assert.match(hers.url(), /\/staff\/sign-in/);
    });
  }));

test('the only manager cannot be made something else', () =>
  visit(world, DESK, async (page) => {
    await openWorkspace(page, world, 'manager', '/staff/people');
    await page.getByRole('link', { name: 'Dana Reed' }).click();
    await expectWords(page, 'Another manager can change your role');
    assert.equal(await page.getByRole('button', { name: /role/i }).count(), 0);
  }));

test('every page of the settings is sound, on a phone too', () =>
  visit(world, DESK, async (page) => {
    await openWorkspace(page, world, 'manager', '/staff/settings');
    for (const path of [
      'practice', 'statements', 'texting', 'email', 'payments', 'sending', 'imports',
      'rules', 'connections', 'keys', 'numbers',
    ]) {
      await page.goto(`/staff/settings/${path}`);
      await expectSound(page, DESK);
    }
    await page.goto('/staff/settings/statements');
    await picture(page, DESK, 'settings');
    for (const path of ['/staff/health', '/staff/me', '/setup', '/staff']) {
      await page.goto(path);
      await expectSound(page, DESK);
    }
    await page.goto('/staff/health');
    await picture(page, DESK, 'health');
  }));

test('a custom name over 50 characters is refused, over 30 warns', () =>
  visit(world, DESK, async (page, { watch }) => {
    watch.expect(/^422: POST/);
    await openWorkspace(page, world, 'manager', '/staff/settings/statements');
    const name = page.getByLabel('Custom practice name');
    await name.fill('L'.repeat(51));
    await press(page, 'Save');
    await page.locator('#errors').waitFor();
    await expectWords(page, 'This name has 51 characters');
    await expectSound(page, DESK);
    await page.getByLabel('Custom practice name').fill('L'.repeat(31));
    await press(page, 'Save');
    await expectWords(page, 'The settings were saved.', 'has 31 characters');
    await page.getByLabel('Custom practice name').fill('');
    await press(page, 'Save');
    await expectWords(page, 'The settings were saved.');
  }));

test('two managers at the same settings: the second is told and overwrites nothing', () =>
  visit(world, DESK, async (page, { context, watch }) => {
    watch.expect(/^409: POST/);
    await openWorkspace(page, world, 'manager', '/staff/settings/payments');
    const other = await context.newPage();
    await other.goto('/staff/settings/payments');
    await page.getByLabel('Smallest payment online').fill('12.00');
    await press(page, 'Save');
    await expectWords(page, 'The settings were saved.');
    await other.getByLabel('Smallest payment online').fill('15.00');
    await press(other, 'Save');
    await expectWords(other, 'changed meanwhile');
    await expectSound(other, DESK);
    await page.goto('/staff/settings/payments');
    assert.equal(await page.getByLabel('Smallest payment online').inputValue(), '12.00');
    await page.getByLabel('Smallest payment online').fill('10.00');
    await press(page, 'Save');
  }));

test('what a text costs is set once and said before a list is sent', () =>
  visit(world, DESK, async (page, { watch }) => {
    watch.expect(/^422: POST/);
    await openWorkspace(page, world, 'manager', '/staff/settings/texting');
    const price = page.getByLabel('Price of one part of a text, in cents');
    assert.equal(await price.inputValue(), '1.2');
    await price.fill('1,2');
    await press(page, 'Save');
    await expectWords(page, 'Enter cents, like 1.2');
    await expectSound(page, DESK);
    await price.fill('2.45');
    await press(page, 'Save');
    await expectWords(page, 'The settings were saved.');
    await page.goto('/staff/statements/criteria');
    await press(page, 'Preview');
    await expectWords(page, /Cost per text\s+about [24]\.[59] cents/);
    await page.goto('/staff/settings/texting');
    await price.fill('1.2');
    await press(page, 'Save');
  }));

test('what is not there, and what a role may not do, is said inside the workspace', () =>
  visit(world, DESK, async (page, { watch }) => {
    watch.expect(/^40[34]: /);
    await openWorkspace(page, world, 'viewer', '/staff');
    for (const path of ['/staff/nowhere', `/staff/patients/gua_${'0'.repeat(32)}`]) {
      const answer = await page.goto(path);
      assert.equal(answer.status(), 404);
      await expectWords(page, 'This page does not exist');
      await expectSound(page, DESK);
    }
    const answer = await page.goto('/staff/settings');
    assert.equal(answer.status(), 403);
    await expectWords(page, 'Your role may not do this');
    await expectSound(page, DESK);
    await page.getByRole('link', { name: 'Go to the dashboard' }).click();
    await page.getByRole('heading', { level: 1, name: 'Dashboard' }).waitFor();
  }));

test('a stranger at an address that is not there finds the way on', () =>
  visit(world, { ...PHONE, javaScript: true }, async (page, { watch }) => {
    watch.expect(/^404: /);
    for (const path of ['/nowhere', '/staff/nowhere']) {
      await page.goto(path);
      await expectWords(page, 'This page does not exist');
      await expectSound(page, { ...PHONE, javaScript: true });
    }
    await page.getByRole('link', { name: 'Go to the first page' }).click();
    await page.getByRole('heading', { level: 1, name: /Pay your bill/ }).waitFor();
    await page.getByRole('link', { name: 'Sign in' }).click();
    await expectWords(page, 'No account yet?');
    await page.getByRole('link', { name: 'Get a new link' }).click();
    await page.getByRole('heading', { level: 1, name: 'Get a new link' }).waitFor();
  }));

test('an empty workspace says on every page what comes next', async () => {
  const empty = await startWorld({ accounts: 0 });
  try {
    await visit(empty, DESK, async (page) => {
      await openWorkspace(page, empty, 'manager', '/staff');
      await expectWords(page, 'Nobody has paid online yet');
      for (const [path, ...words] of [
        ['/staff/patients', 'They come with the first import', 'Import balances'],
        ['/staff/encounters', 'They come with the first import', 'Import balances'],
        ['/staff/payments', 'All online payments are applied. Nobody has paid online yet'],
        ['/staff/jobs', 'No reminders were sent yet'],
        ['/staff/notifications', 'No message was written yet'],
        ['/staff/tasks', 'Nothing waits for anybody'],
        ['/staff/replies', 'Nobody has texted back yet'],
        ['/setup', 'Live since', 'Came with the sample practice'],
      ]) {
        await page.goto(path);
        await expectWords(page, ...words);
        await expectSound(page, DESK);
      }
      await page.goto('/staff/statements/confirm?method=text&status=ready');
      await expectWords(page, 'No account matches these criteria');
    });
  } finally {
    await empty.stop();
  }
});

test('a manager tightens a rule, cannot loosen it, and writes down having read it', () =>
  visit(world, DESK, async (page, { watch }) => {
    watch.expect(/^422: POST/);
    await openWorkspace(page, world, 'manager', '/staff/settings/rules');
    await expectWords(page, 'were not read by anybody within the last 90 days');
    await page.getByRole('link', { name: 'Two messages a week' }).click();
    await expectWords(page, 'At most two reminders in seven days');
    await expectSound(page, DESK);
    await page.getByLabel('Messages at most').fill('3');
    await page.getByLabel('Why').fill('We would like to write more often');
    await press(page, 'Save the change');
    await expectWords(page, 'it can only be stricter');
    await expectSound(page, DESK);
    await page.getByLabel('Messages at most').fill('1');
    await page.getByLabel('Why').fill('One a week is enough for us');
    await press(page, 'Save the change');
    await expectWords(page, 'The rule was changed.');
    await expectWords(page, 'One a week is enough for us');
    await expectSound(page, DESK);
    await picture(page, DESK, 'rule');
    await press(page, "Back to the product's rule");
    await expectWords(page, "The product's rule binds again.");
    await press(page, 'I have read this rule');
    await expectWords(page, 'The review was written down.');
    await page.goto('/staff/settings/rules');
    await press(page, /^I have read these \d+ rules$/);
    await expectWords(page, 'Every rule was read within the last 90 days.');
    await expectSound(page, DESK);
    await picture(page, DESK, 'rules');
    await page.goto('/staff/audit');
    await expectWords(page, 'rule_changed');
  }));

test('an API key is shown once and ends when it is revoked', () =>
  visit(world, DESK, async (page) => {
    await openWorkspace(page, world, 'manager', '/staff/settings/keys');
    await page.getByLabel('What the key is for').fill('Nightly export');
    await press(page, 'Make a key');
    const key = await page.locator('.key').innerText();
    const ask = () =>
      fetch(world.url('/api/v1/balances'), { headers: { authorization: `Bearer ${key}` } });
    assert.equal((await ask()).status, 200);
    await expectSound(page, DESK);
    await page.goto('/staff/settings/keys');
    assert.ok(!(await page.content()).includes(key), 'shown once');
    await press(page, 'Revoke Nightly export');
    await expectWords(page, 'The key was revoked.');
    assert.equal((await ask()).status, 401);
  }));

test('what changes a way in asks for the password, and says so by email', () =>
  visit(world, DESK, async (page, { watch }) => {
    watch.expect(/^422: POST/);
    const one = world.staff('viewer');
    await openWorkspace(page, world, 'viewer', '/staff/me');
    await page.getByLabel('Your password now').fill('not this one at all');
    await page.getByLabel('New password', { exact: true }).fill(PASSWORD);
    await page.getByLabel('The new password again').fill(PASSWORD);
    await press(page, 'Change password');
    await expectWords(page, 'That is not your password now.');
    await expectSound(page, DESK);
    await page.getByLabel('Your password now').fill(one.password);
    await page.getByLabel('New password', { exact: true }).fill(PASSWORD);
    await page.getByLabel('The new password again').fill(PASSWORD);
    await press(page, 'Change password');
    await expectWords(page, 'Your password was changed.');
    await world.message((m) => m.to === one.email && /password was changed/.test(m.body));
    one.password = PASSWORD;
    world.sessions.delete('viewer');
  }));

test('the server says what is red where machines ask', async () => {
  const answer = await fetch(world.url('/readyz'));
  assert.equal(answer.status, 200);
  assert.match(await answer.text(), /^ready\n/);
});
