// What staff do at their desks, step by step as the guides have it. Stories about something else use
// these to get there; the stories about these steps spell them out.

import assert from 'node:assert/strict';

import { totp } from './totp.mjs';
import { DESKTOP, visit } from './browser.mjs';
import { until } from './world.mjs';

export const DESK = { ...DESKTOP, javaScript: true };

const STEP_MS = 30_000;
/** The last time step each secret was used in: a code works once. */
const usedSteps = new Map();

/** A code that has not been used yet; waits for the next one when it has to. */
export async function freshCode(secret) {
  await until(
    'the next one-time code',
    async () => Math.floor(Date.now() / STEP_MS) > (usedSteps.get(secret) ?? 0),
    STEP_MS + 5_000,
  );
  usedSteps.set(secret, Math.floor(Date.now() / STEP_MS));
  return totp(secret);
}

/** Opens the workspace as `role`; the session is kept, so a second visit needs no second code. */
export async function openWorkspace(page, world, role, path = '/staff') {
  world.sessions ??= new Map();
  const kept = world.sessions.get(role);
  if (kept) await page.context().addCookies(kept);
  await page.goto(path);
  if (!new URL(page.url()).pathname.startsWith('/staff/sign-in')) return;
  await signIn(page, world.staff(role));
  world.sessions.set(role, await page.context().cookies());
  if (new URL(page.url()).pathname !== new URL(path, world.base).pathname) await page.goto(path);
}

/** Types the sign-in as a person does, from the page where it is asked for. */
export async function signIn(page, one) {
  if (!page.url().includes('/staff/sign-in')) await page.goto('/staff/sign-in');
  await page.getByLabel('Email').fill(one.email);
  await page.getByLabel('Password', { exact: true }).fill(one.password);
  await page.getByRole('button', { name: /sign in|continue/i }).click();
  await page.getByLabel(/code/i).first().fill(await freshCode(one.totp_secret));
  await page.getByRole('button', { name: /sign in|continue|verify/i }).click();
  await page.waitForURL((url) => !url.pathname.startsWith('/staff/sign-in'));
}

/** Encounters > Send Patient Statements, up to the list that wants confirming. */
export async function showPatients(page, { method = 'Text', criteria = {} } = {}) {
  await page.getByRole('link', { name: 'Encounters' }).first().click();
  await page.getByRole('link', { name: 'Send Patient Statements' }).first().click();
  await page.getByLabel(method, { exact: true }).check();
  for (const [label, value] of Object.entries(criteria)) await page.getByLabel(label).fill(value);
  const preview = page.getByRole('button', { name: 'Preview' });
  if (await preview.count()) await preview.click();
  await page.getByRole('button', { name: 'Show Patients' }).click();
  await page.getByRole('heading', { name: 'Confirm Patient List' }).waitFor();
}

/** From the confirmed list to the end: send, Yes, mark, Finish. */
export async function confirmAndSend(page, { mark = 'Yes' } = {}) {
  await page.getByRole('button', { name: 'Send Patient Statements' }).click();
  await page.getByRole('button', { name: /^Yes/ }).click();
  await page.getByRole('heading', { name: 'Patient Statements Sent' }).waitFor();
  await page.getByLabel(new RegExp(`^${mark}`)).check();
  await page.getByRole('button', { name: 'Finish' }).click();
}

/** A biller reminds everyone who may be reminded; an hour later it has gone out. */
export async function remindEveryone(world, { method = 'Text' } = {}) {
  await visit(world, DESK, async (page) => {
    await openWorkspace(page, world, 'biller');
    await showPatients(page, { method });
    await confirmAndSend(page);
  });
  await world.advance('PT1H');
}

/** Find Payment, tab Online, and the row of `name` among the payments of a status. */
export async function findOnlinePayment(page, world, name, status = 'Unapplied') {
  await page.getByRole('link', { name: 'Find Payment' }).first().click();
  await page.getByRole('link', { name: 'Online' }).click();
  if (status !== 'Unapplied') {
    await page.getByLabel('Status').selectOption(status);
    await page.getByRole('button', { name: 'Filter' }).click();
  }
  const row = page.getByRole('row', { name: new RegExp(name) });
  await row.first().waitFor();
  return row.first();
}

/** The patient record of a guarantor, found as staff find it. */
export async function openRecord(page, name) {
  await page.getByRole('link', { name: 'Patients' }).first().click();
  await page.getByLabel(/search|name/i).first().fill(name);
  await page.getByRole('button', { name: /search|find/i }).first().click();
  await page.getByRole('link', { name: new RegExp(name) }).first().click();
  await page.getByRole('heading', { level: 1, name: new RegExp(name) }).waitFor();
}

/** Every figure of `expected` stands on the page as people read it. */
export async function expectWords(page, ...expected) {
  const text = await page.locator('main').innerText();
  for (const words of expected) {
    const found = words instanceof RegExp ? words.test(text) : text.includes(words);
    assert.ok(found, `"${words}" on ${page.url()}; it reads:\n${text.slice(0, 1500)}`);
  }
}
