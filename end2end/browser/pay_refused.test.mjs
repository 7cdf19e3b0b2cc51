// What the pay pages refuse, asked without a browser: the same questions a scanner, a guesser or
// somebody else's page would put.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Cast, visit } from './cast.mjs';
import { Client } from './client.mjs';
import { charges, payLink } from './patient.mjs';
import { remindEveryone } from './staff.mjs';
import { closeBrowser } from './browser.mjs';
import { startWorld, until } from './world.mjs';

const cast = new Cast('REF');
const [watched, forged, replayed, amounts, family, relative, paid, mailed, adjusted, placed] = Array.from(
  { length: 10 },
  () => cast.person(),
);

let world;

before(async () => {
  world = await startWorld();
  world.importFile('refused.csv', cast.csv());
  await remindEveryone(world, { method: 'Email' });
});

after(async () => {
  await closeBrowser();
  await world?.stop();
});

test('a scanner that fetches a link again and again changes nothing and signs nobody in', async () => {
  const link = new URL(await payLink(world, watched, 'email'));
  const before = await charges(world);
  for (let i = 0; i < 20; i += 1) {
    const client = new Client(world);
    const answer = await client.ask(link.pathname, { method: i % 2 ? 'HEAD' : 'GET' });
    assert.equal(answer.status, 303);
    assert.ok(!client.cookies.has('me'));
    const page = await client.ask('/pay');
    assert.equal(page.status, 200);
    assert.equal((await client.ask('/account')).status, 303);
  }
  assert.deepEqual(await charges(world), before);
});

test('unknown links look alike to the byte, and the token is in no answer', async () => {
  const seen = new Set();
  for (const token of ['nonsense', 'A'.repeat(22), 'x'.repeat(300), '%00', "'or 1=1"]) {
    const { status, text } = await new Client(world).ask(`/p/${encodeURIComponent(token)}`);
    assert.equal(status, 404);
    assert.ok(!text.includes(token));
    seen.add(text.replace(/name="csrf" value="[^"]+"/g, ''));
  }
  assert.equal(seen.size, 1);
});

test('without its link nothing of a payment can be seen, not even by its id', async () => {
  const client = new Client(world);
  const form = await client.open(paid);
  const answer = await client.ask('/pay', { form });
  assert.equal(answer.status, 303);
  const attempt = form.attempt.split('.')[0];
  const stranger = new Client(world);
  for (const path of [`/receipt/${attempt}`, `/pay/checking/${attempt}`, `/pay/return?attempt=${attempt}`, '/pay']) {
    assert.equal((await stranger.ask(path)).status, 404, path);
  }
  const other = new Client(world);
  await other.open(watched);
  for (const path of [`/receipt/${attempt}`, `/pay/checking/${attempt}`]) {
    assert.equal((await other.ask(path)).status, 404, path);
  }
});

test('no amount but an amount within the bill is taken', async () => {
  const client = new Client(world);
  const form = await client.open(amounts);
  const bad = ['-1', '0', '0.001', '1e9', 'NaN', '1e3', '１００', '1.000,00', '99999999999999999999', '82.01', '9.99', ''];
  for (const amount of bad) {
    for (const path of ['/pay', '/pay/intent']) {
      const { status } = await client.ask(path, { form: { ...form, choice: 'other', amount } });
      assert.equal(status, 422, `${amount} to ${path}`);
    }
  }
  for (const extra of [{ amount_cents: '8200' }, { currency: 'eur' }]) {
    const { status } = await client.ask('/pay/intent', { form: { ...form, ...extra } });
    assert.equal(status, 422);
  }
  // What the page said was due is believed about nothing.
  const { status } = await client.ask('/pay/intent', { form: { ...form, shown_due_cents: '1' } });
  assert.equal(status, 422);
  const { base, secret_key: key } = world.facts.stripe;
  const intents = await fetch(new URL('/v1/payment_intents?limit=100', base), {
    headers: { authorization: `Bearer ${key}` },
  });
  const { data } = await intents.json();
  assert.ok(!data.some((one) => one.metadata?.attempt?.startsWith(form.attempt.split('.')[0])));
});

test('the same form again is the same payment; with another amount it is refused', async () => {
  const client = new Client(world);
  const form = await client.open(replayed);
  const answers = await Promise.all(Array.from({ length: 10 }, () => client.ask('/pay/intent', { form })));
  const secrets = answers.map((one) => JSON.parse(one.text));
  assert.equal(new Set(secrets.map((one) => one.client_secret ?? one.location)).size, 1, JSON.stringify(secrets));
  const other = await client.ask('/pay', { form: { ...form, choice: 'other', amount: '20.00' } });
  assert.equal(other.status, 409);
});

test('a balance that changed between page and button is told, and not charged', async () => {
  const client = new Client(world);
  const form = await client.open(adjusted);
  adjusted.visits = [visit('2026-01-20', '64.00')];
  world.importFile('adjusted.csv', cast.csv([adjusted]), { delta: true });
  const answer = await client.ask('/pay', { form });
  assert.equal(answer.status, 422);
  assert.match(answer.text, /Your balance is now \$64\.00/);
  const script = await client.ask('/pay/intent', { form: { ...form, choice: 'other', amount: '70.00' } });
  assert.equal(script.status, 422);
  assert.equal(JSON.parse(script.text).due_cents, 6400);
  const page = await client.ask('/pay');
  assert.match(page.text, /When we wrote to you, \$82\.00 was due/);
  assert.match(page.text, /\$64\.00 is due now/);
});

test('a bill that is with an agency shows no amount and takes no card', async () => {
  const client = new Client(world);
  const form = await client.open(placed);
  placed.visits = [visit('2026-01-20', '82.00', { status: 'collections' })];
  world.importFile('placed.csv', cast.csv([placed]), { delta: true });
  const page = await client.ask('/pay');
  assert.match(page.text, /can't be paid online|can&#39;t be paid online|can&#x27;t be paid online/);
  assert.doesNotMatch(page.text, /\$\d|<iframe|card\.[0-9a-f]+\.js/);
  assert.equal((await client.ask('/pay', { form })).to, '/pay');
});

test("a form of another person's account, of nobody, or from another site is refused", async () => {
  const client = new Client(world);
  const form = await client.open(forged);
  const theirs = await new Client(world).open(watched);
  const intent = (changes, headers) => client.ask('/pay/intent', { form: { ...form, ...changes }, headers });
  assert.equal((await intent({ link: `${form.link}x` })).text, JSON.stringify({ location: '/pay' }));
  assert.equal((await intent({ attempt: theirs.attempt })).status, 422);
  for (const headers of [{ origin: 'https://evil.example' }, { origin: 'null' }, { 'sec-fetch-site': 'cross-site' }]) {
    assert.equal((await client.ask('/pay', { form, headers })).status, 403);
  }
  assert.equal((await client.ask('/pay', { form: { ...form, csrf: theirs.csrf } })).status, 403);
});

test('two links in two tabs of one browser pay each its own bill', async () => {
  const client = new Client(world);
  const first = await client.open(family);
  const second = await client.open(relative);
  const start = async (form) => JSON.parse((await client.ask('/pay/intent', { form })).text);
  const mine = await start(first);
  const theirs = await start(second);
  assert.notEqual(mine.started, theirs.started);
  // Back from the bank in the first tab, although the second was used last.
  const back = await client.ask(`/pay/return?attempt=${mine.started}&redirect_status=succeeded`);
  assert.equal(back.status, 303);
  assert.equal(back.to, '/pay', 'nothing was confirmed, whatever the address says');
});

test('a mail program unsubscribes with one request, and a look alone changes nothing', async () => {
  const message = await world.message((m) => m.to === mailed.email && m.link, 'a reminder by email');
  const headers = Object.fromEntries(message.headers.map(([k, v]) => [k.toLowerCase(), v]));
  assert.match(headers['list-unsubscribe-post'], /List-Unsubscribe=One-Click/);
  const address = new URL(/<(http[^>]+)>/.exec(headers['list-unsubscribe'])[1]);
  const look = await new Client(world).ask(address.pathname);
  assert.equal(look.status, 200);
  assert.match(look.text, /Stop emails about bills/);
  assert.ok(!look.text.includes(mailed.email));
  const once = await new Client(world).ask(address.pathname, { form: { 'List-Unsubscribe': 'One-Click' } });
  assert.equal(once.status, 200);
  const twice = await new Client(world).ask(address.pathname, { form: { 'List-Unsubscribe': 'One-Click' } });
  assert.equal(twice.status, 200);
  const broken = await new Client(world).ask(`${address.pathname}x`, { form: { 'List-Unsubscribe': 'One-Click' } });
  assert.equal(broken.status, 404);
});

test('asking for a new link says the same to everybody, and only those on file get one', async () => {
  const client = new Client(world);
  const page = await client.ask('/link/new');
  const csrf = /name="csrf" value="([^"]+)"/.exec(page.text)[1];
  const ask = (contact) => client.ask('/link/new', { form: { csrf, contact } });
  const before = (await world.mailbox()).length;
  const answers = [await ask('stranger@example.com'), await ask('(202) 555-0199'), await ask(watched.email)];
  assert.equal(new Set(answers.map((one) => `${one.status} ${one.text}`)).size, 1);
  const sent = await until('the new link', async () => {
    const all = await world.mailbox();
    return all.length > before && all.slice(before);
  });
  assert.deepEqual(sent.map((m) => m.to), [watched.email]);
  assert.equal((await ask('not a contact')).status, 422);
});

test('a link that has expired looks as if it had never been', async () => {
  const link = new URL(await payLink(world, watched, 'email'));
  const form = await new Client(world).open(watched);
  await world.advance('P40D');
  const client = new Client(world);
  const strange = await new Client(world).ask('/p/nonsense');
  const expired = await client.ask(link.pathname);
  const bare = ({ status, text }) => `${status} ${text.replace(/name="csrf" value="[^"]+"/g, '')}`;
  assert.equal(bare(expired), bare(strange));
  assert.doesNotMatch(expired.text, /\$\d/);
  // Nor does a form opened before it expired.
  const csrf = /name="csrf" value="([^"]+)"/.exec(expired.text)[1];
  assert.equal((await client.ask('/pay', { form: { ...form, csrf } })).status, 404);
});

test('the log names no token', async () => {
  const link = new URL(await payLink(world, watched, 'email'));
  const token = link.pathname.split('/').at(-1);
  assert.ok(token.length >= 22);
  assert.ok(!world.log.some((line) => line.includes(token)));
});
