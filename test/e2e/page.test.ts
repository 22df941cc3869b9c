import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startChromium } from '../../tools/chromium.ts';
import type { Stage } from '../../tools/demo-evidence.ts';
import { openShop, type Shop, seen } from './shop.ts';

/** Not in Git: for people to look at. */
const screenshots = join(import.meta.dirname, 'screenshots');
const soonMs = 60_000;

describe('the page, in a real Chromium', () => {
  let shop: Shop;
  let browser: Browser;
  let page: Page;
  /** What the browser complains of: scripts that fail, and what the security policy keeps from being loaded. */
  const complaints: string[] = [];

  beforeAll(async () => {
    browser = await startChromium({ say: (line) => process.stderr.write(`${line}\n`) });
    await mkdir(screenshots, { recursive: true });
    shop = await openShop();
    page = await open('/');
  });
  afterAll(async () => {
    await browser?.close();
    await shop?.[Symbol.asyncDispose]();
  });

  async function open(path: string, options: BrowserContextOptions = {}): Promise<Page> {
    const opened = await (await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options })).newPage();
    opened.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(`${message.text()} ${message.location().url}`);
    });
    opened.on('pageerror', (error) => complaints.push(error.message));
    await opened.goto(`${shop.world.sluice.url}${path}`);
    await opened.getByRole('status').getByText('live').waitFor();
    return opened;
  }

  const stage = (name: Stage): Locator => page.getByRole('article', { name: `Stage ${name}` });
  const stageWith = (name: Stage, verdict: string, text: string | RegExp = ''): Promise<void> =>
    page.locator(`article[aria-label="Stage ${name}"][data-verdict="${verdict}"]`).filter({ hasText: text }).waitFor({ timeout: soonMs });
  const picture = (of: Page, name: string) => of.screenshot({ path: join(screenshots, `${name}.png`), fullPage: true });

  it('says that nothing has entered a stage yet', async () => {
    for (const name of ['staging', 'production'] as const) await stage(name).getByText('No Release has entered yet').waitFor();
    await picture(page, 'empty');
  });

  it('follows a push to production without being loaded again', async () => {
    await page.evaluate("document.documentElement.dataset.loaded = 'once'");
    const moves = [
      stageWith('staging', 'pending').then(() => 'staging pending'),
      stageWith('staging', 'verified').then(() => 'staging verified'),
      stageWith('production', 'pending').then(() => 'production pending'),
      stageWith('production', 'verified').then(() => 'production verified'),
    ];
    const order: string[] = [];
    for (const move of moves) void move.then((name) => order.push(name));
    await seen(shop, 'first commit');
    await Promise.all(moves);
    // What one answer brings is seen at once: staging being verified and production being pending stand in the same.
    const of = (stageName: Stage) => order.filter((move) => move.startsWith(stageName));
    expect(of('staging')).toEqual(['staging pending', 'staging verified']);
    expect(of('production')).toEqual(['production pending', 'production verified']);
    expect(order.at(0)).toBe('staging pending');
    expect(order.at(-1)).toBe('production verified');
    expect(await stage('production').textContent()).toContain('4/4 healthy');
    expect(await page.locator('html').getAttribute('data-loaded')).toBe('once');
  });

  it('shows a broken image with its reason, and production as it was', async () => {
    await seen(shop, 'new image');
    await stageWith('production', 'verified');
    const before = await stage('production').locator('.sha').textContent();
    await Promise.all([seen(shop, 'broken image'), stageWith('staging', 'failed', /ImagePull|ErrImage/)]);
    expect(await stage('production').locator('.sha').textContent()).toBe(before);
    await picture(page, 'pipelines-broken');
    await page.getByRole('link', { name: 'shop', exact: true }).click();
    await page.getByRole('heading', { name: 'Releases' }).waitFor();
    await page.locator('[data-state="skipped"], [data-state="failed"]').first().waitFor();
    await picture(page, 'pipeline-broken');
    // The one of the README.
    await page.screenshot({ path: join(screenshots, 'pipeline.png'), clip: { x: 0, y: 0, width: 1280, height: 720 } });
  });

  it('names in the table of Applications which one is ill, and why', async () => {
    await page.getByRole('link', { name: 'Applications' }).click();
    const row = page.getByRole('row').filter({ hasText: 'catalog-staging' });
    await row
      .filter({ hasText: 'Degraded' })
      .filter({ hasText: /ImagePull|ErrImage/ })
      .waitFor();
    await picture(page, 'applications');
    await page.getByRole('textbox').fill('production catalog');
    await expect.poll(() => page.getByRole('row').count()).toBe(2);
    await page.getByRole('textbox').fill('');
    await row.getByRole('link', { name: 'catalog-staging' }).click();
    await page.getByRole('row').filter({ hasText: 'Deployment' }).filter({ hasText: 'Degraded' }).waitFor();
    await picture(page, 'application-broken');
  });

  it('shows what differs on the cluster, and that it is even again', async () => {
    await seen(shop, 'fix');
    const orders = ['application.sluice.dev/orders-production', '-n', 'shop', '--type=merge'];
    await shop.world.hub.kubectl(['patch', ...orders, '-p', '{"spec":{"sync":{"selfHeal":false}}}']);
    const view = await open('/applications/shop/orders-production');
    await view.getByText('None: the cluster has what').waitFor();
    await shop.world.production.kubectl(['scale', 'deployment', 'orders', '-n', 'shop', '--replicas=7']);
    await view.locator('.patch .removed').filter({ hasText: 'replicas: 7' }).waitFor({ timeout: soonMs });
    await view.getByText('somebody changed it').first().waitFor();
    await picture(view, 'application-drift');
    await shop.world.hub.kubectl(['patch', ...orders, '-p', '{"spec":{"sync":{"selfHeal":true}}}']);
    await view.getByText('None: the cluster has what').waitFor({ timeout: soonMs });
  });

  it('shows what a commit says as text, whatever it says', async () => {
    const subject = '<img src=x onerror=alert(1)> <b>bold</b> javascript:alert(2)';
    const { clone } = shop.scene;
    const file = 'services/orders/base/kustomization.yaml';
    await clone.write(file, `${await readFile(join(clone.path, file), 'utf8')}# another Release\n`);
    await clone.commit(subject);
    await clone.push();
    const view = await open('/');
    await view.getByRole('article', { name: 'Stage staging' }).getByText(subject, { exact: true }).waitFor({ timeout: soonMs });
    expect(await view.locator('main img, main b').count()).toBe(0);
  });

  it('says what is not there', async () => {
    const view = await open('/applications/shop/nothing');
    await view.getByText('there is no Application shop/nothing').waitFor();
    await view.context().close();
  });

  it('is used by keyboard alone', async () => {
    const view = await open('/applications');
    await view.getByRole('link', { name: 'auth-production' }).waitFor();
    await view.keyboard.press('Tab');
    expect(await view.locator(':focus').textContent()).toBe('Skip to content');
    await view.keyboard.press('Enter');
    await view.keyboard.press('Tab');
    await view.keyboard.press('Tab');
    expect(await view.locator(':focus').textContent()).toBe('auth-production');
    await view.keyboard.press('Enter');
    await view.getByRole('heading', { name: 'auth-production' }).waitFor();
  });

  it.each([
    { name: 'dark', options: { colorScheme: 'dark' } },
    { name: 'narrow', options: { viewport: { width: 390, height: 844 } } },
    { name: 'dark-narrow', options: { viewport: { width: 390, height: 844 }, colorScheme: 'dark' } },
  ] as const)('is readable $name: nothing sticks out of the window', async ({ name, options }) => {
    for (const path of ['/', '/pipelines/shop/shop', '/applications', '/applications/shop/catalog-staging', '/places']) {
      const view = await open(path, options);
      await view.locator('.stage, td, .facts').first().waitFor();
      await picture(view, `${name}${path.replaceAll('/', '-').replace(/-$/, '')}`);
      const [wide, seenWidth] = (await view.evaluate('[document.documentElement.scrollWidth, document.documentElement.clientWidth]')) as [number, number];
      expect(wide).toBeLessThanOrEqual(seenWidth);
      await view.context().close();
    }
  });

  it('had nothing to complain of, the security policy included', () => {
    const answeredAsMeant = (text: string) => text.includes('404') && text.includes('/applications/shop/nothing');
    expect(complaints.filter((text) => !answeredAsMeant(text))).toEqual([]);
  });

  it('says when Sluice is away, and goes on by itself when it is back', async () => {
    await page.goto(shop.world.sluice.url);
    await page.getByRole('status').getByText('live').waitFor();
    await shop.world.stopSluice();
    await page.getByRole('status').getByText('not connected').waitFor();
    await stage('production').waitFor();
    await picture(page, 'away');
    await shop.world.startSluice();
    await page.getByRole('status').getByText('live').waitFor({ timeout: soonMs });
  });
});
