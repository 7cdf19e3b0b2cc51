// What staff look up and write down about one account, and what they do with jobs, replies and tasks.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';

import { closeBrowser, DESKTOP, expectSound, PHONE, picture, visit } from './browser.mjs';
import { Cast, visit as bill } from './cast.mjs';
import {
  confirmAndSend, DESK, expectWords, openRecord, openWorkspace, remindEveryone, showPatients,
} from './staff.mjs';
import { startWorld, WEDNESDAY_10AM } from './world.mjs';

const WAYS = [
  { ...DESKTOP, javaScript: true, label: 'at a desk' },
  { ...PHONE, javaScript: true, label: 'on a phone' },
  { ...DESKTOP, javaScript: false, label: 'without JavaScript' },
];
/** Names that nobody of the sample practice has. */
const ZELDA = { name: 'Zelda Quimby', patientName: 'Zelda Quimby' };
const YORICK = { name: 'Yorick Umber', patientName: 'Yorick Umber' };
const NOBODY = 'gua_00000000000000000000000000000000';

async function newWorld(cast, options) {
  const world = await startWorld({ accounts: 1, ...options });
  world.importFile('record.csv', cast.csv());
  return world;
}

after(closeBrowser);

for (const way of WAYS) {
  test(`claims are filtered, sorted and exported, ${way.label}`, async () => {
    const cast = new Cast('ENC');
    const small = cast.person({ ...ZELDA, visits: [bill('2026-01-20', '20.00')] });
    const large = cast.personOwing('640.00', '30.00');
    const world = await newWorld(cast);
    try {
      await visit(world, way, async (page) => {
        await openWorkspace(page, world, 'biller', '/staff/encounters');
        await expectWords(page, small.name, large.name, '$640.00');
        await expectSound(page, way);
        await picture(page, way, 'encounters');
        await page.getByLabel('Bill from').fill('100');
        await page.getByRole('button', { name: 'Filter' }).click();
        await expectWords(page, '$640.00');
        assert.ok(!(await page.locator('tbody').innerText()).includes(small.name));
        assert.match(page.url(), /amount_from=100/);
        await page.getByRole('link', { name: /^Bill/ }).click();
        assert.match(page.url(), /sort=.*bill/);
        await page.goto('/staff/encounters?name=nobody+of+this+name');
        await expectWords(page, 'No claim matches');
        await expectSound(page, way);
        if (way.javaScript) {
          const [file] = await Promise.all([
            page.waitForEvent('download'),
            page.getByRole('link', { name: 'Export as CSV' }).click(),
          ]);
          assert.equal(file.suggestedFilename(), 'claims.csv');
        }
      });
    } finally {
      await world.stop();
    }
  });

  test(`a patient record keeps notes, contacts and consent, ${way.label}`, async () => {
    const cast = new Cast('REC');
    const one = cast.person({ ...ZELDA, consent: false });
    const world = await newWorld(cast);
    try {
      await visit(world, way, async (page, { watch }) => {
        watch.expect(/^422: POST/);
        await openWorkspace(page, world, 'biller', '/staff/patients');
        await expectSound(page, way);
        for (const typed of [one.id, one.email, one.phone]) {
          await page.getByLabel(/^Search/).fill(typed);
          await page.getByRole('button', { name: 'Search' }).click();
          await expectWords(page, one.name);
        }
        await openRecord(page, one.name);
        await expectSound(page, way);
        assert.ok(!(await page.content()).includes(one.phone.slice(2, 5) + ') '), 'phones are masked');

        await page.getByLabel('Note', { exact: true }).fill('Called on Tuesday, calls back.');
        await page.getByRole('button', { name: 'Add note' }).click();
        await expectWords(page, 'Called on Tuesday, calls back.');
        await page.getByRole('button', { name: 'Flag for reminder' }).click();
        await expectWords(page, 'Flagged for a reminder');

        await page.getByRole('button', { name: /Show identity/ }).click();
        await expectWords(page, one.phone.slice(-4));
        const [year] = one.dob.split('-');
        await expectWords(page, year);
        await expectSound(page, way);
        await picture(page, way, 'patient-record-identity');

        await openRecord(page, one.name);
        await page.getByLabel('Add a phone or email').fill('12');
        await page.getByRole('button', { name: 'Add', exact: true }).click();
        await expectWords(page, /not a phone/i);
        await expectSound(page, way);
        await page.getByLabel('Add a phone or email').fill('second@example.com');
        await page.getByRole('button', { name: 'Add', exact: true }).click();
        await expectWords(page, 's•••@example.com');
        await page.getByRole('group', { name: 's•••@example.com' }).locator('summary').click();
        await page.getByRole('link', { name: 'Remove s•••@example.com' }).click();
        await expectWords(page, 'Remove s•••@example.com from this account?');
        await expectSound(page, way);
        await page.getByRole('button', { name: 'Remove' }).click();
        await expectWords(page, 'The contact was removed');
        assert.ok(!(await page.locator('main').innerText()).includes('s•••@example.com'));

        // Consent needs its evidence.
        await page.getByLabel('Enable texts to this phone').check();
        await page.getByLabel('Consent to texts').selectOption('yes');
        await page.getByRole('button', { name: 'Save Text/SMS' }).click();
        await expectWords(page, /how we know/i);
        await page.getByLabel('Enable texts to this phone').check();
        await page.getByLabel(/confirmed today/).first().check();
        await page.getByLabel('Consent to texts').selectOption('yes');
        await page.getByLabel('How we know').first().fill('Signed the form at the desk');
        await page.getByRole('button', { name: 'Save Text/SMS' }).click();
        await expectWords(page, 'Enabled', /Given on Mar 4, 2026, recorded by staff/);

        await page.getByRole('link', { name: 'Why, why not, what next' }).click();
        await expectWords(page, 'A reminder by text may go');
        await page.getByLabel(/another day/).fill('2026-03-08');
        await page.getByRole('button', { name: 'Ask' }).click();
        await expectWords(page, 'waits until', 'Mar 9', /outside the practice's sending hours/);
        await expectSound(page, way);
        await page.getByRole('link', { name: 'Timeline' }).click();
        await expectWords(page, 'An import brought', 'Called on Tuesday, calls back.');
        await expectSound(page, way);
      });
    } finally {
      await world.stop();
    }
  });

  test(`a job is cut down, read and taken back, ${way.label}`, async () => {
    const cast = new Cast('JOB');
    cast.person(ZELDA);
    cast.person(YORICK);
    const world = await newWorld(cast);
    try {
      await visit(world, way, async (page) => {
        await openWorkspace(page, world, 'biller', '/staff/jobs');
        await expectWords(page, 'No reminders were sent yet');
        await expectSound(page, way);
        await showPatients(page);
        await confirmAndSend(page);
        await expectWords(page, 'Finished', 'Pending patient');
        await expectSound(page, way);
        await picture(page, way, 'job');
        // The first of a job goes at once; some other is still waiting.
        const exclude = page.getByRole('button', { name: /^Exclude/ }).first();
        const out = (await exclude.getAttribute('aria-label')).replace('Exclude ', '');
        await exclude.click();
        await expectWords(page, /Excluded/, 'Cancelled');
        await page.getByRole('link', { name: 'Take back what waits' }).click();
        await expectWords(page, /Take back \d+ texts? that have not gone\?/);
        await expectSound(page, way);
        await page.getByRole('button', { name: /^Yes/ }).click();
        await expectWords(page, 'Taken back', 'Taken back by staff');
        const gone = (await world.mailbox()).length;
        await world.advance('PT2H');
        assert.equal((await world.mailbox()).length, gone, 'nothing more goes');

        await page.goto('/staff/notifications');
        await expectWords(page, out);
        await expectSound(page, way);
        await page.getByRole('link', { name: `Reminder by text to ${out}` }).first().click();
        await expectWords(page, 'What it says', '/p/••••', 'Why');
        await expectSound(page, way);
        await picture(page, way, 'message');
        await page.goto('/staff/notifications?errors=1');
        await expectWords(page, 'Nothing waits to be seen to');
        await openRecord(page, out);
        await expectWords(page, 'Ready to send statements');
      });
    } finally {
      await world.stop();
    }
  });

  test(`a reply from a shared phone shows every account, ${way.label}`, async () => {
    const cast = new Cast('RPL');
    const mother = cast.person(ZELDA);
    const daughter = cast.person({ ...YORICK, phone: mother.phone });
    const world = await newWorld(cast);
    try {
      await visit(world, way, async (page, { watch }) => {
        watch.expect(/^422: POST/);
        await openWorkspace(page, world, 'biller', '/staff/replies');
        await expectWords(page, 'Nobody has texted back yet');
        await world.reply({ from: mother.phone, body: 'I already paid this at the desk' });
        await page.goto('/staff/replies?open=1');
        await expectWords(page, 'I already paid this at the desk', mother.name, daughter.name, 'On hold: pause');
        await expectSound(page, way);
        await picture(page, way, 'replies');

        await page.goto('/staff/tasks');
        await expectWords(page, /A reply by text/);
        await expectSound(page, way);
        await page.getByRole('link', { name: /^Close/ }).first().click();
        await expectSound(page, way);
        await page.getByRole('button', { name: 'Close task' }).click();
        await expectWords(page, 'Write down what came of it');
        await expectSound(page, way);
        await page.getByLabel('What came of it').fill('Found the check and posted it');
        await page.getByRole('button', { name: 'Close task' }).click();
        await expectWords(page, 'Nothing waits for anybody');
        await page.goto('/staff/replies');
        await expectWords(page, /by Sam Ortiz/);
        await page.goto('/staff/tasks/unreachable');
        await expectSound(page, way);
      });
    } finally {
      await world.stop();
    }
  });
}

test('a legal hold is lifted by two people', async () => {
  const cast = new Cast('HLD');
  const one = cast.person(ZELDA);
  const world = await newWorld(cast);
  try {
    await visit(world, DESK, async (page, { watch }) => {
      watch.expect(/^422: POST/);
      await openWorkspace(page, world, 'biller');
      await openRecord(page, one.name);
      await page.getByRole('link', { name: 'Hold', exact: true }).click();
      await page.getByLabel('Kind').selectOption('bankruptcy');
      await page.getByRole('button', { name: 'Place hold' }).click();
      await expectWords(page, /Write down why/);
      await expectSound(page, DESK);
      await page.getByLabel('Reason').fill('Notice from the court of March 2');
      await page.getByRole('button', { name: 'Place hold' }).click();
      await expectWords(page, 'Legal hold', 'Notice from the court of March 2');
      await page.getByRole('button', { name: /Ask to lift/ }).click();
      await expectWords(page, /a second person has to agree/);
      await page.getByRole('button', { name: /Agree to lift/ }).click();
      await expectWords(page, /A second person has to agree/);
      await expectSound(page, DESK);
    });
    await visit(world, DESK, async (page) => {
      await openWorkspace(page, world, 'manager');
      await openRecord(page, one.name);
      await page.getByRole('button', { name: /Agree to lift/ }).click();
      await expectWords(page, 'The hold was lifted', /by Dana Reed/);
      assert.ok(!(await page.locator('main').innerText()).includes('Legal hold'));
    });
  } finally {
    await world.stop();
  }
});

test('a text of staff goes at once, and not to somebody who opted out', async () => {
  const cast = new Cast('TXT');
  const one = cast.person(ZELDA);
  const world = await newWorld(cast);
  try {
    await visit(world, DESK, async (page, { watch }) => {
      watch.expect(/^422: POST/);
      await openWorkspace(page, world, 'front desk');
      await openRecord(page, one.name);
      await page.getByRole('link', { name: 'Send text' }).click();
      await expectSound(page, DESK);
      await page.getByLabel('Message').fill('Your papers are ready at the front desk.');
      await page.getByRole('button', { name: 'Send text' }).click();
      await expectWords(page, 'The text was sent');
      const text = await world.message(one.phone, 'the text');
      assert.match(text.body, /Your papers are ready/);
      await world.reply({ from: one.phone, body: 'STOP' });
      await page.getByRole('link', { name: 'Send text' }).click();
      await page.getByLabel('Message').fill('One more thing.');
      await page.getByRole('button', { name: 'Send text' }).click();
      await expectWords(page, /Opted out/);
      await expectSound(page, DESK);
    });
  } finally {
    await world.stop();
  }
});

test('everything about one phone is one file, which says whether it is whole', async () => {
  const cast = new Cast('EVI');
  const one = cast.person(ZELDA);
  const world = await newWorld(cast);
  try {
    await remindEveryone(world, { method: 'Text' });
    await world.message((m) => m.to === one.phone && m.link, 'the reminder');
    await world.reply({ from: one.phone, body: 'STOP' });
    await world.advance('PT1M');
    await visit(world, DESK, async (page) => {
      await openWorkspace(page, world, 'manager');
      await openRecord(page, one.name);
      await expectSound(page, DESK);
      const [file] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('link', { name: /^Download all/ }).first().click(),
      ]);
      const text = readFileSync(await file.path(), 'utf8');
      assert.match(text, /exported,.*chain of consent: whole/);
      assert.match(text, /consent given,text,known by import/);
      assert.match(text, /message,text,"?reminder, delivered.*decided .*: may go, rules .*/);
      assert.match(text, /reply,text,"?“STOP”; understood as stop/);
      assert.match(text, /consent refused,text,known by keyword.*,2,[0-9a-f]{64}/);
      assert.match(text, /opt-out,text,"?stop/);
      assert.doesNotMatch(text, /\/p\/[A-Za-z0-9_-]{22}/, 'a link pays');
    });
    await visit(world, DESK, async (page) => {
      await openWorkspace(page, world, 'biller');
      await openRecord(page, one.name);
      assert.equal(await page.getByRole('link', { name: /^Download all/ }).count(), 0);
    });
  } finally {
    await world.stop();
  }
});

test('an access code is given after an identity was checked', async () => {
  const cast = new Cast('ACC');
  const one = cast.person(ZELDA);
  const world = await newWorld(cast);
  try {
    await visit(world, DESK, async (page, { watch }) => {
      watch.expect(/^422: POST/);
      await openWorkspace(page, world, 'front desk');
      await openRecord(page, one.name);
      await page.getByRole('link', { name: 'Give access code' }).click();
      await page.getByRole('button', { name: 'Make the code' }).click();
      await expectWords(page, 'Check who this is first');
      await expectSound(page, DESK);
      await page.getByLabel(/I have checked/).check();
      await page.getByRole('button', { name: 'Make the code' }).click();
      await expectWords(page, /[2-9A-Z]{4}-[2-9A-Z]{4}/, 'office-code');
      await expectSound(page, DESK);
    });
  } finally {
    await world.stop();
  }
});

test('pressing Yes twice sends once', async () => {
  const cast = new Cast('TWI');
  const one = cast.person(ZELDA);
  const world = await newWorld(cast);
  try {
    await visit(world, DESK, async (page) => {
      await openWorkspace(page, world, 'biller');
      await showPatients(page);
      await page.getByRole('button', { name: 'Send Patient Statements' }).click();
      const question = page.url();
      await page.getByRole('button', { name: /^Yes/ }).click();
      await page.getByRole('heading', { name: 'Patient Statements Sent' }).waitFor();
      const sent = page.url();
      await page.goto(question);
      assert.equal(page.url(), sent);
      await page.goto('/staff/jobs');
      assert.equal(await page.locator('tbody tr').count(), 1);
      await world.advance('PT1H');
      assert.equal((await world.mailbox(one.phone)).length, 1);
    });
  } finally {
    await world.stop();
  }
});

test('ticks survive another page and a return', async () => {
  const cast = new Cast('TCK');
  for (let n = 0; n < 60; n += 1) cast.person({ visits: [bill('2026-01-20', `${20 + n}.00`)] });
  const smallest = cast.people[0];
  const largest = cast.people.at(-1);
  const world = await newWorld(cast);
  try {
    for (const way of [DESK, { ...DESKTOP, javaScript: false }]) {
      await visit(world, way, async (page) => {
        await openWorkspace(page, world, 'biller');
        await showPatients(page);
        const box = (one) => page.getByRole('checkbox', { name: new RegExp(`Include ${one.name}, \\$${one.visits[0].due}`) });
        await box(largest).uncheck();
        await page.getByRole('button', { name: 'Next' }).click();
        await box(smallest).uncheck();
        await page.getByRole('button', { name: 'Previous' }).click();
        assert.ok(!(await box(largest).isChecked()), 'still cleared on the first page');
        await page.getByRole('link', { name: 'Dashboard' }).click();
        await showPatients(page);
        assert.ok(!(await box(largest).isChecked()), 'still cleared after a walk');
        await expectWords(page, /Selected\s+(\d+) of/);
        await page.getByRole('button', { name: /Select all/ }).click();
        assert.ok(await box(largest).isChecked());
      });
    }
  } finally {
    await world.stop();
  }
});

test('between midnight and three nothing is started, and the page says why', async () => {
  const cast = new Cast('NGT');
  cast.person();
  const world = await newWorld(cast, { clock: WEDNESDAY_10AM.replace('T10', 'T01') });
  try {
    await visit(world, DESK, async (page) => {
      await openWorkspace(page, world, 'biller');
      await showPatients(page);
      await expectWords(page, 'Texts cannot be started now', /Come back at/);
      assert.ok(await page.getByRole('button', { name: 'Send Patient Statements' }).isDisabled());
      await expectSound(page, DESK);
      await picture(page, DESK, 'below-the-floor');
      await page.getByRole('link', { name: 'Send by email instead' }).click();
      assert.ok(await page.getByRole('button', { name: 'Send Patient Statements' }).isEnabled());
      await page.goto('/staff/statements/confirm?method=text&status=ready&holds=nobody+is+called+so');
      await expectWords(page, 'No account matches these criteria');
      await expectSound(page, DESK);
    });
  } finally {
    await world.stop();
  }
});

test('a custom name of this run is refused over fifty and warned over thirty', async () => {
  const world = await startWorld({ accounts: 1 });
  try {
    await visit(world, DESK, async (page) => {
      await openWorkspace(page, world, 'biller', '/staff/statements/criteria');
      await page.getByLabel('Custom practice name').fill('x'.repeat(51));
      await page.getByRole('button', { name: 'Preview' }).click();
      await expectWords(page, /51 characters/, /At most 50/);
      await expectSound(page, DESK);
      await page.getByLabel('Custom practice name').fill('A practice name of thirty-five signs');
      await page.getByRole('button', { name: 'Preview' }).click();
      await expectWords(page, 'A long practice name', 'Sample message', 'A practice name of thirty-five signs');
      await expectSound(page, DESK);
      await picture(page, DESK, 'preview');
    });
  } finally {
    await world.stop();
  }
});

test('what is not this practice’s is not there', async () => {
  const world = await startWorld({ accounts: 1 });
  try {
    await visit(world, DESK, async (page) => {
      await openWorkspace(page, world, 'manager');
      const zeros = NOBODY.slice(4);
      const paths = [
        `/staff/patients/${NOBODY}`,
        `/staff/patients/${NOBODY}/why`,
        `/staff/patients/${NOBODY}/timeline`,
        `/staff/patients/${NOBODY}/hold`,
        `/staff/patients/${NOBODY}/text`,
        `/staff/patients/${NOBODY}/access-code`,
        '/staff/patients/nonsense',
        `/staff/jobs/job_${zeros}`,
        `/staff/messages/msg_${zeros}`,
        `/staff/statements/send/dft_${zeros}`,
        `/staff/statements/sent/job_${zeros}`,
      ];
      for (const path of paths) assert.equal((await page.goto(path)).status(), 404, path);
    });
  } finally {
    await world.stop();
  }
});

test('with texting off nothing about texts is left', async () => {
  const cast = new Cast('OFF');
  const one = cast.person(ZELDA);
  const world = await newWorld(cast);
  try {
    await visit(world, DESK, async (page) => {
      await openWorkspace(page, world, 'manager', '/staff/settings');
      await page.getByRole('link', { name: 'SMS Settings' }).click();
      await page.getByLabel('Enable SMS Service').uncheck();
      await page.getByRole('button', { name: 'Save' }).click();
      assert.equal(await page.getByRole('link', { name: 'Replies' }).count(), 0);
      assert.equal((await page.goto('/staff/replies')).status(), 404);
      await page.goto('/staff/statements/criteria');
      assert.equal(await page.getByLabel('Text', { exact: true }).count(), 0);
      assert.ok(await page.getByLabel('Email', { exact: true }).isChecked());
      await openRecord(page, one.name);
      const words = await page.locator('main').innerText();
      // The preferred method stays: it is the person's wish, not a feature.
      assert.ok(!/texts|Text\/SMS|Send text/.test(words), words);
      assert.equal((await page.goto(`${page.url()}/text`)).status(), 404);
    });
  } finally {
    await world.stop();
  }
});
