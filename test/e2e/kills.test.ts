import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Pipeline, StageStatus } from '../../src/resources/pipeline.ts';
import type { Stage } from '../../tools/demo-evidence.ts';
import { type Seen, watchFor } from './cluster-watch.ts';
import { sayRandom } from './random.ts';
import { commitMark, expectEndsRight, openShop, resources, type Shop, seen, stageOf, syncBegins, until } from './shop.ts';
import { runSluice, type SluiceRun } from './sluice-runs.ts';

const resumedWithinMs = 15_000;

/** A place on a push's way: something is seen, asked for before the push, and up to so much later the kill comes. */
type Place = { readonly name: string; readonly withinMs: number; reached(shop: Shop, commit: string): Promise<Seen<unknown>> };

const atOnce: Place['reached'] = async () => ({ first: Promise.resolve(), async [Symbol.asyncDispose]() {} });
const applying =
  (stage: Stage): Place['reached'] =>
  async (shop) => {
    const first = syncBegins(shop, stage);
    first.catch(() => {}); // is awaited when its turn comes
    return { first, async [Symbol.asyncDispose]() {} };
  };
const pipelineSays =
  (stage: Stage, says: (admitted: NonNullable<StageStatus['admitted']>) => boolean): Place['reached'] =>
  ({ world }, commit) =>
    watchFor<Pipeline>(world.hub, world.parts.kubectl, ['pipelines.sluice.dev', '-n', 'shop'], ({ status }) => {
      const admitted = status?.stages.find(({ name }) => name === stage)?.admitted;
      return admitted?.revision === commit && says(admitted);
    });

const refresh: Place = { name: 'the refresh', withinMs: 500, reached: atOnce };
const staging: Place = { name: 'the sync of staging', withinMs: 300, reached: applying('staging') };
const soak: Place = { name: 'the soak', withinMs: 2500, reached: pipelineSays('staging', ({ reason }) => reason.startsWith('soaking')) };
const promotion: Place = { name: 'the promotion', withinMs: 200, reached: pipelineSays('production', () => true) };
const production: Place = { name: 'the sync of production', withinMs: 300, reached: applying('production') };
const end: Place = { name: 'the end', withinMs: 500, reached: pipelineSays('production', ({ verdict }) => verdict === 'verified') };
/** Whoever has just been started after a kill is killed as well, while it takes over. */
const takeover: Place = { name: 'the takeover', withinMs: 4000, reached: atOnce };

/** Each push's places in the order of the way, twenty in all. */
const pushes: readonly (readonly Place[])[] = [
  [refresh, soak, production, takeover],
  [staging, takeover, promotion, end],
  [refresh, takeover, soak, production],
  [staging, promotion, takeover, end],
  [refresh, soak, production, takeover],
];

describe('Sluice, killed twenty times at random places of a push', () => {
  const random = sayRandom();
  const kills: { readonly told: string; readonly standing: string }[] = [];
  let shop: Shop;
  let sluice: SluiceRun;

  /** Each process has the port that the webhook calls. */
  const start = async (): Promise<void> => {
    sluice = await runSluice(shop.world, { name: 'sluice-under-test', port: shop.world.sluice.port, environment: { SLUICE_LOG_LEVEL: 'debug' } });
  };

  beforeAll(async () => {
    shop = await openShop();
    await seen(shop, 'first commit');
    await shop.world.stopSluice();
    await start();
  });
  afterAll(async () => {
    process.stderr.write(`${kills.map(({ told }) => told).join('\n')}\n`);
    await sluice?.[Symbol.asyncDispose]();
    await shop?.[Symbol.asyncDispose]();
  });

  it.each(pushes.map((places, index) => [index + 1, places.map(({ name }) => name).join(', '), places] as const))(
    'push %i ends right with kills in %s, and each time the work is resumed within 15 s',
    { timeout: 300_000 },
    async (number, _names, places) => {
      const commit = await commitMark(shop, `with kills ${number}`);
      await using stack = new AsyncDisposableStack();
      const moments = await Promise.all(places.map(async (place) => ({ ...place, moment: stack.use(await place.reached(shop, commit)) })));
      await shop.scene.clone.push();
      for (const [index, { name, withinMs, moment }] of moments.entries()) {
        await moment.first;
        const delayMs = Math.round(random() * withinMs);
        await pause(delayMs);
        sluice.signal('SIGKILL');
        const killedAt = performance.now();
        await sluice.ended;
        const found = await standing(commit);
        await start();
        const readyMs = Math.round(performance.now() - killedAt);
        const resumed = places[index + 1] === takeover ? undefined : await untilResumed();
        const told = `killed ${delayMs} ms into ${name}: ${found}; ready after ${readyMs} ms, ${resumed === undefined ? 'killed again' : `resumed ${resumed.ms} ms later, ${resumed.last} last`}`;
        kills.push({ told, standing: found });
        if (resumed !== undefined) expect(resumed.ms, told).toBeLessThan(resumedWithinMs);
      }
      await expectEndsRight(shop, commit);
    },
  );

  it('was met in the middle of several parts of the way', () => {
    expect(kills).toHaveLength(20);
    const parts = ['not refreshed', 'staging is applied', 'staging soaks', 'promoted', 'production is applied'];
    expect(parts.filter((part) => kills.some((kill) => kill.standing.startsWith(part))).length).toBeGreaterThanOrEqual(3);
  });

  it('had no error of its own making in the last of its lives', async () => {
    expect((await sluice.logged()).filter(({ code }) => code === 'BUG')).toEqual([]);
  });

  /** How far the push had come, as the hub tells it. */
  async function standing(commit: string): Promise<string> {
    const applied = async (stage: Stage): Promise<string> => {
      const all = (await resources(shop, 'applications')).filter(({ metadata }) => metadata.labels?.stage === stage);
      const done = all.filter(({ status }) => status?.revision === commit && status.sync?.state === 'Synced');
      return `${stage} is applied, ${done.length} of ${all.length} done`;
    };
    const inProduction = (await stageOf(shop, 'production'))?.admitted;
    if (inProduction?.revision === commit) {
      if (inProduction.verdict !== 'pending') return `production is ${inProduction.verdict}`;
      return inProduction.record?.pushed === true ? applied('production') : 'promoted, not recorded yet';
    }
    const inStaging = (await stageOf(shop, 'staging'))?.admitted;
    if (inStaging?.revision !== commit) return 'not refreshed';
    if (inStaging.verdict !== 'pending') return `staging is ${inStaging.verdict}`;
    return inStaging.reason.startsWith('soaking') ? 'staging soaks' : applied('staging');
  }

  /** When the running process had looked at every object, and at none behind a claim of the one before; from when it was serving. */
  async function untilResumed(): Promise<{ readonly ms: number; readonly last: string }> {
    const applications = (await resources(shop, 'applications')).map(({ metadata }) => `sync of shop/${metadata.name}`);
    const objects = ['refresh of shop/shop', 'promote of shop/shop', ...applications];
    return until(
      'a look at every object by the process that was started last',
      async () => {
        const log = await sluice.logged();
        const servingAt = Number(log.find(({ msg }) => msg === 'serving')?.time);
        const looks = log.flatMap(({ time, msg, verb, application, repository, pipeline, result }) => {
          const ms = Math.max(0, Number(time) - servingAt);
          if (result !== undefined) return result === 'waiting' ? [] : [{ ms, last: `sync of ${application}` }];
          return msg === 'looked' && verb !== 'sync' ? [{ ms, last: `${verb} of ${repository ?? pipeline}` }] : [];
        });
        const first = objects.map((object) => looks.find(({ last }) => last === object));
        return first.every((look) => look !== undefined) ? first.toSorted((a, b) => b.ms - a.ms)[0] : undefined;
      },
      60_000,
      async () => (await sluice.logged()).map((line) => JSON.stringify(line)).join('\n'),
    );
  }
});
