import type { Pipeline, PipelineStatus, StageStatus } from '../resources/pipeline.ts';
import { referenceOf } from '../resources/resource.ts';
import type { StageNote } from './note.ts';

/** A verdict that belongs into the note of a commit. */
export type DueNote = { readonly revision: string; readonly note: StageNote };

type Entry = NonNullable<StageStatus['admitted']> | StageStatus['history'][number];

/** The verdicts that are not in Git yet; with `all` those that are, too. */
export function dueNotes(pipeline: Pipeline, { all = false }: { readonly all?: boolean } = {}): readonly DueNote[] {
  return (pipeline.status?.stages ?? []).flatMap((stage) =>
    [...(stage.admitted === undefined ? [] : [stage.admitted]), ...stage.history].flatMap((entry): DueNote[] => {
      if (entry.verdict === 'pending' || (!all && entry.noted === entry.verdict)) return [];
      const note = {
        pipeline: referenceOf(pipeline),
        stage: stage.name,
        verdict: entry.verdict,
        at: new Date(entry.verdictAt ?? entry.admittedAt).toISOString(),
        ordinal: entry.ordinal,
        release: entry.release,
        digest: digestOf(entry),
        reason: entry.reason,
      };
      return [{ revision: entry.revision, note }];
    }),
  );
}

/** The status with these verdicts marked as noted; one that has changed meanwhile stays due. */
export function withNoted(status: PipelineStatus, noted: readonly DueNote[]): PipelineStatus {
  const mark = <E extends Entry>(stage: string, entry: E): E => {
    const found = noted.find(
      ({ note }) => note.stage === stage && note.ordinal === entry.ordinal && note.release === entry.release && note.verdict === entry.verdict,
    );
    return found === undefined ? entry : { ...entry, noted: found.note.verdict };
  };
  return {
    ...status,
    stages: status.stages.map((stage) => ({
      ...stage,
      ...(stage.admitted === undefined ? {} : { admitted: mark(stage.name, stage.admitted) }),
      history: stage.history.map((entry) => mark(stage.name, entry)),
    })),
  };
}

const digestOf = (entry: Entry): string | undefined => ('soak' in entry ? entry.soak?.digest : 'digest' in entry ? entry.digest : undefined);
