import { type Reference, referenceText } from '../model/reference.ts';
import type { Application } from '../resources/application.ts';
import { referenceOf } from '../resources/resource.ts';
import type { Inspection } from '../sync/inspect.ts';

export type Inspect = (application: Application, signal: AbortSignal) => Promise<Inspection>;

export type LookedAt = Inspection & { readonly lookedAt: string };

export type Inspections = {
  /** undefined: too many are looked at already; ask again. */
  of(application: Application): Promise<LookedAt> | undefined;
  /** The Application has changed: who asks from now on gets a new look. */
  forget(application: Reference): void;
};

type Options = {
  readonly inspect: Inspect;
  readonly now: () => Date;
  /** Looks at once: each renders and asks a cluster. */
  readonly most?: number;
  readonly withinMs?: number;
  /** A look is shared by those who ask within this time. */
  readonly keptMs?: number;
};

/** Looks at Applications for whoever asks: one look per Application at a time, a bounded number at once, each with an end. */
export function openInspections({ inspect, now, most = 4, withinMs = 30_000, keptMs = 1000 }: Options): Inspections {
  const looks = new Map<string, Promise<LookedAt>>();
  let running = 0;

  async function look(application: Application): Promise<LookedAt> {
    running += 1;
    const deadline = AbortSignal.timeout(withinMs);
    try {
      return { ...(await inspect(application, deadline)), lookedAt: now().toISOString() };
    } catch (error) {
      if (!deadline.aborted) throw error;
      return { objects: [], problems: [], why: `could not be looked at within ${withinMs / 1000} s`, lookedAt: now().toISOString() };
    } finally {
      running -= 1;
    }
  }

  function keep(key: string, begun: Promise<LookedAt>): void {
    const forgetIt = () => {
      if (looks.get(key) === begun) looks.delete(key);
    };
    looks.set(key, begun);
    begun.then(() => void setTimeout(forgetIt, keptMs).unref(), forgetIt);
  }

  return {
    of(application) {
      const key = referenceText(referenceOf(application));
      const shared = looks.get(key);
      if (shared !== undefined) return shared;
      if (running >= most) return undefined;
      const begun = look(application);
      keep(key, begun);
      return begun;
    },
    forget: (application) => void looks.delete(referenceText(application)),
  };
}
