import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../tools/process.ts';
import { openShop, type Shop, seen } from './shop.ts';
import { runSluice, type SluiceRun } from './sluice-runs.ts';

describe('the shop, served by three processes of which two are workers', () => {
  const processes: SluiceRun[] = [];
  let shop: Shop;

  beforeAll(async () => {
    // The process that the webhook calls does nothing but take webhooks.
    shop = await openShop({ environment: { SLUICE_ROLES: 'api' } });
    for (const [name, roles] of [
      ['controller-and-worker', 'controller,worker'],
      ['worker', 'worker'],
    ] as const) {
      processes.push(await runSluice(shop.world, { name, port: await freePort(), environment: { SLUICE_ROLES: roles } }));
    }
  });
  afterAll(async () => {
    for (const process of processes) await process[Symbol.asyncDispose]();
    await shop?.[Symbol.asyncDispose]();
  });

  it('takes the first commit to production', () => seen(shop, 'first commit'));
  it('and a new image', () => seen(shop, 'new image'));
  it('finds a broken image out and leaves production alone', () => seen(shop, 'broken image'));
  it('lets the fix supersede it', () => seen(shop, 'fix'));
  it('undoes what somebody changes by hand', () => seen(shop, 'drift'));

  it('has let both workers work', async () => {
    for (const process of processes) {
      const steps = (await process.logged()).filter(({ msg }) => msg === 'sync step done');
      expect(steps.length).toBeGreaterThan(0);
    }
  });
});
