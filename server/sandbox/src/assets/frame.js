// Inside the sandbox's frames. Reads the card fields, talks to the sandbox, and answers the page
// around it by message. Card fields leave this frame only towards the sandbox.
(() => {
  'use strict';

  const MARK = 'stripe-sandbox';
  const query = new URLSearchParams(window.location.search);
  const key = query.get('key') || '';
  const parentOrigin = query.get('parent') || '';
  const kind = document.body.dataset.kind;
  const words = JSON.parse(document.getElementById('words').textContent);
  const field = (name) => document.getElementById(name);
  let options = {};

  function tell(message) {
    if (parentOrigin) window.parent.postMessage({ mark: MARK, ...message }, parentOrigin);
  }

  const emit = (event, data) => tell({ event, data });

  async function api(method, path, params) {
    const body = new URLSearchParams();
    for (const [name, value] of Object.entries(params)) {
      if (value !== null && value !== undefined && value !== '') body.append(name, value);
    }
    body.append('key', key);
    const url = method === 'GET' ? `${path}?${body}` : path;
    try {
      const response = await fetch(url, method === 'GET' ? {} : { method, body });
      const json = await response.json();
      return response.ok ? { value: json } : { error: json.error };
    } catch {
      const message = words.connection;
      return { error: { type: 'api_connection_error', message } };
    }
  }

  const intentId = (secret) => secret.split('_secret_')[0];
  const intentPath = (secret) => `/v1/payment_intents/${encodeURIComponent(intentId(secret))}`;

  // ---- card fields ----

  const digits = (text) => text.replace(/\D/g, '');

  function luhn(number) {
    let sum = 0;
    [...number].reverse().forEach((digit, place) => {
      const doubled = Number(digit) * (place % 2 ? 2 : 1);
      sum += doubled > 9 ? doubled - 9 : doubled;
    });
    return sum % 10 === 0;
  }

  function brandOf(number) {
    if (/^4/.test(number)) return 'visa';
    if (/^(5[1-5]|2[2-7])/.test(number)) return 'mastercard';
    if (/^3[47]/.test(number)) return 'amex';
    if (/^6/.test(number)) return 'discover';
    return 'unknown';
  }

  function card() {
    const number = digits(field('number').value);
    const expiry = digits(field('expiry').value);
    const cvc = digits(field('cvc').value);
    const zip = field('zip').value.trim();
    const length = brandOf(number) === 'amex' ? 15 : 16;
    const month = Number(expiry.slice(0, 2));
    const problems = [];
    if (number.length < length) problems.push(['number', 'incomplete_number']);
    else if (!luhn(number)) problems.push(['number', 'invalid_number']);
    if (expiry.length < 4) problems.push(['expiry', 'incomplete_expiry']);
    else if (month < 1 || month > 12) problems.push(['expiry', 'invalid_expiry_month']);
    if (cvc.length < (brandOf(number) === 'amex' ? 4 : 3)) problems.push(['cvc', 'incomplete_cvc']);
    if (!/^[0-9A-Za-z -]{3,10}$/.test(zip)) problems.push(['zip', 'incomplete_zip']);
    const empty = !number && !expiry && !cvc && !zip;
    return { number, month, year: Number(expiry.slice(2, 4)) + 2000, cvc, zip, problems, empty };
  }

  function show(problems) {
    for (const name of ['number', 'expiry', 'cvc', 'zip']) {
      const found = problems.find(([which]) => which === name);
      const note = field(`${name}-error`);
      note.textContent = found ? words[found[1]] : '';
      note.hidden = !found;
      field(name).setAttribute('aria-invalid', found ? 'true' : 'false');
    }
    measure();
  }

  function validated() {
    const read = card();
    show(read.problems);
    if (read.problems.length === 0) return { read };
    const [name, code] = read.problems[0];
    field(name).focus();
    return { error: { type: 'validation_error', code, message: words[code] } };
  }

  function formatNumber(input) {
    const number = digits(input.value).slice(0, 19);
    const groups = brandOf(number) === 'amex' ? /^(\d{0,4})(\d{0,6})(\d{0,5})/ : null;
    input.value = groups
      ? number.match(groups).slice(1).filter(Boolean).join(' ')
      : number.replace(/(\d{4})(?=\d)/g, '$1 ');
  }

  function formatExpiry(input, deleting) {
    let text = digits(input.value).slice(0, 4);
    if (text.length === 1 && Number(text) > 1) text = `0${text}`;
    input.value = text.length > 2 || (text.length === 2 && !deleting)
      ? `${text.slice(0, 2)} / ${text.slice(2)}`
      : text;
  }

  function changed() {
    const read = card();
    emit('change', {
      empty: read.empty,
      complete: read.problems.length === 0,
      collapsed: false,
      value: { type: 'card' },
    });
  }

  function methodParams(prefix, data) {
    const at = (path) => `${prefix}${prefix ? `[${path.split('.').join('][')}]` : bracketed(path)}`;
    const billing = data.billing || {};
    const address = billing.address || {};
    const params = {};
    params[at('type')] = 'card';
    params[at('billing_details.name')] = billing.name;
    params[at('billing_details.email')] = billing.email || data.email;
    params[at('billing_details.phone')] = billing.phone;
    if (data.wallet) {
      params[at('card.token')] = 'tok_sandbox_wallet';
      return { params };
    }
    const { read, error } = validated();
    if (error) return { error };
    params[at('billing_details.address.postal_code')] = address.postal_code || read.zip;
    params[at('card.number')] = read.number;
    params[at('card.exp_month')] = read.month;
    params[at('card.exp_year')] = read.year;
    params[at('card.cvc')] = read.cvc;
    return { params };
  }

  function bracketed(path) {
    const [head, ...rest] = path.split('.');
    return head + rest.map((part) => `[${part}]`).join('');
  }

  // ---- paying ----

  async function confirm(data) {
    if (data.amount !== null) {
      const found = await api('GET', intentPath(data.clientSecret), { client_secret: data.clientSecret });
      if (found.error) return found;
      const { amount, currency } = found.value;
      if (amount !== data.amount || currency !== data.currency) {
        const message = `The amount or currency given to elements() (${data.amount} ${data.currency}) `
          + `does not match the PaymentIntent's (${amount} ${currency}).`;
        return { error: { type: 'invalid_request_error', message } };
      }
    }
    const { params, error } = methodParams('payment_method_data', data);
    if (error) return { error };
    params.client_secret = data.clientSecret;
    params.return_url = data.returnUrl;
    params.receipt_email = data.receiptEmail;
    params.use_stripe_sdk = 'true';
    busy(true);
    const answer = await api('POST', `${intentPath(data.clientSecret)}/confirm`, params);
    busy(false);
    return answer.error ? declined(answer.error) : act(answer.value, data.clientSecret);
  }

  function declined(error) {
    const note = field('decline');
    if (note && error.type === 'card_error') {
      note.textContent = error.message;
      note.hidden = false;
      measure();
    }
    return { error };
  }

  async function act(intent, clientSecret) {
    if (intent.status !== 'requires_action') return { paymentIntent: intent };
    const approves = await ask();
    const answer = await api('POST', '/elements/answer', {
      payment_intent: intent.id,
      client_secret: clientSecret,
      answer: approves ? 'approve' : 'refuse',
    });
    return answer.error ? declined(answer.error) : { paymentIntent: answer.value };
  }

  // The bank's question, in place of the fields.
  function ask() {
    const box = field('approval');
    const form = field('fields');
    if (form) form.hidden = true;
    box.hidden = false;
    measure();
    box.focus();
    return new Promise((resolve) => {
      const done = (approves) => {
        box.hidden = true;
        if (form) form.hidden = false;
        measure();
        resolve(approves);
      };
      field('approve').onclick = () => done(true);
      field('refuse').onclick = () => done(false);
    });
  }

  function busy(on) {
    for (const input of document.querySelectorAll('input')) input.disabled = on;
    const note = field('decline');
    if (note && on) {
      note.hidden = true;
      note.textContent = '';
    }
  }

  // ---- the page's calls ----

  const calls = {
    options(data) {
      options = data;
      paint(data.appearance || {});
      return {};
    },
    async submit() {
      const { error } = validated();
      return error ? { error } : { selectedPaymentMethod: 'card' };
    },
    confirm,
    async retrieve({ clientSecret }) {
      const found = await api('GET', intentPath(clientSecret), { client_secret: clientSecret });
      return found.error ? found : { paymentIntent: found.value };
    },
    async next({ clientSecret }) {
      const found = await api('GET', intentPath(clientSecret), { client_secret: clientSecret });
      return found.error ? found : act(found.value, clientSecret);
    },
    async method() {
      const { params, error } = methodParams('', {});
      if (error) return { error };
      const made = await api('POST', '/v1/payment_methods', params);
      return made.error ? made : { paymentMethod: made.value };
    },
    async token() {
      const { params, error } = methodParams('payment_method_data', {});
      if (error) return { error };
      const made = await api('POST', '/v1/confirmation_tokens', params);
      return made.error ? made : { confirmationToken: made.value };
    },
    focus() {
      const first = document.querySelector('input');
      if (first) first.focus();
      return {};
    },
    clear() {
      for (const input of document.querySelectorAll('input')) input.value = '';
      return {};
    },
    value() {
      const email = field('email');
      return email ? email.value.trim() : null;
    },
  };

  window.addEventListener('message', async (event) => {
    const message = event.data;
    if (event.source !== window.parent || event.origin !== parentOrigin) return;
    if (!message || message.mark !== MARK || !Object.hasOwn(calls, message.op)) return;
    const result = await calls[message.op](message.data || {});
    tell({ reply: message.id, result });
  });

  // ---- looks ----

  const isColour = (value) => CSS.supports('color', value) && !/url|var|env/i.test(value);
  const isLength = (value) => /^\d{1,3}(\.\d+)?(px|rem|em)$/.test(value);
  const isFont = (value) => /^[\w\s,"'-]{1,200}$/.test(value);
  const VARIABLES = {
    colorPrimary: ['--accent', isColour],
    colorBackground: ['--field', isColour],
    colorText: ['--text', isColour],
    colorTextSecondary: ['--quiet', isColour],
    colorDanger: ['--danger', isColour],
    borderRadius: ['--radius', isLength],
    fontSizeBase: ['--size', isLength],
    fontFamily: ['--font', isFont],
  };

  function paint(appearance) {
    const root = document.documentElement;
    root.dataset.theme = appearance.theme === 'night' ? 'night' : appearance.theme || '';
    for (const [name, value] of Object.entries(appearance.variables || {})) {
      const known = VARIABLES[name];
      if (known && known[1](String(value))) root.style.setProperty(known[0], value);
    }
    measure();
  }

  let lastHeight = 0;
  function measure() {
    const height = document.body.scrollHeight;
    if (height !== lastHeight && kind !== 'controller') {
      lastHeight = height;
      emit('height', document.body.getBoundingClientRect().height);
    }
  }

  if (kind === 'payment') {
    field('number').addEventListener('input', (event) => formatNumber(event.target));
    field('expiry').addEventListener('input', (event) => {
      formatExpiry(event.target, event.inputType === 'deleteContentBackward');
    });
    field('cvc').addEventListener('input', (event) => {
      event.target.value = digits(event.target.value).slice(0, 4);
    });
    for (const name of ['number', 'expiry', 'cvc', 'zip']) {
      field(name).addEventListener('input', () => {
        if (field(name).getAttribute('aria-invalid') === 'true') {
          const problems = card().problems.filter(([which]) => which === name);
          if (problems.length === 0) {
            field(name).setAttribute('aria-invalid', 'false');
            field(`${name}-error`).hidden = true;
            measure();
          }
        }
        changed();
      });
      field(name).addEventListener('focus', () => emit('focus', {}));
      field(name).addEventListener('blur', () => emit('blur', {}));
      field(name).addEventListener('keydown', (event) => {
        if (event.key === 'Escape') emit('escape', {});
      });
    }
  }
  if (kind === 'wallets') {
    field('wallet').addEventListener('click', () => emit('wallet', { type: 'google_pay' }));
  }
  if (kind === 'email') {
    field('email').addEventListener('input', () => {
      const email = field('email').value.trim();
      emit('change', { empty: !email, complete: /.+@.+\..+/.test(email), value: { email } });
    });
  }

  new ResizeObserver(measure).observe(document.body);
  emit('ready', {});
  measure();
})();
