// Keeps the inbox current: asks for one number every two seconds while somebody looks, and when it has
// moved fetches the page anew and takes over what changed. What is being typed is left alone. Asking is
// not activity: the header keeps it from extending the session.
const LIVE = { headers: { "x-live-update": "1" } };
const box = document.getElementById("inbox");
let seen = Number(box?.dataset.seq);

function takeOver(page, selector) {
  const now = document.querySelector(selector);
  const then = page.querySelector(selector);
  if (!now || !then || now.outerHTML === then.outerHTML) return;
  // Whoever is choosing something there goes on choosing.
  if (now.contains(document.activeElement)) return;
  now.replaceWith(then);
}

function takeOverThread(page) {
  const thread = document.getElementById("thread");
  const fresh = page.getElementById("thread");
  if (!thread || !fresh) return;
  for (const line of [...fresh.children]) {
    const known = document.getElementById(line.id);
    if (!known) thread.append(line);
    else if (known.textContent !== line.textContent && !known.contains(document.activeElement)) {
      known.replaceWith(line);
    }
  }
  toTheEnd(thread);
}

function toTheEnd(thread) {
  thread.parentElement.scrollTop = thread.parentElement.scrollHeight;
}

async function refresh() {
  const response = await fetch(location.href, LIVE);
  if (!response.ok || response.redirected) throw new Error(String(response.status));
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  seen = Number(page.getElementById("inbox").dataset.seq);
  for (const selector of [".staff-nav", "#conversations", "#about"]) takeOver(page, selector);
  takeOverThread(page);
}

async function look() {
  let wait = 2000;
  try {
    if (document.visibilityState === "visible") {
      const response = await fetch("/staff/inbox/live", LIVE);
      if (!response.ok || response.redirected) throw new Error(String(response.status));
      const { seq } = await response.json();
      if (seq !== seen) await refresh();
    }
  } catch {
    wait = 15000;
  }
  setTimeout(look, wait);
}

if (box) {
  const thread = document.getElementById("thread");
  if (thread) toTheEnd(thread);
  setTimeout(look, 1000);
}
