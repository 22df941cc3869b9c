import { parseReference, type Reference, referenceText } from '../model/reference.ts';
import { oneLine } from './trailers.ts';

/** The verdict of one stage on the Release whose commit carries the note. */
export type StageNote = {
  readonly pipeline: Reference;
  readonly stage: string;
  readonly verdict: 'verified' | 'failed';
  /** When it was reached; ISO 8601 in UTC. */
  readonly at: string;
  /** The ordinal of the admission that it speaks of. */
  readonly ordinal: number;
  readonly release: string;
  /** Digest of what the stage rendered, where it is known. */
  readonly digest: string | undefined;
  readonly reason: string;
};

/** The note of one commit: a line for each pipeline and stage; lines that a later version wrote are kept as they are. */
export type Note = { readonly stages: readonly StageNote[]; readonly others: readonly string[] };

export const emptyNote: Note = { stages: [], others: [] };

/** What `git notes --ref=sluice show <commit>` prints. Equal notes have equal texts. */
export function noteText({ stages, others }: Note): string {
  return [...stages.map(lineOf).toSorted(), ...others.toSorted()].map((line) => `${line}\n`).join('');
}

/** Reads a note's text back. Every text is one: a line that says nothing to this version is kept beside the others. */
export function parseNote(text: string): Note {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const read = lines.map((line) => ({ line, stage: stageNoteOf(line) }));
  return {
    stages: read.flatMap(({ stage }) => (stage === undefined ? [] : [stage])).toSorted(byText),
    others: read.flatMap(({ line, stage }) => (stage === undefined ? [line] : [])).toSorted(),
  };
}

/** Both notes in one: of two verdicts of one stage the later stands, whichever of two workers wrote it down first. */
export function mergeNotes(one: Note, other: Note): Note {
  const kept = new Map<string, StageNote>();
  for (const note of [...one.stages, ...other.stages]) {
    const key = `${referenceText(note.pipeline)} ${note.stage}`;
    const known = kept.get(key);
    if (known === undefined || isLater(note, known)) kept.set(key, note);
  }
  return { stages: [...kept.values()].toSorted(byText), others: [...new Set([...one.others, ...other.others])].toSorted() };
}

/** The note as its line will hold it: a reason on one line, without control characters, at most 500 characters long. */
export const writable = (note: StageNote): StageNote => ({ ...note, reason: oneLine(note.reason) });

function isLater(note: StageNote, known: StageNote): boolean {
  if (note.at !== known.at) return Date.parse(note.at) > Date.parse(known.at);
  return note.ordinal === known.ordinal ? lineOf(note) > lineOf(known) : note.ordinal > known.ordinal;
}

function lineOf(note: StageNote): string {
  const { pipeline, stage, verdict, at, ordinal, release, digest, reason } = writable(note);
  return `${referenceText(pipeline)} ${stage} ${verdict} ${at} admission=${ordinal} release=${release} digest=${digest ?? '-'} ${reason}`;
}

const pattern = /^(\S+) (\S+) (verified|failed) (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) admission=([1-9]\d{0,14}) release=(\S+) digest=(\S+) (.+)$/u;

function stageNoteOf(line: string): StageNote | undefined {
  const [, named = '', stage = '', verdict, at = '', ordinal = '', release = '', digest = '', reason = ''] = pattern.exec(line) ?? [];
  const pipeline = parseReference(named);
  if (pipeline === undefined || (verdict !== 'verified' && verdict !== 'failed') || Number.isNaN(Date.parse(at))) return undefined;
  const note: StageNote = { pipeline, stage, verdict, at, ordinal: Number(ordinal), release, digest: digest === '-' ? undefined : digest, reason };
  // A line that would be written otherwise is not one of these: kept as it is.
  return lineOf(note) === line ? note : undefined;
}

const byText = (a: StageNote, b: StageNote): number => (lineOf(a) < lineOf(b) ? -1 : 1);
