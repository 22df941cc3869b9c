import { setTimeout as sleep } from 'node:timers/promises';
import { applicationHealth, environmentHead, readPromotion, releaseState, short, stuckPod, untilStatus } from './demo-evidence.ts';
import { type Stage, shopFiles } from './demo-resources.ts';
import { describeStatus, expected, NotSeen, type Pushed, push, rollout, type Scene } from './demo-scene.ts';
import { describeDeployments } from './demo-watch.ts';

/** Hears each piece of evidence the moment it is there. */
export type Tell = (line: string) => void;

export type StepResult = { readonly name: string; readonly ok: boolean; readonly seconds: number; readonly evidence: readonly string[] };

export type Step = { readonly name: string; readonly title: string; run(scene: Scene, tell: Tell, signal: AbortSignal): Promise<void> };

const stages: readonly Stage[] = ['staging', 'production'];
const soakMs = 3000;
/** A drift that is undone later than this is a failure, on however slow a machine. */
const undoneWithinMs = 5000;

/** In this order: each goes on from where the one before left the shop. */
export const steps: readonly Step[] = [
  { name: 'first commit', title: 'The first commit is proven in staging and reaches production', run: firstCommit },
  { name: 'new image', title: 'A commit with a new image of catalog takes the same way', run: newImage },
  { name: 'broken image', title: 'A broken image of catalog is found out in staging, and production does not move', run: brokenImage },
  { name: 'fix', title: 'A fix, pushed while staging is still unhealthy, supersedes it and reaches production', run: fix },
  { name: 'drift', title: 'Changes made by hand in production are undone', run: drift },
];

/** Tells one step. Not seen in time, or anything else that goes wrong, is ok: false with what was expected and seen; only `stop` makes it throw. */
export async function tellStep(
  step: Step,
  scene: Scene,
  { tell = () => {}, stop }: { readonly tell?: Tell; readonly stop?: AbortSignal } = {},
): Promise<StepResult> {
  const began = performance.now();
  const evidence: string[] = [];
  const add = (line: string) => {
    evidence.push(line);
    tell(line);
  };
  const timeout = AbortSignal.timeout(scene.world.shop.stepTimeoutMs);
  const result = (ok: boolean): StepResult => ({ name: step.name, ok, seconds: Math.round(performance.now() - began) / 1000, evidence });
  try {
    await step.run(scene, add, stop === undefined ? timeout : AbortSignal.any([timeout, stop]));
    return result(true);
  } catch (error) {
    stop?.throwIfAborted();
    if (error instanceof NotSeen) {
      add(`NOT SEEN: ${error.expected}`);
      add(`seen instead: ${error.seen}`);
    } else {
      add(`FAILED: ${error instanceof Error ? error.message : String(error)}`);
    }
    const warnings = await scene.world.sluice.warnings();
    add(warnings.length === 0 ? `Sluice warned of nothing (${scene.world.sluice.logFile})` : `the last warnings of Sluice (${scene.world.sluice.logFile}):`);
    for (const warning of warnings) add(`  ${warning}`);
    return result(false);
  }
}

async function firstCommit(scene: Scene, tell: Tell, signal: AbortSignal): Promise<void> {
  const files = await shopFiles(scene.world.shop);
  for (const [path, content] of Object.entries(files)) await scene.clone.write(path, content);
  scene.versions = Object.fromEntries(
    Object.entries(files).flatMap(([path, content]) => (isVersionFile.test(path) ? [[path.split('/')[1] ?? '', versionIn(content)]] : [])),
  );
  await promoted(scene, 'The shop', tell, signal);
}

async function newImage(scene: Scene, tell: Tell, signal: AbortSignal): Promise<void> {
  const { next } = scene.world.shop.catalogVersions;
  await setCatalog(scene, next);
  scene.versions = { ...scene.versions, catalog: next };
  await promoted(scene, `Catalog ${next}`, tell, signal);
}

async function brokenImage(scene: Scene, tell: Tell, signal: AbortSignal): Promise<void> {
  const { world, watches } = scene;
  const before = { head: await environmentHead(world), deployments: fingerprint(scene) };
  await setCatalog(scene, 'broken');
  const pushed = await push(scene, 'Catalog with an image that does not exist');
  scene.commit = pushed.commit;
  tell(`pushed ${short(pushed.commit)}: catalog with the image tag "broken", which no registry has`);

  const status = await expected('sluice/shop/staging to fail', untilStatus(world, pushed.commit, 'staging', 'failure', signal), () =>
    describeStatus(world, pushed.commit, 'staging'),
  );
  const foundAt = performance.now();
  tell(`staging     found degraded ${after(pushed, foundAt)} after the push`);
  tell(`Git host    sluice/shop/staging is failure: "${status.description}"`);

  const stuck = await stuckPod(world, 'catalog');
  const { health, message } = await applicationHealth(world, 'catalog-staging');
  tell(`cluster     ${stuck === undefined ? 'no pod of catalog waits' : `pod ${stuck.pod}, container ${stuck.container}: ${stuck.reason}`}`);
  tell(`hub         Application catalog-staging is ${health}: ${message.length > 200 ? `${message.slice(0, 199)}…` : message}`);
  const named = stuck !== undefined && message.includes(stuck.pod) && message.includes(stuck.container) && /ErrImagePull|ImagePullBackOff/.test(message);
  if (health !== 'Degraded' || !named)
    throw new NotSeen('Application catalog-staging to be Degraded for that pod, container and reason', `${health}: ${message}`);

  // That something does not happen can only be seen by watching: the soak, which would let it through, and as long again.
  const watchMs = 2 * soakMs + 1000;
  await sleep(watchMs, undefined, { signal });
  const head = await environmentHead(world);
  if (fingerprint(scene) !== before.deployments || head !== before.head) {
    throw new NotSeen(
      `production to stay as it was (its branch at ${short(before.head ?? 'none')})`,
      `its branch is at ${short(head ?? 'none')}; ${describeDeployments(watches.production.now().values())}`,
    );
  }
  tell(`production  did not move, watched for ${watchMs / 1000} s: ${describeDeployments(watches.production.now().values())}`);
}

async function fix(scene: Scene, tell: Tell, signal: AbortSignal): Promise<void> {
  const { world } = scene;
  const broken = scene.commit;
  const headBefore = await environmentHead(world);
  const { health } = await applicationHealth(world, 'catalog-staging');
  tell(`staging     is ${health} when the fix is pushed`);
  const { fixed } = world.shop.catalogVersions;
  await setCatalog(scene, fixed);
  scene.versions = { ...scene.versions, catalog: fixed };
  const promotion = await promoted(scene, `Catalog ${fixed}`, tell, signal);

  if (promotion.previousHead !== headBefore)
    throw new NotSeen(
      `the promotion to stand on the head before (${short(headBefore ?? 'none')})`,
      `it stands on ${short(promotion.previousHead ?? 'nothing')}`,
    );
  const passedOver = async () => {
    for (;;) {
      const state = await releaseState(world, broken, 'production');
      if (state?.state === 'skipped') return state;
      await sleep(200, undefined, { signal });
    }
  };
  const skipped = await expected(`the Release of ${short(broken)} to be skipped in production`, passedOver(), async () =>
    JSON.stringify(await releaseState(world, broken, 'production')),
  );
  tell(`hub         the broken Release ${skipped.name} never entered production: ${skipped.state}, ${skipped.reason}`);
}

async function drift(scene: Scene, tell: Tell, signal: AbortSignal): Promise<void> {
  const { production } = scene.watches;
  const { production: cluster, shop } = scene.world;
  const namespace = shop.namespaces.production;
  const seen = () => describeDeployments(production.now().values());
  const wanted = production.now().get('catalog')?.replicas ?? 0;

  const scaled = production.until((deployments) => deployments.get('catalog')?.replicas === 1, signal);
  await cluster.kubectl(['scale', 'deployment', 'catalog', '-n', namespace, '--replicas=1']);
  const scaledAt = await expected('catalog scaled to 1', scaled, seen);
  const scaledBackAt = await expected(
    `catalog back at ${wanted} replicas`,
    production.until((deployments) => deployments.get('catalog')?.replicas === wanted, signal),
    seen,
  );
  tell(`kubectl scale deployment catalog --replicas=1    back at ${wanted} after ${seconds(scaledBackAt - scaledAt)}`);

  const before = production.now().get('payments')?.uid;
  const deleted = production.until((deployments) => deployments.get('payments')?.uid !== before, signal);
  await cluster.kubectl(['delete', 'deployment', 'payments', '-n', namespace, '--wait=false']);
  const deletedAt = await expected('payments deleted', deleted, seen);
  const isBack = production.until((deployments) => deployments.has('payments') && deployments.get('payments')?.uid !== before, signal);
  const backAt = await expected('payments back', isBack, seen);
  tell(`kubectl delete deployment payments               there again after ${seconds(backAt - deletedAt)}`);

  await expected('everything in production rolled out again', rollout(scene, 'production', scene.versions, signal), seen);
  tell(`production  is whole again: ${seen()}`);
  const slowest = Math.max(scaledBackAt - scaledAt, backAt - deletedAt);
  if (slowest > undoneWithinMs) throw new NotSeen(`a change by hand to be undone within ${undoneWithinMs / 1000} s`, `it took ${seconds(slowest)}`);
}

/** Pushes what is changed in the clone and follows it through both stages, on the clusters and on the Git host. */
async function promoted(scene: Scene, message: string, tell: Tell, signal: AbortSignal): Promise<{ readonly previousHead: string | undefined }> {
  const { world, versions } = scene;
  // Both are told to stop when the push fails, so that nothing waits on.
  const ours = new AbortController();
  const both = AbortSignal.any([signal, ours.signal]);
  const rollouts = { staging: rollout(scene, 'staging', versions, both), production: rollout(scene, 'production', versions, both) };
  for (const waiting of Object.values(rollouts)) waiting.catch(() => {});
  try {
    const pushed = await push(scene, message);
    scene.commit = pushed.commit;
    tell(`pushed ${short(pushed.commit)} "${message}" to main in ${seconds(pushed.endedAt - pushed.startedAt)}; times count from the start of that push`);
    for (const stage of stages) {
      const { appliedAt, healthyAt } = await rollouts[stage];
      tell(
        `${stage.padEnd(10)}  applied after ${after(pushed, appliedAt)}, healthy after ${after(pushed, healthyAt)}: ${describeDeployments(scene.watches[stage].now().values())}`,
      );
    }
    for (const stage of stages) {
      const status = await expected(`sluice/shop/${stage} to succeed`, untilStatus(world, pushed.commit, stage, 'success', signal), () =>
        describeStatus(world, pushed.commit, stage),
      );
      tell(`Git host    sluice/shop/${stage} is ${status.state}: "${status.description}"`);
    }
    const promotion = await readPromotion(world, scene.clone, pushed.commit);
    for (const line of promotion.lines) tell(line);
    return promotion;
  } finally {
    ours.abort(new Error('the step is over'));
  }
}

const catalogFile = 'services/catalog/base/kustomization.yaml';

async function setCatalog({ clone }: Scene, version: string): Promise<void> {
  const text = await clone.git('show', `HEAD:${catalogFile}`);
  await clone.write(catalogFile, text.replace(/newTag: \S+/, `newTag: '${version}'`));
}

/** Where a service says which image it runs: its kustomization, or the values of its chart. */
const isVersionFile = /\/(?:base\/kustomization|chart\/values)\.yaml$/;

const versionIn = (text: string): string => /\b(?:newTag|tag): '?([^\s']+)/.exec(text)?.[1] ?? '';

/** Equal as long as nobody changed what is wanted of any Deployment in production. */
const fingerprint = ({ watches }: Scene): string =>
  JSON.stringify([...watches.production.now().values()].map(({ name, uid, generation, image }) => [name, uid, generation, image]).toSorted());

const after = ({ startedAt }: Pushed, at: number): string => seconds(at - startedAt);

const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(2)} s`;
