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
