// The first start, as whoever sets a practice up lives through it: one printed link, an account with
// an authenticator, every vendor tried, and Go live. The vendors are a demo's stand-ins.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';

import { closeBrowser, expectAccessible, expectSound, picture, visit } from './browser.mjs';
import { DESK, expectWords, freshCode } from './staff.mjs';
import { binary, startWorld } from './world.mjs';

const PASSWORD = 'tall ships in the harbor';
const READY_LIMIT_MS = 60_000;
const manager = { email: 'dana@harbor.example.org', name: 'Dana Reed', secret: '' };

let vendors;
let house;

/** `clearbill serve` in an empty folder, and the link it printed. */
async function startServer(facts) {
  const folder = mkdtempSync(join(tmpdir(), 'clearbill-setup-'));
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('CLEARBILL_')),
  );
  Object.assign(env, {
    CLEARBILL_VENDORS__STRIPE_BASE: facts.stripe.base,
    CLEARBILL_VENDORS__STRIPE_JS: `${facts.stripe.base}/endive/stripe.js`,
    CLEARBILL_VENDORS__STRIPE_CHECKOUT: facts.stripe.base,
    CLEARBILL_VENDORS__TWILIO_BASE: facts.twilio.base,
  });
  const args = ['serve', '--listen', '127.0.0.1:0', '--data-dir', folder];
  const server = spawn(binary, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
  const log = [];
  createInterface({ input: server.stderr }).on('line', (line) => log.push(line));
  const found = await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no setup link\n${log.join('\n')}`)), READY_LIMIT_MS);
    const seen = {};
    createInterface({ input: server.stdout }).on('line', (line) => {
      seen.base ??= line.match(/listens on (http\S+)/)?.[1];
      seen.link ??= line.match(/\bhttp\S+\/setup\/link\/\S+/)?.[0];
      if (!seen.base || !seen.link) return;
      clearTimeout(timer);
      resolve(seen);
    });
    server.once('exit', (code) => reject(new Error(`serve ended with ${code}\n${log.join('\n')}`)));
  });
  return {
    ...found,
    facts: {},
    folder,
    env,
    command: (...args) =>
      spawnSync(binary, [...args, '--data-dir', folder], { env, encoding: 'utf8' }),
    async stop() {
      const gone = new Promise((resolve) => server.once('exit', resolve));
      server.kill('SIGTERM');
      await gone;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

before(async () => {
  vendors = await startWorld();
  house = await startServer(vendors.facts);
});

after(async () => {
  await closeBrowser();
  await house?.stop();
  await vendors?.stop();
});

/** The key under the QR code, as a person would type it into the app. */
async function readSecret(page) {
  return (await page.locator('code.key').innerText()).replace(/\s/g, '');
}

async function press(page, name) {
  await page.getByRole('button', { name, exact: true }).click();
}

/** Signs the manager in, who may be asked again: each test has a browser of its own. */
async function enter(page, path) {
  house.kept ??= null;
  if (house.kept) await page.context().addCookies(house.kept);
  await page.goto(path);
  if (!page.url().includes('/staff/sign-in')) return;
  await page.getByLabel('Email').fill(manager.email);
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await press(page, 'Sign in');
  await page.getByLabel(/code/i).first().fill(await freshCode(manager.secret));
  await press(page, 'Sign in');
  await page.waitForURL((url) => !url.pathname.startsWith('/staff/sign-in'));
  house.kept = await page.context().cookies();
  await page.goto(path);
}

test('before anybody has an account there is nothing to sign in to', () =>
  visit(house, DESK, async (page) => {
    await page.goto('/staff/sign-in');
    assert.equal(await page.locator('form').count(), 0);
    await expectWords(page, 'clearbill staff setup-link');
    await expectSound(page, DESK);
    const answer = await page.goto('/setup/account');
    assert.equal(answer.status(), 404);
    await expectAccessible(page);
  }));

test('a newer setup link ends the older one', () =>
  visit(house, DESK, async (page) => {
    const printed = house.command('staff', 'setup-link');
    assert.equal(printed.status, 0, printed.stderr);
    const path = new URL(printed.stdout.match(/\bhttp\S+\/setup\/link\/\S+/)[0]).pathname;
    const answer = await page.goto(new URL(house.link).pathname);
    assert.equal(answer.status(), 404);
    await expectWords(page, 'This link no longer works');
    house.link = new URL(path, house.base).toString();
    await page.goto(path);
    await expectSound(page, DESK);
  }));

test('the first manager gets an account with an authenticator, and the link is used up', () =>
  visit(house, DESK, async (page, { watch }) => {
    watch.expect(/^422: POST/);
    await page.goto(house.link);
    await press(page, 'Begin');
    await page.waitForURL('**/setup/account');
    await expectSound(page, DESK);
    await page.getByLabel('Name of the practice').fill('Harbor Family Practice');
    await page.getByLabel('Your name').fill(manager.name);
    await page.getByLabel('Your email').fill(manager.email);
    await page.getByLabel('Choose a password').fill('short');
    await page.getByLabel('The same password again').fill('short');
    manager.secret = await readSecret(page);
    await page.getByLabel('Code the app shows now').fill('000000');
    await press(page, 'Create the manager account');
    await page.locator('#errors').waitFor();
    await expectWords(page, 'Use at least 12 characters.');
    assert.equal(await page.getByLabel('Choose a password').inputValue(), '');
    assert.equal(await readSecret(page), manager.secret, 'the phone need not scan anew');
    await expectSound(page, DESK);
    await page.getByLabel('Choose a password').fill(PASSWORD);
    await page.getByLabel('The same password again').fill(PASSWORD);
    await page.getByLabel('Code the app shows now').fill(await freshCode(manager.secret));
    await press(page, 'Create the manager account');
    await page.getByRole('heading', { name: 'Your recovery codes' }).waitFor();
    assert.equal(await page.locator('.codes li').count(), 10);
    await expectSound(page, DESK);
    await page.getByRole('link', { name: 'Go on: the practice' }).click();
    await page.waitForURL('**/setup/practice');
    house.kept = await page.context().cookies();
    const again = await page.goto(house.link);
    assert.equal(again.status(), 404);
  }));

test('the practice: a sensitive one needs a neutral name', () =>
  visit(house, DESK, async (page, { watch }) => {
    watch.expect(/^422: POST/);
    await enter(page, '/setup/practice');
    await expectSound(page, DESK);
    await page.getByLabel('Office phone').fill('(212) 555-0142');
    await page.getByLabel('Office hours').fill('Monday to Friday, 8:00 AM to 5:00 PM');
    await page.getByLabel('Street').fill('12 Harbor Street');
    await page.getByLabel('City').fill('New York');
    await page.getByLabel('State').fill('NY');
    await page.getByLabel('ZIP').fill('10004');
    await page.getByLabel(/^Our name alone/).check();
    await press(page, 'Save');
    await page.locator('#errors').waitFor();
    await expectWords(page, 'Enter a neutral name');
    await expectSound(page, DESK);
    await page.getByLabel('Custom practice name').fill('H'.repeat(51));
    await press(page, 'Save');
    await expectWords(page, '51 characters');
    await page.getByLabel('Custom practice name').fill('Harbor Care');
    await press(page, 'Save');
    await page.waitForURL('**/setup/address');
    assert.equal(await page.getByLabel('Public address').inputValue(), house.base);
    await press(page, 'Save and check');
    await page.waitForURL('**/setup/stripe');
    await page.goto('/setup');
    await expectWords(page, 'leads to this server', 'Patients read: Harbor Care');
    await expectSound(page, DESK);
    await picture(page, DESK, 'setup');
  }));

test('card payments: a wrong key is said to be one, a right one is tried to the end', () =>
  visit(house, DESK, async (page, { watch }) => {
    watch.expect(/^422: POST/);
    await enter(page, '/setup/stripe');
    await expectSound(page, DESK);
    await page.getByLabel('Secret or restricted key').fill('sk_test_nobodyhasthis');
    await page.getByLabel('Publishable key').fill(vendors.facts.stripe.publishable_key);
    await press(page, 'Connect Stripe');
    await expectWords(page, 'Stripe refused this key');
    assert.ok(!(await page.content()).includes('nobodyhasthis'), 'a secret is never given back');
    await page.getByLabel('Secret or restricted key').fill(vendors.facts.stripe.secret_key);
    await press(page, 'Connect Stripe');
    await expectWords(page, 'Test mode', /Stripe was asked for a test event/);
    for (let tries = 0; tries < 20; tries += 1) {
      await press(page, 'Check the webhook');
      if (/An event arrived/.test(await page.locator('main').innerText())) break;
    }
    await expectWords(page, 'An event arrived and was understood');
    await expectSound(page, DESK);
  }));

test('email: the test reaches the manager', () =>
  visit(house, DESK, async (page, { watch }) => {
    watch.expect(/^422: POST/);
    await enter(page, '/setup/email');
    await page.getByLabel("Sender's name").fill('Harbor Care');
    await page.getByLabel("Sender's address").fill('billing@harbor.example.org');
    await page.getByLabel('Mail server').fill(vendors.facts.smtp.host);
    await page.getByLabel('Port').fill('1');
    await page.getByLabel('Encryption').selectOption('none');
    await press(page, 'Save and send a test to me');
    await expectWords(page, 'The mail server does not answer');
    await expectSound(page, DESK);
    await page.getByLabel('Port').fill(String(vendors.facts.smtp.port));
    await press(page, 'Save and send a test to me');
    await expectWords(page, 'The mail server took a test to you');
    const letter = await vendors.message(manager.email, 'the test email');
    assert.match(letter.body, /It works/);
    await expectSound(page, DESK);
  }));

test('texts: a number is bought, billing accepted, and one text goes to the manager', () =>
  visit(house, DESK, async (page, { watch }) => {
    watch.expect(/^422: POST/);
    await enter(page, '/setup/texting');
    await page.getByLabel('Account SID').fill(vendors.facts.twilio.account_sid);
    await page.getByLabel('Auth token').fill('wrong');
    await press(page, 'Connect Twilio');
    await expectWords(page, 'Twilio refused the account SID or the token');
    await page.getByLabel('Auth token').fill(vendors.facts.twilio.auth_token);
    await press(page, 'Connect Twilio');
    await expectWords(page, 'The account answers');
    await expectSound(page, DESK);
    await page.getByRole('link', { name: 'Get a Number' }).click();
    await page.getByLabel('Area code').fill('512');
    await press(page, 'Search');
    await expectSound(page, DESK);
    await page.getByRole('link', { name: /^Choose/ }).first().click();
    await page.getByRole('button', { name: 'Purchase' }).click();
    await expectWords(page, 'The number was bought');
    await page.getByRole('radio').last().check();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.waitForURL('**/staff/settings/texting');
    const number = await page.getByLabel('Number we text from').inputValue();
    assert.match(number, /^\(512\) /);
    await page.goto('/setup/texting');
    await page.getByLabel(/^Enable SMS Service/).check();
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await expectWords(page, 'Accept the billing of texts');
    await page.getByLabel(/^Enable SMS Service/).check();
    await page.getByLabel(/^Accept SMS billing consent/).check();
    await page.getByLabel(/^The A2P campaign/).check();
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await expectWords(page, 'The number is chosen');
    await page.goto('/setup/test');
    await page.getByLabel('Your mobile number').fill('(617) 555-0111');
    await press(page, 'Send the test');
    await page.waitForURL('**/setup/live');
    const text = await vendors.message('+16175550111', 'the test text');
    assert.match(text.body, /^Harbor Care: a test/);
  }));

test('what is left: consent, proofs, the key, colleagues, and Go live', () =>
  visit(house, DESK, async (page, { watch }) => {
    watch.expect(/^422: POST/);
    await enter(page, '/setup/live');
    await expectWords(page, 'Nobody has approved the proofs');
    await expectSound(page, DESK);
    await page.goto('/setup/consent');
    await page.getByLabel(/^In our practice system/).check();
    await press(page, 'Save');
    await page.waitForURL('**/setup/proof');
    await expectWords(page, 'Harbor Care', 'STOP');
    await expectSound(page, DESK);
    await page.getByRole('link', { name: 'Open the statement' }).click();
    await expectWords(page, 'Maria Sample', '$82.00');
    await page.goBack();
    await press(page, 'Approve these proofs');
    await page.waitForURL('**/setup/import');
    await expectSound(page, DESK);
    await press(page, 'Skip for now');
    await page.waitForURL('**/setup/backups');
    await expectWords(page, 'clearbill.key');
    await press(page, 'Save');
    await expectWords(page, 'Tick both');
    await page.getByLabel(/^I copied the key file/).check();
    await page.getByLabel(/^I know where/).check();
    await press(page, 'Save');
    await page.waitForURL('**/setup/staff');
    await expectSound(page, DESK);
    await press(page, 'Everybody is invited');
    await page.goto('/setup/live');
    await press(page, 'Go live');
    await expectWords(page, 'The practice is live');
    await page.goto('/staff');
    assert.ok(!/not live/.test(await page.locator('main').innerText()));
    const checked = house.command('config', 'check');
    assert.equal(checked.status, 1, 'plain http on this machine is no production');
    assert.match(checked.stdout, /MISSING public_base/);
    assert.match(checked.stdout, /good {4}Stripe is connected/);
    assert.ok(!checked.stdout.includes(vendors.facts.stripe.secret_key));
  }));

test('a colleague added at the command line accepts with a link of their own', () =>
  visit(house, DESK, async (page) => {
    const list = house.command('staff', 'add', '--practice', 'harbor-family-practice', '--email',
      'sam@harbor.example.org', '--name', 'Sam Ortiz', '--role', 'viewer');
    assert.equal(list.status, 0, list.stderr);
    await page.goto(new URL(list.stdout.match(/\bhttp\S+/)[0]).pathname);
    await expectWords(page, 'Sam Ortiz', 'Harbor Family Practice');
    await expectSound(page, DESK);
    await page.getByLabel('Choose a password').fill(PASSWORD);
    await page.getByLabel('The same password again').fill(PASSWORD);
    await page.getByLabel('Code the app shows now').fill(await freshCode(await readSecret(page)));
    await press(page, 'Set up my account');
    await page.getByRole('link', { name: 'Open the workspace' }).click();
    await page.getByRole('heading', { name: 'Dashboard' }).waitFor();
    const refused = await page.goto('/staff/settings');
    assert.equal(refused.status(), 403);
  }));
