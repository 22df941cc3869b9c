import type { Desired } from '../diff/desired.ts';
import type { Live } from '../diff/diff.ts';
import { isMember, type Owner } from '../diff/ownership.ts';
import type { LiveObject } from '../model/manifest.ts';
import { isPortError } from '../model/port-error.ts';
import { resolveReference } from '../resources/resource.ts';
import { type Claim, claimRenewMs, heldByAnotherMs } from './claim.ts';
import type { Destination } from './destination.ts';
import type { SyncResult } from './outcome.ts';
import { type Extent, parentManifest, saysOther } from './parent.ts';
import type { Ports } from './ports.ts';
import type { Run } from './run.ts';
import { type Wanted, wantedRevision } from './wanted.ts';

const releaseWithinMs = 2_000;

/** A run that is cut short, by a stop or by a bug, leaves no claim behind that the next one would have to wait for. */
export async function releaseClaim({ id, application }: Run, { hub }: Pick<Ports, 'hub'>): Promise<void> {
  if (application.status?.claim?.id !== id) return;
  const { claim: _ended, ...status } = application.status;
  await hub.writeStatus('Application', application, status, AbortSignal.timeout(releaseWithinMs)).catch(() => undefined);
}

type Writing = {
  readonly run: Run;
  readonly ports: Ports;
  readonly destination: Destination;
  readonly owner: Owner;
  readonly parent: LiveObject | undefined;
  readonly wide: Extent;
  readonly desired: readonly Desired[];
  readonly wanted: Wanted;
  readonly signal: AbortSignal;
};

/** The effects around writing: the claim on the hub, the namespace and the applyset parent on the destination. */
export function writer({ run, ports, destination, owner, parent, wide, desired, wanted, signal }: Writing) {
  let prepared = false;
  /** Stays there when it fails. */
  let renewing: Promise<void> | undefined;
  const write = async (claim: Claim): Promise<void> => {
    const status = run.application.status ?? { conditions: [], unsettled: [], history: [] };
    run.application = await ports.hub.writeStatus('Application', run.application, { ...status, claim }, signal);
  };
  const claimNow = (step: string): Claim => ({ id: run.id, worker: ports.worker, revision: wanted.revision, step, renewedAt: ports.now().toISOString() });

  return {
    /** Output: why nothing may be written now; undefined when the claim is ours. */
    async claim(step: string): Promise<SyncResult | undefined> {
      const heldMs = heldByAnotherMs(run.application, run.id, ports.now());
      if (heldMs > 0) return { is: 'waiting', message: `worker ${run.application.status?.claim?.worker ?? ''} is writing`, lookAgainInMs: heldMs };
      try {
        await write(claimNow(step));
        return undefined;
      } catch (error) {
        if (!isPortError(error, 'CONFLICT')) throw error;
        return { is: 'waiting', message: 'the Application changed meanwhile', lookAgainInMs: 0 };
      }
    },
    /** Before every write: costs nothing while the claim is fresh, and whoever has lost it writes nothing more. */
    keepClaim(): Promise<void> {
      const claim = run.application.status?.claim;
      if (renewing !== undefined) return renewing;
      if (claim === undefined || ports.now().getTime() - Date.parse(claim.renewedAt) < claimRenewMs) return Promise.resolve();
      renewing = write(claimNow(claim.step)).then(() => {
        renewing = undefined;
      });
      return renewing;
    },
    async prepare(): Promise<void> {
      if (prepared) return;
      prepared = true;
      if (run.application.spec.sync.createNamespace && parent === undefined) await destination.createNamespace(owner.parentNamespace, {}, signal);
      const manifest = parentManifest(owner, wide, parent);
      if (saysOther(parent, manifest)) await destination.writeParent(manifest, signal);
    },
    superseded(): boolean {
      const repository = ports.hub.seen('Repository', resolveReference(run.application, run.application.spec.source.repository));
      const now =
        repository === undefined ? undefined : wantedRevision(run.application, repository, ports.hub.list('Pipeline', run.application.metadata.namespace));
      return now?.ok === true && now.value.is === 'wanted' && now.value.wanted.commit !== wanted.commit;
    },
    /** Once nothing is left to prune, the parent says no more than what is there. */
    async narrow(live: readonly Live[]): Promise<void> {
      const present = live.filter(({ metadata }) => isMember(metadata, owner)).map(({ id }) => id);
      const extent: Extent = {
        kinds: [...desired.map(({ id }) => id), ...present],
        namespaces: [...desired, ...present.map((id) => ({ id }))].flatMap(({ id }) => id.namespace ?? []),
      };
      const manifest = parentManifest(owner, extent, parent);
      if (parent !== undefined && saysOther(parent, manifest)) await destination.writeParent(manifest, signal);
    },
  };
}
