// A server of its own for each file of stories, and everything outside it that a story can turn:
// the clock, the mailbox of patients, the vendors' faults, a practice's file of balances.
//
// The server is the program people run, started as they would: `clearbill demo --json`.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A Wednesday morning in New York, inside every sending window of the mainland. */
export const WEDNESDAY_10AM = '2026-03-04T10:00:00-05:00';

const READY_LIMIT_MS = 120_000;
const STOP_LIMIT_MS = 10_000;
const KEPT_LOG_LINES = 200;

const top = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
export const binary = process.env.CLEARBILL_TEST_BINARY ?? join(top, 'target', 'debug', 'clearbill');

/**
 * Starts a demo. `logLevel` is the server's filter, `keptLines` how much of its log is kept for a
 * story that reads it. `accounts` keeps the sample practice small: stories bring their own people.
 * Resolves when the server is ready; call `stop()` in an `after` hook.
 */
export async function startWorld({
  clock = WEDNESDAY_10AM,
  accounts = 20,
  seed = 7,
  dataDir = null,
  databaseUrl = null,
  logLevel = null,
  keptLines = KEPT_LOG_LINES,
  extra = [],
} = {}) {
  if (!existsSync(binary)) throw new Error(`${binary} is missing: cargo build -p server`);
  const folder = dataDir ?? mkdtempSync(join(tmpdir(), 'clearbill-world-'));
  const args = ['demo', '--json', '--listen', '127.0.0.1:0', '--data-dir', folder, '--clock', clock];
  args.push('--accounts', String(accounts), '--seed', String(seed), ...extra);
  if (databaseUrl) args.push('--database-url', databaseUrl);

  // A clean environment: nothing a developer has set may change a story.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('CLEARBILL_')),
  );
  if (logLevel) env.CLEARBILL_LOG = logLevel;
  const server = spawn(binary, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
  const log = [];
  const keep = (line) => {
    log.push(line);
    if (log.length > keptLines) log.shift();
  };
  createInterface({ input: server.stderr }).on('line', keep);
  const killNow = () => server.kill('SIGKILL');
  process.once('exit', killNow);

  const forget = () => {
    process.removeListener('exit', killNow);
    if (dataDir === null) rmSync(folder, { recursive: true, force: true });
  };
  const facts = await new Promise((resolve, reject) => {
    const fail = (why) => {
      clearTimeout(timer);
      killNow();
      forget();
      reject(new Error(`the demo ${why}\n${log.join('\n')}`));
    };
    const timer = setTimeout(() => fail('was not ready in time'), READY_LIMIT_MS);
    server.once('error', (error) => fail(`did not start: ${error.message}`));
    server.once('exit', (code, signal) => fail(`ended with ${code ?? signal}`));
    createInterface({ input: server.stdout }).on('line', (line) => {
      keep(line);
      if (!line.startsWith('{')) return;
      const parsed = JSON.parse(line);
      if (!parsed.base) return;
      clearTimeout(timer);
      resolve(parsed);
    });
  });

  const world = new World(facts, folder, env, server, log);
  world.forget = forget;
  return world;
}

class World {
  constructor(facts, folder, env, server, log) {
    this.facts = facts;
    this.base = facts.base.replace(/\/$/, '');
    this.folder = folder;
    this.env = env;
    this.server = server;
    this.log = log;
  }

  url(path) {
    return new URL(path, `${this.base}/`).toString();
  }

  /** A member of the staff by role: `manager`, `biller`, `front desk`, `viewer`. */
  staff(role) {
    const plain = (text) => text.toLowerCase().replace(/[\s_-]/g, '');
    const found = this.facts.staff.find((one) => plain(one.role) === plain(role));
    if (!found) throw new Error(`the demo has no ${role}`);
    return found;
  }

  async stop() {
    if (this.server.exitCode === null && this.server.signalCode === null) {
      const gone = new Promise((resolve) => this.server.once('exit', resolve));
      this.server.kill('SIGTERM');
      const timer = setTimeout(() => this.server.kill('SIGKILL'), STOP_LIMIT_MS);
      await gone;
      clearTimeout(timer);
    }
    this.forget();
  }

  /** What patients received, oldest first; `match` is a predicate or a recipient. */
  async mailbox(match = () => true) {
    const address = new URL(this.facts.mailbox, `${this.base}/`);
    address.searchParams.set('format', 'json');
    const answer = await getJson(address);
    const messages = Array.isArray(answer) ? answer : answer.messages;
    return messages.filter(typeof match === 'string' ? (m) => m.to === match : match);
  }

  /** The newest message that fits, once it has arrived. */
  async message(match, what = 'a message') {
    return until(what, async () => (await this.mailbox(match)).at(-1));
  }

  /** `advance('PT26H')`; due work is done when it resolves. */
  async advance(duration) {
    return postJson(new URL(this.facts.clock, `${this.base}/`), { advance: duration });
  }

  async setClock(now) {
    return postJson(new URL(this.facts.clock, `${this.base}/`), { now });
  }

  async now() {
    return (await getJson(new URL(this.facts.clock, `${this.base}/`))).now;
  }

  /** Scripts a vendor, as `/sandbox/faults` takes it. */
  async fault(script) {
    return postJson(this.url('/sandbox/faults'), script);
  }

  /** A patient's reply by text. */
  async reply({ from, to, body }) {
    return postJson(this.url('/sandbox/sms'), { from, to, body });
  }

  /** Runs a command of the same program on the same data folder; resolves its `--json` line. */
  command(...args) {
    const done = spawnSync(binary, [...args, '--data-dir', this.folder], {
      env: this.env,
      encoding: 'utf8',
      timeout: READY_LIMIT_MS,
    });
    if (done.status !== 0) {
      throw new Error(`clearbill ${args[0]} ended with ${done.status}\n${done.stdout}${done.stderr}`);
    }
    const line = done.stdout.split('\n').find((text) => text.startsWith('{'));
    return line ? JSON.parse(line) : done.stdout;
  }

  /** Imports a file of Clearbill's own format beside the running server, as a practice would. */
  importFile(name, text, { delta = false } = {}) {
    const file = join(this.folder, name);
    writeFileSync(file, text);
    const mode = delta ? ['--delta'] : [];
    return this.command('import', '--practice', 'demo', '--format', 'clearbill', '--json', ...mode, file);
  }

  async api(path, options = {}) {
    const headers = { authorization: `Bearer ${this.facts.api_key}`, ...options.headers };
    return fetch(this.url(`/api/v1${path}`), { ...options, headers });
  }
}

/** Asks again until `ask` answers something; the condition, not a duration, is what is waited for. */
export async function until(what, ask, limitMs = 20_000) {
  const end = Date.now() + limitMs;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`${what} did not come within ${limitMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function getJson(address) {
  const response = await fetch(address, { headers: { accept: 'application/json' } });
  if (!response.ok) throw new Error(`GET ${address}: ${response.status} ${await response.text()}`);
  return response.json();
}

async function postJson(address, body) {
  const response = await fetch(address, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`POST ${address}: ${response.status} ${text}`);
  return text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : text;
}
