// The card form of Make a Payment: mounts Stripe's Payment Element, keeps its amount in step with
// the form, and confirms. Without it, or when Stripe's script does not load, the form posts and the
// server leads to Stripe's own page. It never sees the token of the link.

const byId = (id) => document.getElementById(id);
const form = byId("pay");
const frame = byId("card");
const alertBox = byId("pay-alert");
const status = byId("pay-status");
const submit = form?.querySelector('button[value="card"]');
const data = frame?.dataset;
// Says an error first, as on a page that came back refused.
const title = document.title.replace(`${data?.error} `, "");

let stripe, elements, busy = false, declines = 0, asks = null, undo = () => {};

const make = (tag, props) => Object.assign(document.createElement(tag), props);

/** What would be charged now, in cents, or null while the field holds no valid amount. */
function amountCents() {
  if (form.elements.choice.value !== "other") return Number(data.due);
  const typed = form.elements.amount.value.trim().replace(/^\$\s*/, "").replace(/,(?=\d{3}\b)/g, "");
  if (!/^\d{1,8}(\.\d{0,2})?$/.test(typed)) return null;
  const cents = Math.round(Number(typed) * 100);
  return cents >= Number(data.least) && cents <= Number(data.most) ? cents : null;
}

/** Updates the frame in place: mounting it again would drop what was typed. */
function followAmount(event) {
  if (event?.target.name === "amount") form.elements.choice.value = "other";
  const amount = amountCents();
  if (elements && amount) elements.update({ amount });
}

/** Says it above the button, where it is read out at once. */
function say(message) {
  const box = make("div", { className: "notice danger", tabIndex: -1 });
  box.append(make("p", { textContent: message }));
  if (declines >= 2) {
    box.append(...byId("more-ways").cloneNode(true).childNodes);
  }
  alertBox.replaceChildren(box);
  document.title = `${data.error} ${title}`;
  box.focus();
  return box;
}

function clear() {
  document.title = title;
  alertBox.replaceChildren();
  undo();
}

/** Says it beside the field, as the server would have; above the button where it is about none. */
function sayBeside(field, message) {
  const input = byId(`f-${field}`);
  if (!input) return say(message);
  const line = make("p", { className: "error", id: "script-error", textContent: message });
  (input.closest(".prefixed, label") ?? input).before(line);
  const before = input.getAttribute("aria-describedby") ?? "";
  input.setAttribute("aria-invalid", "true");
  input.setAttribute("aria-describedby", `${line.id} ${before}`);
  document.title = `${data.error} ${title}`;
  undo = () => {
    line.remove();
    input.removeAttribute("aria-invalid");
    input.setAttribute("aria-describedby", before);
  };
  input.focus();
}

function setBusy(now) {
  busy = now;
  submit.setAttribute("aria-disabled", String(now));
  status.textContent = now ? data.sending : "";
}

/** Our own sentence for a decline; cards reported lost or stolen get the general one. */
function sentence(error) {
  const own = JSON.parse(data.declines);
  const code = error.decline_code ?? error.code;
  return own[code] ?? own.generic;
}

/** The balance moved: show the new one, so that submitting again is about what is on the screen. */
function showDue(answer) {
  if (!Number.isInteger(answer.due_cents)) return;
  data.due = String(answer.due_cents);
  data.most = String(answer.most_cents ?? answer.due_cents);
  form.elements.shown_due_cents.value = data.due;
  const shown = document.querySelector("#due .money");
  if (shown && answer.due) shown.textContent = answer.due;
  followAmount();
}

/** Sends the form with a word more, and takes over what the server gives for the next time. */
async function ask(address, extra) {
  const body = new URLSearchParams(new FormData(form));
  for (const [name, value] of Object.entries(extra)) body.set(name, value);
  const response = await fetch(address, { method: "POST", body });
  const answer = await response.json();
  if (answer.attempt) form.elements.attempt.value = answer.attempt;
  if (answer.link) form.elements.link.value = answer.link;
  return answer;
}

/** Another payment of this account runs. Taking its place is the payer's to say. */
function offerRestart() {
  const box = say(data.running);
  const button = make("button", { type: "button", className: "button", textContent: data.restart });
  button.addEventListener("click", () => start({ restart: "1" }));
  box.append(button);
}

async function pay(extra) {
  clear();
  const checked = await elements.submit();
  if (checked.error) return setBusy(false);
  const answer = await ask(data.intent, { via: "card", ...extra });
  if (answer.location) return location.assign(answer.location);
  if (answer.is_running) {
    setBusy(false);
    return offerRestart();
  }
  if (!answer.client_secret) {
    setBusy(false);
    showDue(answer);
    return sayBeside(answer.field, answer.message);
  }
  const { client_secret: clientSecret, return_url } = answer;
  asks = return_url;
  // Only an immediate refusal comes back; otherwise the browser goes to the return page.
  const { error } = await stripe.confirmPayment({ elements, clientSecret, confirmParams: { return_url } });
  if (error?.type === "card_error") return declined(error, answer.started);
  if (error?.type === "validation_error") {
    setBusy(false);
    return say(sentence(error));
  }
  // Anything else is unknown, and only the server may find out.
  location.assign(return_url);
}

/** The server asks the processor too, ends this attempt, and gives the form of the next one. */
async function declined(error, started) {
  const answer = await ask(data.declined, { started }).catch(() => ({}));
  if (answer.location) return location.assign(answer.location);
  setBusy(false);
  declines = answer.declines ?? declines + 1;
  showDue(answer);
  say(answer.message ?? sentence(error));
}

function start(extra) {
  if (busy) return;
  setBusy(true);
  asks = null;
  pay(extra).catch(() => {
    // Once the processor was asked, only the server may find out how it stands.
    if (asks) return location.assign(asks);
    setBusy(false);
    say(data.offline);
  });
}

function mount() {
  const style = getComputedStyle(document.documentElement);
  const token = (name) => style.getPropertyValue(name).trim();
  stripe = window.Stripe(data.key, {
    locale: data.locale,
    ...(data.account ? { stripeAccount: data.account } : {}),
  });
  elements = stripe.elements({
    mode: "payment",
    amount: amountCents() ?? Number(data.due),
    currency: data.currency,
    paymentMethodTypes: ["card"],
    appearance: {
      variables: {
        colorPrimary: token("--accent"),
        colorBackground: token("--surface"),
        colorText: token("--ink"),
        colorDanger: token("--danger"),
        fontSizeBase: "17px",
      },
    },
  });
  const element = elements.create("payment", {
    paymentMethodOrder: ["apple_pay", "google_pay", "card"],
    wallets: { applePay: "auto", googlePay: "auto" },
  });
  element.on("ready", () => { data.state = "ready"; });
  element.on("loaderror", fail);
  frame.replaceChildren();
  element.mount(frame);
  form.addEventListener("input", followAmount);
}

function fail() {
  if (data.state === "ready") return;
  data.state = "failed";
  elements = undefined;
  frame.replaceChildren(make("p", { textContent: data.failed }));
}

if (form && frame && submit) {
  const onload = () => { try { mount(); } catch { fail(); } };
  document.head.append(make("script", { src: data.script, onload, onerror: fail }));

  form.addEventListener("submit", (event) => {
    if (event.submitter?.value === "checkout" || data.state !== "ready") return;
    event.preventDefault();
    start({});
  });
  // Back from Stripe or from another page: the form is usable again.
  addEventListener("pageshow", (event) => { if (event.persisted) setBusy(false); });
}
