import { setTimeout as pause } from 'node:timers/promises';
import { openScene, type Scene } from '../../tools/demo-scene.ts';
import { steps, tellStep } from '../../tools/demo-story.ts';
import { startWorld, type World } from '../../tools/demo-world.ts';
import { ensureParts } from '../../tools/parts.ts';
import type { Release } from '../../src/resources/release.ts';
import type { Pipeline } from '../../src/resources/pipeline.ts';
import type { Application } from '../../src/resources/application.ts';

export type Shop = AsyncDisposable & { readonly world: World; readonly scene: Scene };

/** The whole demo world of its own: three control planes, Redis, Gitea and Sluice. */
export async function openShop(options: Partial<Parameters<typeof startWorld>[0]> = {}): Promise<Shop> {
  await using stack = new AsyncDisposableStack();
  const world = stack.use(await startWorld({ say: () => {}, parts: await ensureParts({ say: () => {} }), ...options }));
  const scene = stack.use(await openScene(world));
  const opened = stack.move();
  return { world, scene, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** Runs one step of the demo's story; its evidence becomes the failure when it was not seen. */
export async function seen(shop: Shop, name: string): Promise<readonly string[]> {
  const step = steps.find((each) => each.name === name);
  if (step === undefined) throw new Error(`the story has no step ${name}`);
  const result = await tellStep(step, shop.scene);
  if (!result.ok) throw new Error(`${name} was not seen:\n${result.evidence.join('\n')}`);
  return result.evidence;
}

type Kinds = { readonly releases: Release; readonly pipelines: Pipeline; readonly applications: Application };

/** Custom resources of the shop, as kubectl reads them from the hub. */
export async function resources<K extends keyof Kinds>({ world }: Shop, kind: K, namespace = 'shop'): Promise<readonly Kinds[K][]> {
  return JSON.parse(await world.hub.kubectl(['get', kind, '-n', namespace, '-o', 'json'])).items;
}

/** Asks until the answer is there: `ask` answers undefined for "not yet". The deadline is the only time in it. */
export async function until<T>(what: string, ask: () => Promise<T | undefined>, withinMs = 60_000): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > deadline) throw new Error(`not seen within ${withinMs / 1000} s: ${what}`);
    await pause(100);
  }
}
