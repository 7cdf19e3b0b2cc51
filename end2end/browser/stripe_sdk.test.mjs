// Stripe's own library against the stand-in: what the library expects of the real processor is what
// the adapters, the demo and the simulation are proved against. Nothing here is a browser's.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import Stripe from 'stripe';

import { startWorld } from './world.mjs';

/** As the adapter and its webhook endpoints pin it. */
const API_VERSION = '2026-09-30.endive';

let world;
let stripe;

const client = (secretKey) => {
  const base = new URL(world.facts.stripe.base);
  return new Stripe(secretKey, {
    apiVersion: API_VERSION,
    host: base.hostname,
    port: base.port,
    protocol: base.protocol.replace(':', ''),
    maxNetworkRetries: 0,
    telemetry: false,
  });
};

const newIntent = (options) =>
  stripe.paymentIntents.create(
    {
      amount: 8200,
      currency: 'usd',
      automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
      metadata: { attempt_id: 'att_of_the_sdk' },
    },
    options,
  );

const paid = async () =>
  stripe.paymentIntents.confirm((await newIntent()).id, { payment_method: 'pm_card_visa' });

/** The error of a call that must fail. */
async function refusal(call) {
  try {
    await call;
  } catch (error) {
    return error;
  }
  throw new assert.AssertionError({ message: 'it was not refused' });
}

before(async () => {
  world = await startWorld({ accounts: 0 });
  stripe = client(world.facts.stripe.secret_key);
});
after(() => world?.stop());

test('a payment is made, confirmed and read back with its charge and card', async () => {
  const made = await newIntent();
  assert.equal(made.object, 'payment_intent');
  assert.equal(made.status, 'requires_payment_method');
  assert.match(made.client_secret, new RegExp(`^${made.id}_secret_`));
  const confirmed = await stripe.paymentIntents.confirm(made.id, { payment_method: 'pm_card_visa' });
  assert.equal(confirmed.status, 'succeeded');
  const read = await stripe.paymentIntents.retrieve(made.id, { expand: ['latest_charge'] });
  assert.equal(read.amount_received, 8200);
  assert.equal(read.metadata.attempt_id, 'att_of_the_sdk');
  assert.equal(read.latest_charge.payment_method_details.card.last4, '4242');
  assert.equal(read.latest_charge.amount_refunded, 0);
  const again = await refusal(stripe.paymentIntents.confirm(made.id, { payment_method: 'pm_card_visa' }));
  assert.equal(again.code, 'payment_intent_unexpected_state');
});

test('a declined card is a card error that carries the intent, and another card pays it', async () => {
  const made = await newIntent();
  const declined = await refusal(
    stripe.paymentIntents.confirm(made.id, { payment_method: 'pm_card_visa_chargeDeclinedInsufficientFunds' }),
  );
  assert.ok(declined instanceof Stripe.errors.StripeCardError, declined.type);
  assert.equal(declined.statusCode, 402);
  assert.equal(declined.code, 'card_declined');
  assert.equal(declined.decline_code, 'insufficient_funds');
  assert.equal(declined.payment_intent.id, made.id);
  assert.equal(declined.payment_intent.status, 'requires_payment_method');
  const confirmed = await stripe.paymentIntents.confirm(made.id, { payment_method: 'pm_card_visa' });
  assert.equal(confirmed.status, 'succeeded');
});

test('one key is one intent, and with another amount an idempotency error', async () => {
  const idempotencyKey = 'att_twice';
  const first = await newIntent({ idempotencyKey });
  const second = await newIntent({ idempotencyKey });
  assert.equal(second.id, first.id);
  assert.equal(second.lastResponse.headers['idempotent-replayed'], 'true');
  const other = await refusal(
    stripe.paymentIntents.create({ amount: 8300, currency: 'usd' }, { idempotencyKey }),
  );
  assert.ok(other instanceof Stripe.errors.StripeIdempotencyError, other.type);
});

test('errors are of the classes the library knows', async () => {
  const missing = await refusal(stripe.paymentIntents.retrieve('pi_of_nobody'));
  assert.ok(missing instanceof Stripe.errors.StripeInvalidRequestError, missing.type);
  assert.deepEqual([missing.statusCode, missing.code], [404, 'resource_missing']);
  const bad = await refusal(stripe.paymentIntents.create({ amount: 0, currency: 'usd' }));
  assert.ok(bad instanceof Stripe.errors.StripeInvalidRequestError, bad.type);
  assert.equal(bad.param, 'amount');
  const stranger = await refusal(client('sk_test_of_nobody').paymentIntents.list());
  assert.ok(stranger instanceof Stripe.errors.StripeAuthenticationError, stranger.type);
  assert.match(stranger.requestId, /^req_/);
});

test('money goes back in parts and never more than came', async () => {
  const intent = await paid();
  const part = await stripe.refunds.create({
    payment_intent: intent.id,
    amount: 3000,
    reason: 'requested_by_customer',
    metadata: { refund_key: 'att:refund:1' },
  });
  assert.deepEqual([part.object, part.status, part.amount], ['refund', 'succeeded', 3000]);
  const tooMuch = await refusal(stripe.refunds.create({ payment_intent: intent.id, amount: 5201 }));
  assert.ok(tooMuch instanceof Stripe.errors.StripeInvalidRequestError, tooMuch.type);
  const rest = await stripe.refunds.create({ payment_intent: intent.id });
  assert.equal(rest.amount, 5200);
  const listed = await stripe.refunds.list({ payment_intent: intent.id });
  assert.deepEqual(listed.data.map((refund) => refund.amount), [5200, 3000]);
});

test('an open intent is cancelled and a paid one is not', async () => {
  const open = await newIntent();
  assert.equal((await stripe.paymentIntents.cancel(open.id)).status, 'canceled');
  const closed = await refusal(stripe.paymentIntents.cancel((await paid()).id));
  assert.equal(closed.code, 'payment_intent_unexpected_state');
});

test('lists are paged by the library to their end, newest first', async () => {
  const since = (await newIntent()).created;
  const made = [];
  for (let number = 0; number < 5; number += 1) made.unshift((await newIntent()).id);
  const seen = [];
  for await (const intent of stripe.paymentIntents.list({ created: { gte: since }, limit: 2 })) {
    seen.push(intent.id);
  }
  assert.deepEqual(seen.slice(0, 5), made);
  assert.equal(new Set(seen).size, seen.length, 'nothing twice');
});

test('a checkout session has no intent until it is paid, and can be expired', async () => {
  const session = await stripe.checkout.sessions.create({
    mode: 'payment',
    success_url: 'https://pay.example.org/done',
    cancel_url: 'https://pay.example.org/back',
    line_items: [
      { quantity: 1, price_data: { currency: 'usd', unit_amount: 8200, product_data: { name: 'Payment' } } },
    ],
  });
  assert.equal(session.payment_intent, null);
  assert.match(session.url, /^http/);
  assert.equal((await stripe.checkout.sessions.expire(session.id)).status, 'expired');
});

test('a disputed charge is on the list of disputes', async () => {
  const intent = await stripe.paymentIntents.confirm((await newIntent()).id, {
    payment_method: 'pm_card_createDispute',
  });
  const disputes = await stripe.disputes.list({ payment_intent: intent.id });
  assert.equal(disputes.data.length, 1);
  assert.deepEqual([disputes.data[0].status, disputes.data[0].amount], ['needs_response', 8200]);
  const read = await stripe.disputes.retrieve(disputes.data[0].id);
  assert.equal(read.payment_intent, intent.id);
});

test('events arrive signed as the library verifies them, and an altered one is refused', async () => {
  const heard = [];
  let arrived;
  const listener = createServer((request, response) => {
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => {
      heard.push({ body: Buffer.concat(parts), signature: request.headers['stripe-signature'] });
      response.end();
      arrived?.();
    });
  });
  await new Promise((resolve) => listener.listen(0, '127.0.0.1', resolve));
  try {
    const endpoint = await stripe.webhookEndpoints.create({
      url: `http://127.0.0.1:${listener.address().port}/hook`,
      enabled_events: ['payment_intent.succeeded'],
      api_version: API_VERSION,
    });
    const first = new Promise((resolve) => { arrived = resolve; });
    const intent = await paid();
    await first;
    const { body, signature } = heard[0];
    const event = stripe.webhooks.constructEvent(body, signature, endpoint.secret);
    assert.equal(event.type, 'payment_intent.succeeded');
    assert.equal(event.data.object.id, intent.id);
    assert.equal(event.api_version, API_VERSION);
    const altered = Buffer.from(body.toString().replace('8200', '8201'));
    assert.throws(
      () => stripe.webhooks.constructEvent(altered, signature, endpoint.secret),
      Stripe.errors.StripeSignatureVerificationError,
    );
    assert.throws(
      () => stripe.webhooks.constructEvent(body, signature, 'whsec_of_nobody'),
      Stripe.errors.StripeSignatureVerificationError,
    );
    await stripe.webhookEndpoints.del(endpoint.id);
  } finally {
    listener.close();
  }
});

test('our own door takes what the library signs, once, and refuses what is stale', async () => {
  const intent = await paid();
  const payload = JSON.stringify({
    id: 'evt_of_the_sdk',
    object: 'event',
    type: 'payment_intent.succeeded',
    created: Math.floor(Date.now() / 1000),
    livemode: false,
    data: { object: { id: intent.id, object: 'payment_intent' } },
  });
  const secret = world.facts.stripe.webhook_secret;
  const post = (header) =>
    fetch(world.url(`/webhooks/stripe/${world.facts.practice}`), {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'stripe-signature': header },
      body: payload,
    });
  const good = stripe.webhooks.generateTestHeaderString({ payload, secret });
  assert.equal((await post(good)).status, 200);
  assert.equal((await post(good)).status, 200, 'again is no fault');
  const old = Math.floor(Date.now() / 1000) - 400;
  const stale = stripe.webhooks.generateTestHeaderString({ payload, secret, timestamp: old });
  assert.equal((await post(stale)).status, 400);
  // The scheme written out, should the library and we ever share a mistake.
  const now = Math.floor(Date.now() / 1000);
  const mac = createHmac('sha256', secret).update(`${now}.${payload}`).digest('hex');
  assert.equal((await post(`t=${now},v1=${mac}`)).status, 200);
});
