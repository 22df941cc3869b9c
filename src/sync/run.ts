import type { Desired } from '../diff/desired.ts';
import { type ApplicationHealth, applicationHealth } from '../health/application.ts';
import type { Health } from '../health/health.ts';
import { resourceKey } from '../model/manifest.ts';
import type { Application, Phase } from '../resources/application.ts';
import type { Observation } from './observe.ts';
import type { SyncOutcome, SyncResult } from './outcome.ts';
import type { Wanted } from './wanted.ts';

/** Nobody tells an Application that what it gave up was taken, or is no longer wanted there either. */
const whileHandingOverMs = 5_000;

/** What a run has found out so far: a run that ends early still says how far it came. */
export type Run = ReturnType<typeof newRun>;

export function newRun(application: Application, id: string) {
  const known: { wanted?: Wanted; inputs?: string; digest?: string } = {};
  let health: ApplicationHealth | undefined;
  let observation: Observation | undefined;
  return {
    id,
    application,
    phase: 'source' as Phase,
    objects: undefined as SyncOutcome['objects'],
    everythingDryRun: false,
    isHandingOver: false,
    learn<K extends keyof typeof known>(key: K, value: NonNullable<(typeof known)[K]>) {
      known[key] = value;
      return value;
    },
    /** Whether this very render was applied in full before. */
    wasApplied: () => application.status?.digest === known.digest && application.status?.sync?.appliedAt !== undefined,
    observe(desired: readonly Desired[], seen: Observation) {
      observation = seen;
      const healths = desired.flatMap(({ id }) => {
        const its = seen.healths.get(resourceKey(id));
        return its === undefined ? [] : [{ id, health: its }];
      });
      health =
        desired.length === 0
          ? { health: 'Healthy', message: 'renders no object' }
          : (applicationHealth(healths) ?? { health: 'Missing', message: 'nothing is applied yet' });
    },
    end(result: SyncResult): SyncOutcome {
      return {
        runId: id,
        ...known,
        phase: this.phase,
        result,
        ...(health === undefined ? {} : { health: { health: health.health, message: health.message } satisfies Health }),
        unsettled: observation?.unsettled ?? [],
        ...(this.objects === undefined ? {} : { objects: this.objects }),
        everythingDryRun: this.everythingDryRun,
        ...soonest(observation?.lookAgainInMs, this.isHandingOver ? whileHandingOverMs : undefined),
        application: this.application,
      };
    },
  };
}

function soonest(...lookAgainInMs: readonly (number | undefined)[]): Pick<SyncOutcome, 'lookAgainInMs'> {
  const given = lookAgainInMs.filter((ms) => ms !== undefined);
  return given.length === 0 ? {} : { lookAgainInMs: Math.min(...given) };
}
