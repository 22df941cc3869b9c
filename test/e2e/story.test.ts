import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openShop, resources, seen, type Shop } from './shop.ts';

describe('the shop, by webhook', () => {
  let shop: Shop;
  beforeAll(async () => {
    shop = await openShop();
  });
  afterAll(async () => {
    await shop[Symbol.asyncDispose]();
  });

  it('takes the first commit to staging, proves it there, and takes it to production', async () => {
    const evidence = await seen(shop, 'first commit');
    expect(evidence.join('\n')).toMatch(/good signature/);
  });

  it('does the same with a new image', () => seen(shop, 'new image'));

  it('finds a broken image out in staging, says why, and leaves production alone', () => seen(shop, 'broken image'));

  it('lets a fix supersede it at once and reach production', () => seen(shop, 'fix'));

  it('undoes what somebody changes or deletes in production by hand', () => seen(shop, 'drift'));

  it('says of the broken Release that it failed in staging and never entered production', async () => {
    const releases = (await resources(shop, 'releases')).toSorted((a, b) => a.spec.sequence - b.spec.sequence);
    expect(releases.map(({ status }) => status?.summary)).toEqual([
      'staging verified, production verified',
      'staging verified, production verified',
      'staging failed, production skipped',
      'staging verified, production verified',
    ]);
  });

  it('holds no manifest, no credential and no secret in Redis', async () => {
    const { redis, gitea, repository } = shop.world;
    const keys = (await redis.cli('KEYS', '*')).split('\n').filter((key) => key !== '');
    const dumps = await Promise.all(keys.map(async (key) => `${key} ${await redis.cli('DUMP', key)}`));
    const all = dumps.join('\n');
    for (const secret of [gitea.token, repository.webhookSecret, 'registry.example', 'apiVersion']) expect(all).not.toContain(secret);
  });
});

describe('the shop, when no webhook ever arrives', () => {
  let shop: Shop;
  beforeAll(async () => {
    shop = await openShop({ webhook: false, pollSeconds: 5 });
  });
  afterAll(async () => {
    await shop[Symbol.asyncDispose]();
  });

  it('takes the first commit to production all the same', () => seen(shop, 'first commit'));
  it('and the next', () => seen(shop, 'new image'));
});
