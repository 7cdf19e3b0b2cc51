// A stand-in for Stripe.js, served by the sandbox alone. It has the parts of the real interface a
// payment page uses, and the same borders: card fields live in a frame of the sandbox's own origin,
// the page around them never sees a number, and nothing is styled inline in the page's HTML.
(() => {
  'use strict';

  const script =
    document.currentScript ||
    document.querySelector('script[src*="/endive/stripe.js"]');
  const ORIGIN = new URL(script.src).origin;
  const READY_WITHIN_MS = 10000;
  const MARK = 'stripe-sandbox';

  class IntegrationError extends Error {
    constructor(message) {
      super(message);
      this.name = 'IntegrationError';
    }
  }

  const frames = new Set();

  window.addEventListener('message', (event) => {
    if (event.origin !== ORIGIN || !event.data || event.data.mark !== MARK) return;
    for (const frame of frames) {
      if (frame.iframe.contentWindow === event.source) frame.receive(event.data);
    }
  });

  // One frame of the sandbox's origin, spoken to by messages.
  class Frame {
    constructor(kind, title, query, listener) {
      this.waiting = new Map();
      this.next = 1;
      this.listener = listener;
      this.iframe = document.createElement('iframe');
      this.iframe.title = title;
      this.iframe.setAttribute('allow', 'payment *');
      this.iframe.name = `__privateStripeFrame${Math.floor(Math.random() * 1e6)}`;
      const params = new URLSearchParams({ ...query, parent: window.location.origin });
      this.iframe.src = `${ORIGIN}/elements/${kind}?${params}`;
      const style = this.iframe.style;
      style.border = '0';
      style.width = '100%';
      style.display = 'block';
      style.colorScheme = 'light dark';
      this.ready = new Promise((resolve, reject) => {
        this.resolveReady = resolve;
        this.rejectReady = reject;
      });
      this.ready.catch(() => {});
      frames.add(this);
    }

    attach(parent) {
      parent.appendChild(this.iframe);
      this.timer = window.setTimeout(() => {
        const error = { type: 'api_connection_error', message: 'The card form did not load.' };
        this.rejectReady(error);
        this.listener('loaderror', { error });
      }, READY_WITHIN_MS);
    }

    detach() {
      window.clearTimeout(this.timer);
      frames.delete(this);
      this.iframe.remove();
    }

    receive(message) {
      if (message.reply) {
        const resolve = this.waiting.get(message.reply);
        this.waiting.delete(message.reply);
        if (resolve) resolve(message.result);
        return;
      }
      if (message.event === 'ready') {
        window.clearTimeout(this.timer);
        this.resolveReady();
      }
      if (message.event === 'height') {
        this.iframe.style.height = `${Math.max(1, Math.ceil(Number(message.data) || 0))}px`;
        return;
      }
      this.listener(message.event, message.data);
    }

    async call(op, data) {
      await this.ready;
      const id = this.next;
      this.next += 1;
      const answer = new Promise((resolve) => this.waiting.set(id, resolve));
      this.iframe.contentWindow.postMessage({ mark: MARK, id, op, data }, ORIGIN);
      return answer;
    }
  }

  const KINDS = {
    payment: { path: 'payment', title: 'Secure payment input frame', height: 250 },
    expressCheckout: { path: 'wallets', title: 'Secure express checkout frame', height: 48 },
    linkAuthentication: { path: 'email', title: 'Secure email input frame', height: 80 },
  };

  class Element {
    constructor(group, type, options) {
      this.group = group;
      this.type = type;
      this.options = options || {};
      this.handlers = new Map();
      this.frame = null;
    }

    on(name, handler) {
      const list = this.handlers.get(name) || [];
      list.push(handler);
      this.handlers.set(name, list);
      return this;
    }

    once(name, handler) {
      const wrapped = (event) => {
        this.off(name, wrapped);
        handler(event);
      };
      return this.on(name, wrapped);
    }

    off(name, handler) {
      const list = this.handlers.get(name) || [];
      this.handlers.set(name, handler ? list.filter((known) => known !== handler) : []);
      return this;
    }

    emit(name, detail) {
      const event = { elementType: this.type, ...detail };
      for (const handler of this.handlers.get(name) || []) handler(event);
    }

    mount(target) {
      const host = typeof target === 'string' ? document.querySelector(target) : target;
      if (!host) {
        throw new IntegrationError(`Invalid value for mount(): no element for ${target}.`);
      }
      if (this.frame) return this;
      const kind = KINDS[this.type];
      this.frame = new Frame(
        kind.path,
        kind.title,
        { key: this.group.stripe.key, locale: this.group.locale },
        (name, data) => this.heard(name, data || {}),
      );
      this.frame.iframe.style.height = `${kind.height}px`;
      this.frame.ready.then(() => this.frame.call('options', this.describe())).catch(() => {});
      host.classList.add('StripeElement');
      this.frame.attach(host);
      return this;
    }

    describe() {
      const { appearance, amount, currency } = this.group.options;
      return { appearance: appearance || {}, amount, currency, element: plain(this.options) };
    }

    heard(name, data) {
      if (name === 'ready') {
        const wallets = this.type === 'expressCheckout';
        this.emit('ready', wallets ? { availablePaymentMethods: { googlePay: true } } : {});
      } else if (name === 'wallet') {
        this.walletClicked(data);
      } else {
        this.emit(name, data);
      }
    }

    walletClicked(data) {
      const open = () => {
        const payload = {
          expressPaymentType: data.type,
          billingDetails: { name: 'Sandbox Wallet', email: '', phone: '' },
          paymentFailed: () => {},
        };
        this.group.wallet = this;
        this.emit('confirm', payload);
      };
      let answered = false;
      const resolve = () => {
        if (!answered) {
          answered = true;
          open();
        }
      };
      const asks = (this.handlers.get('click') || []).length > 0;
      if (asks) {
        this.emit('click', { expressPaymentType: data.type, resolve, reject: () => { answered = true; } });
      } else {
        resolve();
      }
    }

    update(options) {
      Object.assign(this.options, options);
      if (this.frame) this.frame.call('options', this.describe()).catch(() => {});
    }

    focus() { if (this.frame) this.frame.call('focus').catch(() => {}); }
    blur() { if (this.frame) this.frame.iframe.blur(); }
    clear() { if (this.frame) this.frame.call('clear').catch(() => {}); }
    collapse() {}

    unmount() {
      if (this.frame) this.frame.detach();
      this.frame = null;
    }

    destroy() {
      this.unmount();
      this.group.made.delete(this.type);
    }
  }

  // Options may hold functions, which messages cannot carry.
  function plain(value) {
    return JSON.parse(JSON.stringify(value || {}));
  }

  class Elements {
    constructor(stripe, options) {
      this.stripe = stripe;
      this.options = { ...options };
      this.locale = options.locale || stripe.locale;
      this.made = new Map();
      this.submitted = false;
      this.wallet = null;
      if (!options.clientSecret && options.mode) this.check();
      if (!options.clientSecret && !options.mode) {
        throw new IntegrationError('Provide either a clientSecret or a mode to elements().');
      }
    }

    check() {
      const { mode, amount, currency } = this.options;
      if (mode !== 'payment') {
        throw new IntegrationError(`Invalid value for elements(): mode should be payment, not ${mode}.`);
      }
      if (!Number.isInteger(amount) || amount <= 0) {
        throw new IntegrationError('Invalid value for elements(): amount must be a positive integer.');
      }
      if (typeof currency !== 'string' || !/^[a-z]{3}$/.test(currency)) {
        throw new IntegrationError('Invalid value for elements(): currency must be a lowercase code.');
      }
    }

    create(type, options) {
      if (!KINDS[type]) throw new IntegrationError(`A valid Element name must be provided, not ${type}.`);
      if (this.made.has(type)) {
        throw new IntegrationError(`Can only create one Element of type ${type}.`);
      }
      const element = new Element(this, type, options);
      this.made.set(type, element);
      return element;
    }

    getElement(type) { return this.made.get(type) || null; }

    update(options) {
      Object.assign(this.options, options);
      if (this.options.mode) this.check();
      for (const element of this.made.values()) element.update({});
    }

    async fetchUpdates() { return {}; }

    async submit() {
      const payment = this.made.get('payment');
      if (this.wallet) {
        this.submitted = true;
        return { selectedPaymentMethod: 'google_pay' };
      }
      if (!payment || !payment.frame) {
        throw new IntegrationError('elements.submit() needs a mounted payment Element.');
      }
      const result = await payment.frame.call('submit');
      this.submitted = !result.error;
      return result;
    }
  }

  class Stripe {
    constructor(key, options) {
      this.key = key;
      const language = (options && options.locale) || 'auto';
      this.locale = language === 'auto' ? navigator.language || 'en' : language;
    }

    elements(options) { return new Elements(this, options || {}); }

    controller() {
      if (!this.hidden) {
        this.hidden = new Frame('controller', 'Secure payment frame', { key: this.key, locale: this.locale }, () => {});
        this.hidden.iframe.hidden = true;
        this.hidden.iframe.tabIndex = -1;
        this.hidden.iframe.style.display = 'none';
        this.hidden.attach(document.body);
      }
      return this.hidden;
    }

    async confirmPayment({ elements, clientSecret, confirmParams = {}, redirect = 'always' }) {
      const secret = clientSecret || (elements && elements.options.clientSecret);
      if (!secret) throw new IntegrationError('confirmPayment() needs a clientSecret.');
      if (!confirmParams.return_url && redirect !== 'if_required') {
        throw new IntegrationError('confirmPayment() needs confirmParams.return_url.');
      }
      const deferred = elements && !elements.options.clientSecret;
      if (deferred && !elements.submitted) {
        throw new IntegrationError('elements.submit() must be called before stripe.confirmPayment().');
      }
      const wallet = elements && elements.wallet;
      const element = wallet || (elements && elements.made.get('payment'));
      if (!element || !element.frame) throw new IntegrationError('No payment Element is mounted.');
      const email = elements.made.get('linkAuthentication');
      const result = await element.frame.call('confirm', {
        clientSecret: secret,
        amount: deferred ? elements.options.amount : null,
        currency: deferred ? elements.options.currency : null,
        wallet: Boolean(wallet),
        receiptEmail: confirmParams.receipt_email || null,
        returnUrl: confirmParams.return_url || null,
        billing: plain((confirmParams.payment_method_data || {}).billing_details),
        email: email && email.frame ? await email.frame.call('value') : null,
      });
      elements.wallet = null;
      if (result.error) return result;
      if (redirect === 'if_required') return result;
      const target = new URL(confirmParams.return_url);
      target.searchParams.set('payment_intent', result.paymentIntent.id);
      target.searchParams.set('payment_intent_client_secret', secret);
      target.searchParams.set('redirect_status', result.paymentIntent.status === 'succeeded' ? 'succeeded' : 'pending');
      window.location.assign(target.href);
      return new Promise(() => {});
    }

    async retrievePaymentIntent(clientSecret) {
      return this.controller().call('retrieve', { clientSecret });
    }

    // For an intent the server confirmed: the bank's question is shown over the page.
    async handleNextAction({ clientSecret }) {
      const frame = this.controller();
      const style = frame.iframe.style;
      frame.iframe.hidden = false;
      frame.iframe.tabIndex = 0;
      Object.assign(style, { display: 'block', position: 'fixed', inset: '0', height: '100%', zIndex: '2147483647' });
      const result = await frame.call('next', { clientSecret });
      frame.iframe.hidden = true;
      frame.iframe.tabIndex = -1;
      style.display = 'none';
      return result;
    }

    async createPaymentMethod({ elements }) {
      const element = elements.made.get('payment');
      return element.frame.call('method', {});
    }

    async createConfirmationToken({ elements }) {
      const element = elements.made.get('payment');
      return element.frame.call('token', {});
    }

    registerAppInfo() {}
  }

  window.Stripe = (key, options) => {
    if (typeof key !== 'string' || !key.startsWith('pk_')) {
      throw new IntegrationError('Please call Stripe() with your publishable key.');
    }
    return new Stripe(key, options);
  };
  window.Stripe.version = 'endive-sandbox';
})();
