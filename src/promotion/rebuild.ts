import type { StageSpec, StageStatus } from '../resources/pipeline.ts';
import { hasBranch } from '../sync/wanted.ts';
import type { StageNote } from './note.ts';
import type { GateResult } from './trailers.ts';

/** An admission as one of our commits on an environment branch records it. */
export type RecordedAdmission = {
  readonly commit: string;
  /** The branch's head before it; undefined when it began the branch. */
  readonly previous: string | undefined;
  readonly release: string;
  readonly revision: string;
  readonly ordinal: number;
  readonly gates: readonly GateResult[];
  readonly at: string;
};

/** A stage's verdict with the commit whose note says it. */
export type NotedVerdict = Omit<StageNote, 'pipeline' | 'stage'> & { readonly revision: string };

/** What Git holds of one stage. */
export type StageEvidence = {
  readonly spec: StageSpec;
  /** Newest first; none in a stage that has no branch. */
  readonly recorded: readonly RecordedAdmission[];
  /** The head of the branch, when it is not ours. */
  readonly foreign: { readonly commit: string; readonly why: string } | undefined;
  /** In any order. */
  readonly notes: readonly NotedVerdict[];
};

/** A Release as it is known by name, commit and place in the order. */
export type KnownRelease = { readonly name: string; readonly revision: string; readonly sequence: number };

type Admission = NonNullable<StageStatus['admitted']>;

const historyLength = 10;

/** The Releases that the evidence names and the hub does not have: under their old names, and so in their old order. */
export function releasesToMake(pipeline: string, evidence: readonly StageEvidence[], known: readonly KnownRelease[]): readonly KnownRelease[] {
  const named = evidence.flatMap((stage) =>
    admissionsOf(stage).map(
      ({ release, revision, ordinal }): KnownRelease => ({ name: release, revision, sequence: sequenceOf(pipeline, release) ?? ordinal }),
    ),
  );
  const missing = named.filter((release) => findRelease(known, release) === undefined);
  return [...new Map(missing.map((release) => [release.name, release])).values()].toSorted((a, b) => a.sequence - b.sequence);
}

/**
 * What a stage runs and what was verified there, from Git alone. A verdict that was noted stands; without one the soak begins anew.
 * Input   releases: all that exist by now; an admission of one that does not is left out.
 */
export function rebuildStage(evidence: StageEvidence, releases: readonly KnownRelease[], nowMs: number): StageStatus {
  const { spec, recorded, notes } = evidence;
  const head = recorded[0];
  const setBack = wasSetBack(evidence);
  const foreign =
    evidence.foreign ?? (setBack && head !== undefined ? { commit: head.commit, why: setBackAdvice(head.ordinal, newestOrdinal(notes)) } : undefined);

  const admissions = admissionsOf(evidence).flatMap((admission): Admission[] => {
    const release = findRelease(releases, { name: admission.release, revision: admission.revision });
    return release === undefined
      ? []
      : [{ ...admission, release: release.name, sequence: release.sequence, deadlineAt: iso(nowMs + spec.verify.deadlineSeconds * 1000) }];
  });
  // Nothing is admitted of a branch that was set back, or that is gone: what the notes tell of it is history.
  const runs = setBack || (hasBranch(spec) && head === undefined) ? undefined : admissions[0];
  const earlier = runs === undefined ? admissions : admissions.slice(1);
  return {
    name: spec.name,
    ...(runs === undefined ? {} : { admitted: runs }),
    ...(head === undefined || setBack ? {} : { head: head.commit }),
    ...(foreign === undefined ? {} : { foreign: { commit: foreign.commit, why: foreign.why.slice(0, 1000) } }),
    history: earlier.slice(0, historyLength).map(({ deadlineAt: _none, record, ...entry }, index) => ({
      ...entry,
      ...(record?.commit === undefined ? {} : { commit: record.commit }),
      endedAt: (earlier[index - 1] ?? runs)?.admittedAt ?? iso(nowMs),
    })),
  };
}

type Evident = Omit<Admission, 'sequence' | 'deadlineAt'>;

/** The admissions of a stage, newest first: its branch tells which there were, its notes what became of them. Without a branch the notes tell both. */
function admissionsOf(evidence: StageEvidence): readonly Evident[] {
  const { spec, recorded, notes } = evidence;
  if (hasBranch(spec) && recorded.length > 0 && !wasSetBack(evidence))
    return recorded.map((each) =>
      recordedAdmission(
        each,
        notes.find((note) => note.revision === each.revision && note.ordinal === each.ordinal),
      ),
    );
  return notes
    .toSorted((a, b) => b.ordinal - a.ordinal || (a.at < b.at ? 1 : -1))
    .slice(0, historyLength + 1)
    .map(notedAdmission);
}

const newestOrdinal = (notes: readonly NotedVerdict[]): number => Math.max(0, ...notes.map(({ ordinal }) => ordinal));

/** One of our own older commits as the head is still ours by its signature; only the notes know better. */
const wasSetBack = ({ recorded, notes }: StageEvidence): boolean => recorded[0] !== undefined && newestOrdinal(notes) > recorded[0].ordinal;

const setBackAdvice = (ordinal: number, noted: number): string =>
  `it is at admission ${ordinal}, but the notes tell of admission ${noted}: somebody has set it back. Nothing of it is deployed. Move it to the commit of admission ${noted} again, or delete it: then the next promotion begins it anew`;

const recordedAdmission = ({ commit, previous, release, revision, ordinal, gates, at }: RecordedAdmission, note: NotedVerdict | undefined): Evident => ({
  release,
  revision,
  ordinal,
  admittedAt: at,
  ...(note === undefined ? { verdict: 'pending', reason: 'read back from Git, where no verdict is noted' } : verdictOf(note)),
  record: {
    ...(previous === undefined ? {} : { expectedHead: previous }),
    gates: gates.map(({ gate, result }) => ({ gate: gate.slice(0, 128), result: result.slice(0, 256) })),
    commit,
    pushed: true,
  },
});

const notedAdmission = (note: NotedVerdict): Evident => ({
  release: note.release,
  revision: note.revision,
  ordinal: note.ordinal,
  admittedAt: note.at,
  ...verdictOf(note),
});

const verdictOf = ({ verdict, reason, at }: NotedVerdict): Pick<Admission, 'verdict' | 'reason' | 'verdictAt' | 'noted'> => ({
  verdict,
  reason,
  verdictAt: at,
  noted: verdict,
});

/** The Release of that name, or else another of the same commit. */
const findRelease = (releases: readonly KnownRelease[], { name, revision }: Pick<KnownRelease, 'name' | 'revision'>): KnownRelease | undefined =>
  releases.find((release) => release.name === name && release.revision === revision) ?? releases.findLast((release) => release.revision === revision);

/** A Release's name tells its place in the order; Releases are named by `refresh`. */
function sequenceOf(pipeline: string, release: string): number | undefined {
  const [, digits] = /^(\d{1,15})-[0-9a-f]{8}$/.exec(release.startsWith(`${pipeline}-`) ? release.slice(pipeline.length + 1) : '') ?? [];
  return digits === undefined ? undefined : Number(digits);
}

const iso = (ms: number): string => new Date(ms).toISOString();
