// Asks the server as a browser would, without one: for what a browser would not send, and for stories in
// which the server dies in the middle of an answer.

import assert from 'node:assert/strict';

import { payLink } from './patient.mjs';

/** A client that keeps cookies and follows nothing by itself. */
export class Client {
  cookies = new Map();

  constructor(world) {
    this.world = world;
  }

  async ask(path, { method = 'GET', form, headers = {} } = {}) {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const body = form && new URLSearchParams(form);
    const answer = await fetch(this.world.url(path), {
      method: form ? 'POST' : method,
      body,
      headers: { ...(cookie && { cookie }), ...headers },
      redirect: 'manual',
    });
    for (const line of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      this.cookies.set(name, value);
    }
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, text, to: answer.headers.get('location') };
  }

  /** Taps the link, and reads the form of the page it leads to. */
  async open(person, channel = 'email') {
    const link = new URL(await payLink(this.world, person, channel));
    const tapped = await this.ask(link.pathname);
    assert.equal(tapped.status, 303);
    assert.equal(tapped.to, '/pay');
    return fields((await this.ask('/pay')).text);
  }
}

/** The hidden fields of the pay form, with everything to pay it in full. */
function fields(html) {
  const form = html.slice(html.indexOf('id="pay"'));
  const value = (name) => new RegExp(`name="${name}" value="([^"]*)"`).exec(form)?.[1];
  const hidden = ['csrf', 'link', 'attempt', 'shown_due_cents'].map((name) => [name, value(name)]);
  for (const [name, found] of hidden) assert.ok(found, `the form has a ${name}`);
  return { ...Object.fromEntries(hidden), choice: 'full', amount: '', email: '' };
}
