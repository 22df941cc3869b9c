import { isPortError } from '../model/port-error.ts';
import type { Pipeline } from '../resources/pipeline.ts';
import type { Repository } from '../resources/repository.ts';
import { resolveReference } from '../resources/resource.ts';
import { type DueNote, dueNotes, withNoted } from './due-notes.ts';
import { notesRef } from './environment-branch.ts';
import { mergeNotes, noteText } from './note.ts';
import { notesMessage, notesTreeWith } from './notes-tree.ts';
import type { Ports } from './ports.ts';
import { readFolders, readNote, readNotesHead } from './read-notes.ts';
import { signedCommit } from './record.ts';

export type NoteOutcome = {
  readonly pipeline: Pipeline;
  /** Why verdicts are not in Git yet, for a person; undefined when they are. Promotion does not wait for it. */
  readonly hindrance: string | undefined;
};

/** A Git host that is down must not hold the Pipeline up for longer. */
const patienceMs = 10_000;
/** Other pipelines of the repository write to the same ref. */
const mostRaces = 4;

/**
 * Writes terminal verdicts into the Git notes of their commits: [due notes] -> head -> [merge] -> compare-and-swap -> status.
 * Cut short anywhere, the next look finds in the notes what is there already and pushes nothing twice.
 * Throws  PortError('hub', …) only: what goes wrong with Git is the outcome's hindrance.
 */
export async function noteVerdicts(pipeline: Pipeline, ports: Ports, signal: AbortSignal): Promise<NoteOutcome> {
  if (dueNotes(pipeline).length === 0 || pipeline.status === undefined) return { pipeline, hindrance: undefined };
  const repository = await ports.hub.read('Repository', resolveReference(pipeline, pipeline.spec.repository), signal);
  if (repository === undefined) return { pipeline, hindrance: undefined };

  const patience = AbortSignal.timeout(patienceMs);
  const pushed = await pushNotes(pipeline, repository, ports, AbortSignal.any([signal, patience])).catch((error: unknown): Pushed => {
    if (isPortError(error) && error.port !== 'hub') return { hindrance: error.message };
    if (!patience.aborted || signal.aborted) throw error;
    return { hindrance: `the Git host did not answer within ${patienceMs / 1000} s` };
  });
  if (pushed.hindrance !== undefined) return { pipeline, hindrance: `verdicts are not noted in Git: ${pushed.hindrance}` };
  return { pipeline: await ports.hub.writeStatus('Pipeline', pipeline, withNoted(pipeline.status, pushed.noted), signal), hindrance: undefined };
}

type Pushed = { readonly noted: readonly DueNote[]; readonly hindrance?: undefined } | { readonly hindrance: string };

async function pushNotes(pipeline: Pipeline, repository: Repository, ports: Ports, signal: AbortSignal): Promise<Pushed> {
  const access = await ports.accessTo(repository, signal);
  for (let race = 0; race < mostRaces; race += 1) {
    const head = await readNotesHead(access, ports, signal);
    if (head.is === 'foreign') return { hindrance: `${head.why}. ${foreignNotesAdvice}` };
    // Notes that somebody has deleted are written again, as far as they are known.
    const due = dueNotes(pipeline, { all: head.is === 'none' });

    const revisions = [...new Set(due.map(({ revision }) => revision))];
    const folders = await readFolders(head, revisions, access, ports, signal);
    const texts = new Map<string, string>();
    for (const revision of revisions) {
      const before = await readNote(folders, revision, access, ports, signal);
      const now = due.reduce((note, each) => (each.revision === revision ? mergeNotes(note, { stages: [each.note], others: [] }) : note), before);
      if (noteText(now) !== noteText(before)) texts.set(revision, noteText(now));
    }
    if (texts.size === 0) return { noted: due };

    const { tree, objects } = notesTreeWith({ root: head.is === 'ours' ? head.root : [], folders }, texts);
    const expectedHead = head.is === 'ours' ? head.id : undefined;
    const commit = signedCommit({ tree, parents: expectedHead === undefined ? [] : [expectedHead], at: ports.now(), message: notesMessage }, ports.signer);
    const push = await ports.environmentBranch.push({ access, ref: notesRef, commit, objects, expectedHead }, signal).catch((error: unknown) => {
      if (isPortError(error, 'CONFLICT')) return { outcome: 'moved' as const };
      throw error;
    });
    if (push.outcome === 'pushed') return { noted: due };
    if (push.outcome === 'refused') return { hindrance: push.reason };
  }
  return { hindrance: `${notesRef} is being written by others; tried again by itself` };
}

const foreignNotesAdvice = [
  `Sluice writes no notes there until its own commit is the head again: \`git push --force origin <commit>:${notesRef}\` with the last one that`,
  `\`git log --show-signature ${notesRef}\` shows as Sluice's, or \`git push origin --delete ${notesRef}\` to begin anew; let only Sluice's account push to it.`,
].join(' ');
