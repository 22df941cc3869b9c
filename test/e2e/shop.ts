import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'vitest';
import { parse, parseAllDocuments, stringify } from 'yaml';
import type { Manifest } from '../../src/model/manifest.ts';
import type { Application } from '../../src/resources/application.ts';
import type { Pipeline, StageStatus } from '../../src/resources/pipeline.ts';
import type { Release } from '../../src/resources/release.ts';
import { environmentBranch, readSignature, type Stage } from '../../tools/demo-evidence.ts';
import { openScene, type Scene } from '../../tools/demo-scene.ts';
import { steps, tellStep } from '../../tools/demo-story.ts';
import type { Deployments } from '../../tools/demo-watch.ts';
import { startWorld, type World } from '../../tools/demo-world.ts';
import { ensureParts } from '../../tools/parts.ts';
import { run } from '../../tools/run-program.ts';

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
export async function seen({ scene }: Shop, name: string): Promise<readonly string[]> {
  const step = steps.find((each) => each.name === name);
  if (step === undefined) throw new Error(`the story has no step ${name}`);
  const result = await tellStep(step, scene);
  if (!result.ok) throw new Error(`${name} was not seen:\n${result.evidence.join('\n')}`);
  return result.evidence;
}

type Kinds = { readonly releases: Release; readonly pipelines: Pipeline; readonly applications: Application };

/** Custom resources of the shop, as kubectl reads them from the hub. */
export async function resources<K extends keyof Kinds>({ world }: Shop, kind: K, namespace = 'shop'): Promise<readonly Kinds[K][]> {
  return JSON.parse(await world.hub.kubectl(['get', `${kind}.sluice.dev`, '-n', namespace, '-o', 'json'])).items;
}

export async function stageOf(shop: Shop, stage: Stage): Promise<StageStatus | undefined> {
  const [pipeline] = await resources(shop, 'pipelines');
  return pipeline?.status?.stages.find(({ name }) => name === stage);
}

/** Asks until the answer is there: `ask` answers undefined for "not yet". The deadline is the only time in it; what was seen at last is in the error. */
export async function until<T>(what: string, ask: () => Promise<T | undefined>, withinMs = 60_000, seenInstead?: () => Promise<string>): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > deadline)
      throw new Error(`not seen within ${withinMs / 1000} s: ${what}${seenInstead === undefined ? '' : `; seen: ${await seenInstead()}`}`);
    await pause(100);
  }
}

/** Waits for the commit to be proven in both stages. */
export function untilVerified(shop: Shop, commit: string, withinMs = 90_000): Promise<void> {
  const isVerified = async () => {
    const [pipeline] = await resources(shop, 'pipelines');
    const all = pipeline?.status?.stages ?? [];
    return all.length === 2 && all.every(({ admitted }) => admitted?.revision === commit && admitted.verdict === 'verified') ? true : undefined;
  };
  const summaries = async () => {
    const releases = (await resources(shop, 'releases')).map(({ metadata, status }) => `${metadata.name}: ${status?.summary ?? 'nothing yet'}`);
    return [...releases, ...(await shop.world.sluice.warnings())].join('\n');
  };
  return until(`${commit} is verified in both stages`, isVerified, withinMs, summaries).then(() => {});
}

/** Changes every service in the clone and commits: every member of a kustomized one is annotated with the mark, and settings of all of them hold it. */
export async function commitMark({ scene: { clone } }: Shop, mark: string): Promise<string> {
  for (const service of await readdir(join(clone.path, 'services'))) {
    const chart = `services/${service}/chart/values.yaml`;
    const base = `services/${service}/base/kustomization.yaml`;
    if (existsSync(join(clone.path, chart))) {
      const values = parse(await readFile(join(clone.path, chart), 'utf8'));
      await clone.write(chart, stringify({ ...values, settings: { ...values.settings, PUSH: mark } }));
    } else {
      const kustomization = parse(await readFile(join(clone.path, base), 'utf8'));
      const [settings] = kustomization.configMapGenerator;
      const literals = [...settings.literals.filter((literal: string) => !literal.startsWith('PUSH=')), `PUSH=${mark}`];
      await clone.write(
        base,
        stringify({ ...kustomization, configMapGenerator: [{ ...settings, literals }], commonAnnotations: { 'shop.example/push': mark } }),
      );
    }
  }
  return clone.commit(`Push ${mark}`);
}

let marks = 0;

/** Pushes a commit that changes every Application, unlike any before; answers its id. */
export async function pushMark(shop: Shop): Promise<string> {
  marks += 1;
  const commit = await commitMark(shop, String(marks));
  await shop.scene.clone.push();
  return commit;
}

export const generations = (deployments: Deployments): ReadonlyMap<string, string> =>
  new Map([...deployments].map(([name, { uid, generation }]) => [name, `${uid} ${generation}`]));

/** The moment at which the first of a stage's Deployments has changed, and most have not: its Applications are being synced. To be called before the push. */
export async function syncBegins({ scene: { watches } }: Shop, stage: Stage, withinMs = 120_000): Promise<void> {
  const before = generations(watches[stage].now());
  await watches[stage].until((now) => [...generations(now)].some(([name, generation]) => before.get(name) !== generation), AbortSignal.timeout(withinMs));
}

/** What the real kustomize and helm make of the clone as it stands, by kind and name. */
async function renderedFor({ world: { parts }, scene: { clone } }: Shop, stage: Stage): Promise<ReadonlyMap<string, Manifest>> {
  const texts = await Promise.all(
    (await readdir(join(clone.path, 'services'))).map((service) => {
      const folder = join(clone.path, 'services', service);
      if (!existsSync(join(folder, 'chart'))) return run(parts.kustomize, ['build', join(folder, 'overlays', stage)]);
      return run(parts.helm, ['template', service, join(folder, 'chart'), '--namespace', 'shop', '--values', join(folder, 'chart', `values-${stage}.yaml`)]);
    }),
  );
  const manifests = texts.flatMap((text) => parseAllDocuments(text).flatMap((document) => (document.toJS() as Manifest | null) ?? []));
  return new Map(manifests.map((manifest) => [`${manifest.kind} ${manifest.metadata.name}`, manifest]));
}

/** Fails unless the stage's cluster has exactly what the clone's commit renders: every member with its content, and no other member. */
export async function expectExactly(shop: Shop, stage: Stage): Promise<void> {
  const wanted = await renderedFor(shop, stage);
  const listed = await shop.world[stage].kubectl([
    'get',
    'deployments,services,serviceaccounts,configmaps',
    '-n',
    'shop',
    '-l',
    'sluice.dev/application',
    '-o',
    'json',
  ]);
  const live = new Map((JSON.parse(listed).items as Manifest[]).map((object) => [`${object.kind} ${object.metadata.name}`, object]));
  expect([...live.keys()].toSorted(), `members in ${stage}`).toEqual([...wanted.keys()].toSorted());
  for (const [key, manifest] of wanted) expect(live.get(key), `${key} in ${stage}`).toMatchObject(manifest);
}

/** The clone's commit is what runs and what is proven in both stages, every member of it, and production's branch got one commit for it. */
export async function expectEndsRight(shop: Shop, commit: string, withinMs = 120_000): Promise<void> {
  await untilVerified(shop, commit, withinMs);
  for (const stage of ['staging', 'production'] as const) await expectExactly(shop, stage);
  const promotions = await expectOneCommitPerAdmission(shop);
  expect(promotions.filter(({ promoted }) => promoted === commit)).toHaveLength(1);
}

export type PromotionCommit = { readonly commit: string; readonly ordinal: string; readonly promoted: string };

/** The promotion commits of production's branch on the Git host, newest first. */
export async function promotionsOf({ scene: { clone } }: Shop): Promise<readonly PromotionCommit[]> {
  await clone.git('fetch', '--quiet', 'origin', `+refs/heads/${environmentBranch}:refs/remotes/origin/${environmentBranch}`);
  const format = '%H %(trailers:key=Sluice-Admission,valueonly,separator=%x2C) %P';
  const lines = (await clone.git('log', '--first-parent', `--format=${format}`, `origin/${environmentBranch}`)).split('\n');
  // Below the first promotion, which stands on the commit that it promotes, the line goes on in the source branch.
  const commits = lines.map((line) => /^(\w{40}) (\d+) .*?(\w{40})$/.exec(line));
  const end = commits.indexOf(null);
  return commits.slice(0, end === -1 ? undefined : end).map((match) => ({ commit: match?.[1] ?? '', ordinal: match?.[2] ?? '', promoted: match?.[3] ?? '' }));
}

/** Fails unless production's branch has exactly one commit for each admission, each the one that the hub knows, and each signed by the Pipeline's signer. */
export async function expectOneCommitPerAdmission(shop: Shop): Promise<readonly PromotionCommit[]> {
  const promotions = await promotionsOf(shop);
  const stage = await stageOf(shop, 'production');
  const newest = stage?.admitted?.ordinal ?? 0;
  expect(promotions.map(({ ordinal }) => ordinal)).toEqual(Array.from({ length: newest }, (_, index) => String(newest - index)));
  const known = [
    { revision: stage?.admitted?.revision, commit: stage?.admitted?.record?.commit },
    ...(stage?.history ?? []).map(({ revision, commit }) => ({ revision, commit })),
  ];
  expect(promotions.slice(0, known.length).map(({ promoted, commit }) => ({ revision: promoted, commit }))).toEqual(known);
  for (const { commit } of promotions) await readSignature(shop.world, shop.scene.clone, commit);
  return promotions;
}
