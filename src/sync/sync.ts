import { type Desired, definedKinds, desiredObjects } from '../diff/desired.ts';
import { type Change, compare, type Live } from '../diff/diff.ts';
import { isMember, type Owner, ownerOf } from '../diff/ownership.ts';
import { describeId, groupKindText, groupOf, type LiveObject, resourceKey } from '../model/manifest.ts';
import type { Problem } from '../model/parsed.ts';
import { PortError } from '../model/port-error.ts';
import type { Application } from '../resources/application.ts';
import { referenceOf, resolveReference } from '../resources/resource.ts';
import { applyGroups, pruneGroups, type Written } from './apply.ts';
import { checkout } from './checkout.ts';
import type { Destination, ServedKind } from './destination.ts';
import { comingOf, type DryRunContext, dryRunAll } from './dry-run.ts';
import { openHandOver } from './hand-over.ts';
import { readMembers } from './members.ts';
import { liveOf, type Observation, observe } from './observe.ts';
import type { SyncOutcome, SyncResult } from './outcome.ts';
import { type Extent, extentOf, widened } from './parent.ts';
import { mayDeploy } from './permission.ts';
import { type NextStep, planSync, type SyncPlan } from './plan.ts';
import type { Ports } from './ports.ts';
import { renderRequestOf } from './render-source.ts';
import { newRun, type Run } from './run.ts';
import { pendingSync } from './sync-request.ts';
import { placementsOf, type Wanted, wantedRevision } from './wanted.ts';
import { releaseClaim, writer } from './writer.ts';

const afterConflictMs = 250;
/** A full dry-run of what metadata proves already is due once a day: defaults and webhooks change behind its back. */
const fullDryRunEveryMs = 24 * 3_600_000;

/**
 * Brings one Application one step closer to what is wanted now. Safe to run twice, beside another, and to be killed anywhere.
 * source -> render -> members -> diff -> dry-run -> plan -> claim -> apply one step -> health; the caller writes the outcome into status.
 */
export async function syncOnce(application: Application, ports: Ports, signal: AbortSignal): Promise<SyncOutcome> {
  const run = newRun(application, ports.newId());
  try {
    return await steps(run, ports, signal);
  } catch (error) {
    if (!(error instanceof PortError)) {
      await releaseClaim(run, ports);
      throw error;
    }
    // Somebody else wrote the same object in the same moment, as controllers do all the time: what stands there now is looked at again.
    if (error.code === 'CONFLICT') return run.end({ is: 'waiting', message: 'an object changed while it was being written', lookAgainInMs: afterConflictMs });
    return run.end({ is: 'failed', error });
  }
}

/** What a look found: everything that is wanted, everything that is there, and what comes next. */
export type Looked = {
  readonly wanted: Wanted;
  readonly destination: Destination;
  readonly owner: Owner;
  readonly parent: LiveObject | undefined;
  readonly wide: Extent;
  readonly desired: readonly Desired[];
  readonly live: readonly Live[];
  readonly context: DryRunContext;
  readonly all: readonly Change[];
  readonly refused: readonly Problem[];
  readonly orphans: readonly Live[];
  readonly observation: Observation;
  readonly plan: SyncPlan;
};

/** The half of a sync that only reads: source -> render -> members -> diff -> dry-run -> plan. An outcome when there is nothing to go on with. */
export async function look(run: Run, ports: Ports, signal: AbortSignal): Promise<SyncOutcome | Looked> {
  const { application } = run;
  const placed = await placeOf(application, ports, signal);
  if ('result' in placed) return run.end(placed.result);
  const { repository, cluster, pipelines } = placed;

  const permission = mayDeploy(application, repository, cluster);
  if (!permission.ok) return run.end({ is: 'refused', problems: permission.problems });
  const wantedNow = wantedRevision(application, repository, pipelines);
  if (!wantedNow.ok) return run.end({ is: 'refused', problems: wantedNow.problems });
  if (wantedNow.value.is === 'not-yet') return run.end({ is: 'waiting', message: wantedNow.value.why });
  if (wantedNow.value.is === 'blocked') return run.end({ is: 'blocked', message: wantedNow.value.why });
  const wanted = run.learn('wanted', wantedNow.value.wanted);

  const { files } = await checkout(ports.source, await ports.accessTo(repository, signal), wanted, signal);
  run.phase = 'render';
  const open = () => ports.destinations.open(referenceOf(cluster), permission.value, signal);
  const rendered = await ports.render(
    renderRequestOf(application, files, async (within) => (await open()).capabilities(within)),
    signal,
  );
  if (!rendered.ok) return run.end({ is: 'refused', problems: rendered.problems });
  run.learn('inputs', rendered.value.inputs);
  run.learn('digest', rendered.value.digest);

  run.phase = 'diff';
  const destination = await open();
  const owner = ownerOf(ports.installation, referenceOf(application), application.spec.destination.namespace);
  const parent = await destination.readParent(owner.parentNamespace, owner.parentName, signal);
  const extent = extentOf(parent, owner);
  if (!extent.ok) return run.end({ is: 'refused', problems: extent.problems });

  const defined = definedKinds(rendered.value.manifests);
  const kinds = await destination.kinds(
    [...rendered.value.manifests.map(({ apiVersion, kind }) => ({ group: groupOf(apiVersion), kind })), ...extent.value.kinds],
    signal,
  );
  const desired = desiredObjects(rendered.value.manifests, owner, application.spec.destination.namespace, (kind) => {
    const served = kinds.get(groupKindText(kind));
    return served === undefined ? defined.get(groupKindText(kind)) : served.namespaced ? 'namespaced' : 'cluster';
  });
  if (!desired.ok) return run.end({ is: 'refused', problems: desired.problems });

  const wide = widened(extent.value, { kinds: desired.value.map(({ id }) => id), namespaces: desired.value.flatMap(({ id }) => id.namespace ?? []) });
  const live = await readMembers(destination, kinds, wide, owner, signal);
  const members = live.filter(({ metadata }) => isMember(metadata, owner)).length;
  const everything = fullDryRunDue(application, ports.now());
  const comparison = compare(desired.value, live, owner, { everything, applied: run.wasApplied() });

  const handOver = openHandOver(application, ports, signal);
  const context: DryRunContext = {
    kinds,
    owner,
    adopt: application.spec.sync.adopt,
    gaveUp: handOver.gaveUp,
    coming: comingOf(desired.value, new Set(defined.keys()), application.spec.sync.createNamespace ? [application.spec.destination.namespace] : []),
    originOf: ({ id: { namespace, ...id } }) =>
      rendered.value.origins.get(resourceKey({ ...id, ...(namespace === undefined ? {} : { namespace }) })) ?? rendered.value.origins.get(resourceKey(id)),
  };
  const { changes, refused } = await dryRunAll(comparison.unproven, destination, context, signal);
  run.everythingDryRun = everything;
  const all: readonly Change[] = [...comparison.proven.map((pair) => ({ type: 'unchanged', ...pair }) as const), ...changes];
  const observation = await observe(
    all.flatMap((change) => ('live' in change ? [change.live] : [])),
    kinds,
    destination,
    ports.liveObjects,
    ports.now(),
    signal,
  );
  const assessed = all.map((change) => withHealth(change, observation));
  const wantedElsewhere = await handOver.wantedElsewhere(comparison.orphans);
  run.isHandingOver = wantedElsewhere.size > 0;
  const plan = planSync(assessed, comparison.orphans, { ...application.spec.sync, wantedElsewhere });
  run.objects = {
    rendered: desired.value.length,
    members,
    outOfSync: all.filter(({ type }) => type !== 'unchanged').length + comparison.orphans.length - plan.withheld.length,
    deferred: all.flatMap((change) => (change.type === 'deferred' ? [`${describeId(change.desired.id)}: ${change.why}`] : [])).slice(0, 10),
    withheld: plan.withheld.map((kept) => `${describeId(kept.live.id)}: ${kept.reason}`).slice(0, 10),
  };
  run.observe(desired.value, observation);
  return { wanted, destination, owner, parent, wide, desired: desired.value, live, context, all, refused, orphans: comparison.orphans, observation, plan };
}

async function steps(run: Run, ports: Ports, signal: AbortSignal): Promise<SyncOutcome> {
  const looked = await look(run, ports, signal);
  if (!('plan' in looked)) return looked;
  const { destination, live, context, all, refused, plan } = looked;
  const { kinds } = context;
  if (refused.length > 0) return run.end({ is: 'refused', problems: refused });

  const held = withheldByPolicy(run.application, all, plan.next);
  if (held !== undefined) return run.end({ is: 'out-of-sync', message: held });

  const writing = writer({ ...looked, run, ports, signal });
  switch (plan.next.step) {
    case 'apply': {
      run.phase = 'apply';
      const claimed = await writing.claim(`wave ${plan.next.wave}`);
      if (claimed !== undefined) return run.end(claimed);
      const written = await applyGroups(
        plan.next.groups,
        { destination, context, keepClaim: writing.keepClaim, prepare: writing.prepare, superseded: writing.superseded },
        signal,
      );
      return run.end(await afterWriting(run, ports, destination, { kinds, desired: looked.desired, all, written, remaining: plan.next.remaining }, signal));
    }
    case 'prune': {
      run.phase = 'prune';
      const claimed = await writing.claim('prune');
      if (claimed !== undefined) return run.end(claimed);
      const pruned = await pruneGroups(plan.next.groups, kinds, { destination, keepClaim: writing.keepClaim }, signal);
      return run.end(pruned.refused.length > 0 ? { is: 'refused', problems: pruned.refused } : { is: 'pruned', count: plan.next.groups.flat().length });
    }
    case 'await-wave':
      run.phase = 'health';
      return run.end({ is: 'awaiting-health', message: `wave ${plan.next.wave}: ${plan.next.message}`, wave: plan.next.wave });
    case 'wave-failed':
      run.phase = 'health';
      return run.end({ is: 'wave-failed', message: `wave ${plan.next.wave}: ${plan.next.message}`, wave: plan.next.wave });
    case 'await-health':
      run.phase = 'health';
      return run.end({ is: 'awaiting-health', message: plan.next.message });
    case 'done':
      await writing.narrow(live);
      run.phase = 'done';
      return run.end({ is: 'done' });
    default:
      return plan.next satisfies never;
  }
}

/** What the Application names. Repository and Pipeline are read afresh: they say what is wanted, and whoever nudged has just written them. */
async function placeOf(application: Application, { hub }: Ports, signal: AbortSignal) {
  const repositoryReference = resolveReference(application, application.spec.source.repository);
  const clusterReference = resolveReference(application, application.spec.destination.cluster);
  const placements = placementsOf(application, hub.list('Pipeline', application.metadata.namespace));
  const [repository, ...pipelines] = await Promise.all([
    hub.read('Repository', repositoryReference, signal),
    ...placements.map(({ pipeline }) => hub.read('Pipeline', referenceOf(pipeline), signal)),
  ]);
  const cluster = hub.seen('Cluster', clusterReference);
  const problems: Problem[] = [];
  if (repository === undefined)
    problems.push({
      at: 'spec.source.repository',
      message: `there is no Repository ${repositoryReference.namespace}/${repositoryReference.name}: create it, or correct the name`,
    });
  if (cluster === undefined)
    problems.push({
      at: 'spec.destination.cluster',
      message: `there is no Cluster ${clusterReference.namespace}/${clusterReference.name}: create it, or correct the name`,
    });
  if (repository === undefined || cluster === undefined) return { result: { is: 'refused', problems } satisfies SyncResult };
  if (application.spec.suspend) return { result: { is: 'waiting', message: 'spec.suspend is set: the cluster is left alone' } satisfies SyncResult };
  if (cluster.spec.suspend) return { result: { is: 'waiting', message: `Cluster ${cluster.metadata.name} is suspended` } satisfies SyncResult };
  return { repository, cluster, pipelines: pipelines.filter((pipeline) => pipeline !== undefined) };
}

function fullDryRunDue(application: Application, now: Date): boolean {
  const last = application.status?.fullDryRunAt;
  return last !== undefined && now.getTime() - Date.parse(last) > fullDryRunEveryMs;
}

function withHealth(change: Change, observation: Observation) {
  const health = observation.healths.get(resourceKey(change.desired.id));
  return { change, ...(health === undefined ? {} : { health }) };
}

/** Why differences stay although a step could be taken. */
function withheldByPolicy(application: Application, changes: readonly Change[], next: NextStep): string | undefined {
  if ((next.step !== 'apply' && next.step !== 'prune') || pendingSync(application) !== undefined) return undefined;
  const { sync } = application.spec;
  const differing = changes.filter(({ type }) => type !== 'unchanged');
  const onlyDrift = next.step === 'apply' && differing.every((change) => change.type !== 'deferred' && change.type !== 'unchanged' && change.cause === 'drift');
  if (onlyDrift) return sync.selfHeal ? undefined : `${differing.length} objects were changed on the cluster, and spec.sync.selfHeal is off`;
  return sync.automated ? undefined : `${differing.length} objects differ, and spec.sync.automated is off`;
}

type AfterWriting = {
  readonly kinds: ReadonlyMap<string, ServedKind>;
  readonly desired: readonly Desired[];
  readonly all: readonly Change[];
  readonly written: Written;
  readonly remaining: number;
};

/** Judges what the writes answered, so that health is known at once where it needs no waiting. */
async function afterWriting(
  run: Run,
  ports: Ports,
  destination: Destination,
  { kinds, desired, all, written, remaining }: AfterWriting,
  signal: AbortSignal,
): Promise<SyncResult> {
  for (const object of written.objects) ports.liveObjects.put(object);
  const fresh = new Map(written.objects.map((object) => [resourceKey(liveOf(object).id), liveOf(object)]));
  const live = all.flatMap((change) => fresh.get(resourceKey(change.desired.id)) ?? ('live' in change ? [change.live] : []));
  const servedNow = live.every(({ id }) => kinds.has(groupKindText(id)))
    ? kinds
    : await destination.kinds(
        live.map(({ id }) => id),
        signal,
      );
  run.observe(desired, await observe(live, servedNow, destination, ports.liveObjects, ports.now(), signal));

  if (written.refused.length > 0) return { is: 'refused', problems: written.refused };
  if (written.superseded) return { is: 'waiting', message: 'a newer revision is wanted', lookAgainInMs: 0 };
  return { is: 'applied', message: `${written.objects.length} objects applied`, remaining };
}
