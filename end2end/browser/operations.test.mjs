// What whoever runs the server does beside it: a new key, a copy and its return, a check of it all.
// Afterwards patients and staff must not notice anything but what was meant.

import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { closeBrowser, PHONE, visit } from './browser.mjs';
import { Cast } from './cast.mjs';
import { createAccount, openLink } from './patient.mjs';
import { DESK, expectWords, openRecord, openWorkspace, remindEveryone } from './staff.mjs';
import { startWorld } from './world.mjs';

const SCRIPTED_PHONE = { ...PHONE, javaScript: true };

const cast = new Cast('OPS');
const patient = cast.person();
const later = cast.person();
const stops = cast.person();
const stays = cast.person();

const folder = mkdtempSync(join(tmpdir(), 'clearbill-operations-'));
const key = join(folder, 'clearbill.key');
let world;

const keys = () => readFileSync(key, 'utf8').trim().split('\n');

/** The bill of somebody who proves who they are behind their link. */
const seeBill = (person) =>
  visit(world, SCRIPTED_PHONE, async (page) => {
    await openLink(page, world, person);
    await page.getByRole('link', { name: 'I want to see my statement before I pay' }).click();
    await createAccount(page, person);
    await page.getByRole('heading', { level: 1, name: 'Your Bill Details' }).waitFor();
    await expectWords(page, 'Office visit', '$82.00');
  });

before(async () => {
  world = await startWorld({ accounts: 3, dataDir: folder });
  world.importFile('operations.csv', cast.csv([patient, later]));
  await remindEveryone(world);
});

after(async () => {
  await closeBrowser();
  await world?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test('the key of a working server is not changed', () => {
  assert.throws(() => world.command('rekey'), /another server is running/);
  assert.equal(keys().length, 1);
});

test('after a change of key links, matches, bills and staff sign-ins go on as before', async () => {
  const old = join(folder, 'old.key');
  copyFileSync(key, old);
  await world.stop();
  const said = world.command('rekey');
  assert.match(said, /values sealed anew/);
  assert.match(said, /matched under an older key/);
  assert.equal(keys().length, 2);
  assert.equal(statSync(key).mode & 0o777, 0o400);
  assert.equal(world.command('verify', '--json').whole, true);
  assert.match(world.command('migrate'), /schema version \d+/);

  world = await startWorld({ accounts: 3, dataDir: folder });
  await seeBill(patient);
  await visit(world, DESK, async (page) => {
    await openWorkspace(page, world, 'manager');
    await openRecord(page, later.name);
  });
  // Changed once more, with one account matched anew meanwhile, and one never.
  await world.stop();
  world.command('rekey');
  assert.equal(keys().length, 3);

  // A server with the file from before would not open what was sealed since: it does not start.
  const newest = join(folder, 'newest.key');
  copyFileSync(key, newest);
  rmSync(key);
  copyFileSync(old, key);
  await assert.rejects(startWorld({ accounts: 3, dataDir: folder }), /older than this database/);
  rmSync(key);
  copyFileSync(newest, key);
  world = await startWorld({ accounts: 3, dataDir: folder });
  await seeBill(later);
});

test('an opt-out made after a backup survives its return', async () => {
  world.importFile('operations2.csv', cast.csv([stops, stays]), { delta: true });
  const backup = world.command('backup', '--to', join(folder, 'backups')).split('\n')[0];
  await world.reply({ from: stops.phone, body: 'STOP' });
  await world.stop();
  const said = world.command('restore', '--from', backup);
  assert.match(said, /opt-outs checked and kept/);
  world = await startWorld({ accounts: 3, dataDir: folder });
  const before = (await world.mailbox()).length;
  await remindEveryone(world);
  await world.message((m) => m.to === stays.phone, 'a reminder to the other');
  const sent = (await world.mailbox()).slice(before);
  assert.deepEqual(sent.filter((m) => m.to === stops.phone), []);
  assert.equal(world.command('verify', '--json').whole, true);
});
