// Rules of redaction against the real binary: what holds without any, a rule made, changed and deleted from the keyboard,
// that it does what it says, hashing with and without a secret, and who may not see rules.
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import { accessibility, launch, open, PHONE, signIn } from './fixture/browser';
import { startKeyed, startTarget, type Target } from './fixture/outcrop';

type Keyed = Target & { key: string };
let browser: Browser;
let plain: Keyed;
let hashing: Keyed;
beforeAll(async () => {
  browser = await launch();
  plain = await startKeyed(['query', 'ingest', 'admin']);
  hashing = await startKeyed(['query', 'ingest', 'admin'], { OUTCROP_REDACTION_SECRET: 'sixteen bytes or more' });
});
afterAll(async () => {
  await browser?.close();
  await Promise.all([plain?.stop(), hashing?.stop()]);
});

// The browser itself writes a line for every refusal; asking whether there is a secret is answered by one.
const own = (problems: string[]) => problems.filter((problem) => !/status of (401|422)/.test(problem));
const part = (page: Page) => page.getByTestId('redaction');
const rules = (page: Page) => part(page).getByRole('list', { name: 'Rules' }).getByRole('listitem');

async function settings(target: Keyed, options = {}) {
  const watched = await open(browser, `${target.url}/?page=settings`, options);
  await signIn(watched.page, target.key);
  await part(watched.page).getByRole('button', { name: 'New rule' }).waitFor();
  return watched;
}

/** What is left of an event. */
async function kept(target: Keyed, dataset: string, event: object): Promise<Record<string, unknown>> {
  const headers = { 'content-type': 'application/json', 'x-outcrop-key': target.key };
  const sent = await fetch(`${target.url}/api/v1/events/${dataset}`, { method: 'POST', headers, body: JSON.stringify(event) });
  expect(sent.status).toBe(200);
  const answer = (await fetch(`${target.url}/api/v1/rows/${dataset}`, { method: 'POST', headers, body: '{"limit":1}' }).then((r) => r.json())) as { columns: { name: string }[]; rows: unknown[][] };
  return Object.fromEntries(answer.columns.map((c, i) => [c.name, answer.rows[0]![i]]));
}

it('makes a rule from the keyboard that holds from the next request on, changes and deletes it', async () => {
  const { page, problems } = await settings(plain);
  for (const what of ['private keys', 'access tokens', 'payment cards']) await part(page).getByText(`Mask ${what}`).waitFor();
  expect(await accessibility(page)).toEqual([]);
  await part(page).getByRole('button', { name: 'New rule' }).focus();
  await page.keyboard.press('Enter');
  const form = part(page).getByRole('form', { name: 'New rule' });
  await form.waitFor();
  expect(await form.getByRole('button', { name: 'Make the rule' }).isDisabled()).toBe(true);
  await form.getByText('this would be every value there is').waitFor();
  await page.keyboard.type('note, *comment*');
  await page.keyboard.press('Tab');
  await form.getByLabel('Take out').selectOption('email');
  await form.getByText('It is replaced by [email].').waitFor();
  expect(await accessibility(page)).toEqual([]);
  await form.getByLabel('Why').fill('Support pastes addresses');
  await page.keyboard.press('Enter');
  await rules(page).first().waitFor();
  expect(await rules(page).allInnerTexts()).toEqual([expect.stringMatching(/^Mask email addresses in note and \*comment\*\s*Support pastes addresses/)]);
  const event = { note: 'ask jane@example.com', 'a.comment': 'x@example.com', other: 'y@example.com', card: '4111 1111 1111 1111' };
  expect(await kept(plain, 'one', event)).toMatchObject({ note: 'ask [email]', 'a.comment': '[email]', other: 'y@example.com', card: '[card]' });
  await part(page).getByRole('button', { name: /^Change: Mask email/ }).click();
  const change = part(page).getByRole('form', { name: 'Change the rule' });
  await change.getByRole('button', { name: 'Drop' }).click();
  await change.getByLabel('Datasets').fill('two');
  expect(await accessibility(page)).toEqual([]);
  await change.getByRole('button', { name: 'Change the rule' }).click();
  await change.waitFor({ state: 'detached' });
  await rules(page).getByText('Drop').waitFor();
  expect(await kept(plain, 'one', event)).toMatchObject({ note: 'ask jane@example.com' });
  expect(await kept(plain, 'two', event)).not.toHaveProperty('note');
  // A second one before it is an exception.
  await part(page).getByRole('button', { name: 'New rule' }).click();
  await form.getByLabel('Fields').fill('note');
  await form.getByRole('button', { name: 'Keep' }).click();
  await form.getByLabel('Place').fill('-1');
  await page.keyboard.press('Enter');
  await rules(page).nth(1).waitFor();
  expect((await rules(page).allInnerTexts()).map((t) => t.split(' ')[0])).toEqual(['Keep', 'Drop']);
  await part(page).getByText('the first rule that fits wins').waitFor();
  expect(await accessibility(page)).toEqual([]);
  for (const name of [/^Delete: Keep/, /^Delete: Drop/]) {
    await part(page).getByRole('button', { name }).click();
    await page.getByRole('dialog').waitFor();
    expect(await accessibility(page)).toEqual([]);
    await page.getByRole('dialog').getByRole('button', { name: 'Delete the rule' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
  }
  await rules(page).first().waitFor({ state: 'detached' });
  expect(await kept(plain, 'two', event)).toMatchObject({ note: 'ask jane@example.com' });
  expect(own(problems)).toEqual([]);
  await page.context().close();
});

it('says that there is no secret, and hashes where there is one', async () => {
  const without = await settings(plain, { colorScheme: 'dark' });
  await part(without.page).getByRole('button', { name: 'New rule' }).click();
  await part(without.page).getByLabel('Fields').fill('user.email');
  await part(without.page).getByRole('button', { name: 'Hash' }).click();
  await part(without.page).getByText('It needs the setting redaction_secret.').waitFor();
  await part(without.page).getByRole('button', { name: 'Make the rule' }).click();
  await part(without.page).getByText('no secret to hash with. Start it with').waitFor();
  expect(await accessibility(without.page)).toEqual([]);
  // Where there are rules it is known before.
  await part(without.page).getByRole('button', { name: 'Mask', exact: true }).click();
  await part(without.page).getByRole('button', { name: 'Make the rule' }).click();
  await part(without.page).getByRole('button', { name: 'Change: Mask user.email' }).click();
  await part(without.page).getByRole('button', { name: 'Hash' }).click();
  await part(without.page).getByText('There is no secret to hash with.').waitFor();
  expect(await part(without.page).getByRole('button', { name: 'Change the rule' }).isDisabled()).toBe(true);
  expect(await accessibility(without.page)).toEqual([]);
  await without.page.context().close();
  const { page, problems } = await settings(hashing);
  await part(page).getByRole('button', { name: 'New rule' }).click();
  await part(page).getByLabel('Fields').fill('user.email');
  await part(page).getByRole('button', { name: 'Hash' }).click();
  await part(page).getByRole('button', { name: 'Make the rule' }).click();
  await rules(page).getByText('user.email').waitFor();
  expect((await kept(hashing, 'one', { 'user.email': 'jane@example.com' }))['user.email']).toMatch(/^hashed:[0-9a-f]{32}$/);
  expect(own(problems)).toEqual([]);
  await page.context().close();
});

it('does not overwrite what somebody else changed meanwhile', async () => {
  const { page } = await settings(hashing);
  const headers = { 'content-type': 'application/json', 'x-outcrop-key': hashing.key };
  const made = (await fetch(`${hashing.url}/api/v1/redactions`, { method: 'POST', headers, body: '{"fields":["pin"],"action":"mask"}' }).then((r) => r.json())) as { id: string };
  await page.reload();
  await Promise.all([page.waitForResponse((r) => r.url().endsWith(made.id)), part(page).getByRole('button', { name: 'Change: Mask pin' }).click()]);
  const form = part(page).getByRole('form', { name: 'Change the rule' });
  await form.getByLabel('Fields').fill('pins');
  const seen = await fetch(`${hashing.url}/api/v1/redactions/${made.id}`, { headers });
  await fetch(`${hashing.url}/api/v1/redactions/${made.id}`, { method: 'PUT', headers: { ...headers, 'if-match': seen.headers.get('etag')! }, body: '{"fields":["pin"],"action":"drop"}' });
  await form.getByRole('button', { name: 'Change the rule' }).click();
  await form.getByRole('alert').getByText('Somebody changed this rule meanwhile').waitFor();
  // Nor is a list taken for what is true that was read before.
  await form.getByRole('button', { name: 'Cancel' }).click();
  await part(page).getByRole('button', { name: 'Change: Mask pin' }).click();
  await form.getByRole('alert').getByText('Somebody changed this rule meanwhile').waitFor();
  expect(await accessibility(page)).toEqual([]);
  await page.context().close();
});

it.each(['light', 'dark'] as const)('shows what holds for everybody without a key, and fits a phone (%s)', async (colorScheme) => {
  const bare = await startTarget();
  try {
    const { page, problems } = await open(browser, `${bare.url}/?page=settings`, { viewport: PHONE, hasTouch: true, isMobile: true, colorScheme });
    await part(page).getByText('Rules of your own need a key').waitFor();
    await part(page).getByText('Mask payment cards').waitFor();
    expect(await accessibility(page)).toEqual([]);
    expect(problems).toEqual([]);
    await page.context().close();
    const phone = await settings(plain, { viewport: PHONE, hasTouch: true, isMobile: true, colorScheme });
    await part(phone.page).getByRole('button', { name: 'New rule' }).tap();
    await part(phone.page).getByLabel('Fields').fill('a.very.long.name.of.a.field.that.nobody.would.type, *password*');
    expect(await accessibility(phone.page)).toEqual([]);
    expect(await phone.page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(PHONE.width);
    await phone.page.context().close();
  } finally {
    await bare.stop();
  }
});
