import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startChild } from '../../tools/process.ts';
import { expectEndsRight, generations, openShop, pushMark, type Shop, seen, stageOf, syncBegins, until } from './shop.ts';

const stopWithinMs = 10_000;

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
  await seen(shop, 'first commit');
});
afterAll(() => shop?.[Symbol.asyncDispose]());

async function stop(): Promise<void> {
  const began = performance.now();
  const ended = await shop.world.sluice.stop();
  expect(ended).toEqual({ code: 0, signal: null });
  expect(performance.now() - began).toBeLessThan(stopWithinMs);
}

describe('Sluice, stopped with SIGTERM', () => {
  it('ends within 10 s with exit code 0 in the middle of a sync, and brings it to its end when it is started again', { timeout: 240_000 }, async () => {
    const begins = syncBegins(shop, 'staging');
    const commit = await pushMark(shop);
    await begins;
    await stop();
    await shop.world.startSluice();
    await expectEndsRight(shop, commit);
  });

  it('goes on where it was: what staging has proven by then is neither applied nor admitted again', { timeout: 240_000 }, async () => {
    const commit = await pushMark(shop);
    const ordinal = await until('staging soaks', async () => {
      const staging = await stageOf(shop, 'staging');
      return staging?.admitted?.revision === commit && staging.admitted.soak !== undefined && staging.admitted.reason.startsWith('soaking')
        ? staging.admitted.ordinal
        : undefined;
    });
    const before = generations(shop.scene.watches.staging.now());
    await stop();
    await shop.world.startSluice();
    await expectEndsRight(shop, commit);
    expect(generations(shop.scene.watches.staging.now())).toEqual(before);
    expect((await stageOf(shop, 'staging'))?.admitted?.ordinal).toBe(ordinal);
  });

  it('takes at its next start what was pushed while it was away', { timeout: 240_000 }, async () => {
    await stop();
    const commit = await pushMark(shop);
    await shop.world.startSluice();
    await expectEndsRight(shop, commit);
  });
});

describe('a configuration with mistakes', () => {
  it('is told with all of its problems at once, without its secrets, and with an exit code that is not zero', async () => {
    const env = {
      SLUICE_HUB_KUBECONFIG: undefined,
      KUBERNETES_SERVICE_HOST: undefined,
      SLUICE_REDIS_URL: 'redis://redis.example:6379/first',
      SLUICE_LISTEN_PORT: 'http',
      SLUICE_ROLES: 'worker,queen',
      SLUICE_LOG_LEVEL: 'loud',
      SLUICE_PUBLIC_URL: 'javascript:alert(1)',
      SLUICE_CONCURENCY: 'secret-looking-value',
    };
    const logFile = join(shop.world.dir, 'configuration.log');
    const child = await startChild({ name: 'Sluice', command: process.execPath, args: [join(import.meta.dirname, '../../src/main.ts')], logFile, env });
    expect((await child.ended).code).toBe(2);
    const said = await readFile(logFile, 'utf8');
    for (const name of Object.keys(env).filter((key) => key.startsWith('SLUICE_'))) expect(said).toContain(name);
    expect(said).not.toContain('secret-looking-value');
    expect(said).not.toMatch(/\n\s+at /);
  });
});
