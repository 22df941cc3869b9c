import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openShop, resources, type Shop, seen } from './shop.ts';

describe('the shop, by webhook', () => {
  let shop: Shop;
  beforeAll(async () => {
    shop = await openShop();
  });
  afterAll(() => shop?.[Symbol.asyncDispose]());

  it('takes the first commit to staging, proves it there, and takes it to production by a signed commit', async () => {
    expect((await seen(shop, 'first commit')).join('\n')).toContain('good signature');
  });

  it('takes a new image the same way', () => seen(shop, 'new image'));

  it('finds a broken image out in staging, says why, and leaves production alone', () => seen(shop, 'broken image'));

  it('lets a fix supersede it while it is still unhealthy', () => seen(shop, 'fix'));

  it('undoes what somebody changes or deletes in production by hand', () => seen(shop, 'drift'));

  it('says of the broken Release that it failed in staging and never entered production', async () => {
    const releases = (await resources(shop, 'releases')).toSorted((a, b) => a.spec.sequence - b.spec.sequence);
    const verified = 'staging verified, production verified';
    expect(releases.map(({ status }) => status?.summary)).toEqual([verified, verified, 'staging failed, production skipped', verified]);
  });

  it('holds no manifest and no credential in Redis', async () => {
    const { redis, gitea, repository } = shop.world;
    const keys: string[] = JSON.parse(await redis.cli('EVAL', "return cjson.encode(redis.call('KEYS', '*'))", '0'));
    const contents = await redis.cli(
      'EVAL',
      `local all = {}
       for _, key in ipairs(redis.call('KEYS', '*')) do
         local kind = redis.call('TYPE', key).ok
         if kind == 'string' then table.insert(all, redis.call('GET', key))
         elseif kind == 'hash' then table.insert(all, cjson.encode(redis.call('HGETALL', key)))
         elseif kind == 'list' then table.insert(all, cjson.encode(redis.call('LRANGE', key, 0, -1)))
         elseif kind == 'zset' then table.insert(all, cjson.encode(redis.call('ZRANGE', key, 0, -1)))
         elseif kind == 'set' then table.insert(all, cjson.encode(redis.call('SMEMBERS', key)))
         elseif kind == 'stream' then table.insert(all, cjson.encode(redis.call('XRANGE', key, '-', '+'))) end
       end
       return table.concat(all, '\\n')`,
      '0',
    );
    expect(keys.length).toBeGreaterThan(0);
    expect(contents).toContain('shop');
    for (const secret of [gitea.token, repository.webhookSecret, 'registry.example', 'apiVersion', 'containers']) {
      expect([...keys, contents].join('\n')).not.toContain(secret);
    }
  });
});

describe('the shop, when no webhook ever arrives', () => {
  let shop: Shop;
  beforeAll(async () => {
    shop = await openShop({ webhook: false, pollSeconds: 5 });
  });
  afterAll(() => shop?.[Symbol.asyncDispose]());

  it('takes the first commit to production all the same', () => seen(shop, 'first commit'));

  it('takes the next one too', () => seen(shop, 'new image'));
});
