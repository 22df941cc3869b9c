import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { emptyNote, mergeNotes, type Note, noteText, parseNote, type StageNote, writable } from '../../src/promotion/note.ts';
import { notesTreeWith, objectId } from '../../src/promotion/notes-tree.ts';

const verified: StageNote = {
  pipeline: { namespace: 'shop', name: 'web' },
  stage: 'production',
  verdict: 'verified',
  at: '2026-09-01T10:00:00.000Z',
  ordinal: 3,
  release: 'web-7-0123abcd',
  digest: 'feedbeef',
  reason: 'healthy for 60 s',
};
const noteOf = (...stages: readonly StageNote[]): Note => ({ stages, others: [] });

describe('the note of a commit', () => {
  it('is a line that a person can read', () => {
    expect(noteText(noteOf(verified))).toBe(
      'shop/web production verified 2026-09-01T10:00:00.000Z admission=3 release=web-7-0123abcd digest=feedbeef healthy for 60 s\n',
    );
  });

  it('says nothing of a digest that is not known', () => {
    expect(parseNote(noteText(noteOf({ ...verified, digest: undefined })))).toEqual(noteOf({ ...verified, digest: undefined }));
  });

  it('keeps what a later version wrote', () => {
    const text = 'shop/web canary weighed 2026-09-01T10:00:00.000Z\n';
    expect(noteText(mergeNotes(parseNote(text), noteOf(verified)))).toContain(text);
  });

  it.each([
    ['another stage', { stage: 'staging' }],
    ['another pipeline', { pipeline: { namespace: 'shop', name: 'payments' } }],
    ['a pipeline of another namespace', { pipeline: { namespace: 'bank', name: 'web' } }],
  ] satisfies readonly (readonly [string, Partial<StageNote>])[])('keeps the line of %s', (_, other) => {
    const merged = mergeNotes(noteOf({ ...verified, ...other }), noteOf(verified));
    expect(merged.stages).toHaveLength(2);
  });

  it.each([
    ['the later verdict', { at: '2026-09-01T10:00:01.000Z', verdict: 'failed' }],
    ['a later admission of the same moment', { ordinal: 4, verdict: 'failed' }],
  ] satisfies readonly (readonly [string, Partial<StageNote>])[])('holds %s of a stage, whichever was written first', (_, later) => {
    const winner = { ...verified, ...later };
    expect(mergeNotes(noteOf(verified), noteOf(winner)).stages).toEqual([winner]);
    expect(mergeNotes(noteOf(winner), noteOf(verified)).stages).toEqual([winner]);
  });

  it.each([
    '',
    '\n\n',
    'hello\n',
    'shop/web production verified yesterday admission=3 release=a digest=- fine\n',
    `${noteText(noteOf(verified)).trim()}\u202e\n`,
  ])('is not taken for a verdict when it says %j', (text) => {
    expect(parseNote(text).stages).toEqual([]);
  });
});

const word = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?$/);
const anyStageNote: fc.Arbitrary<StageNote> = fc
  .record({
    pipeline: fc.record({ namespace: word, name: word }),
    stage: word,
    verdict: fc.constantFrom('verified' as const, 'failed' as const),
    at: fc.integer({ min: 0, max: 4_000_000_000_000 }).map((ms) => new Date(ms).toISOString()),
    ordinal: fc.integer({ min: 1, max: 1_000_000 }),
    release: word,
    digest: fc.option(fc.stringMatching(/^[0-9a-f]{40}$/), { nil: undefined }),
    reason: fc.string({ unit: 'binary', maxLength: 700 }),
  })
  .map(writable);
// Few pipelines and stages, so that notes meet.
const few = fc.array(
  fc
    .tuple(anyStageNote, fc.constantFrom('a', 'b'), fc.constantFrom('staging', 'production'), fc.integer({ min: 1, max: 3 }))
    .map(([note, name, stage, seconds]) => ({
      ...note,
      pipeline: { namespace: 'shop', name },
      stage,
      at: new Date(seconds * 1000).toISOString(),
    })),
  { maxLength: 6 },
);
const anyNote: fc.Arbitrary<Note> = few.map((stages) => stages.reduce((note, stage) => mergeNotes(note, noteOf(stage)), emptyNote));

describe('any note', () => {
  it('is read back as it was written', () => {
    const isReadBack = (note: Note): void => expect(parseNote(noteText(note))).toEqual(note);
    fc.assert(fc.property(anyStageNote, (note) => void isReadBack(noteOf(note))));
    fc.assert(fc.property(anyNote, (note) => void isReadBack(note)));
  });

  it('merges with others to the same in any order, and with itself to itself', () => {
    fc.assert(
      fc.property(anyNote, anyNote, anyNote, (a, b, c) => {
        expect(mergeNotes(a, b)).toEqual(mergeNotes(b, a));
        expect(mergeNotes(mergeNotes(a, b), c)).toEqual(mergeNotes(a, mergeNotes(b, c)));
        expect(mergeNotes(a, a)).toEqual(a);
      }),
    );
  });

  it('is made of any text, and loses no line of it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const lines = text.split('\n').filter((line) => line.trim() !== '');
        expect(noteText(parseNote(text)).split('\n').slice(0, -1).toSorted()).toEqual(lines.toSorted());
      }),
    );
  });
});

describe('the tree of the notes', () => {
  const commit = 'ab'.repeat(20);
  const beside = `ab${'cd'.repeat(19)}`;
  const blob = (text: string) => objectId('blob', Buffer.from(text));

  it('has a folder of two digits, and only what is new is sent', () => {
    const { tree, objects } = notesTreeWith({ root: [], folders: new Map() }, new Map([[commit, 'one\n']]));
    expect(objects.map(({ type }) => type)).toEqual(['blob', 'tree', 'tree']);
    expect(tree).toBe(objectId('tree', objects[2]?.bytes ?? Buffer.alloc(0)));
    expect(Buffer.from(objects[2]?.bytes ?? []).toString('latin1')).toMatch(/^40000 ab\0/);
    expect(Buffer.from(objects[1]?.bytes ?? []).toString('latin1')).toContain(`100644 ${commit.slice(2)}\0`);
  });

  it('keeps the other folders, and the other notes of the same folder', () => {
    const other = { name: beside.slice(2), type: 'blob' as const, id: blob('two\n') };
    const far = { name: 'ff', type: 'tree' as const, id: '1'.repeat(40) };
    const before = { name: 'ab', type: 'tree' as const, id: '2'.repeat(40) };
    const { objects } = notesTreeWith({ root: [before, far], folders: new Map([['ab', [other]]]) }, new Map([[commit, 'one\n']]));
    const [, folder, root] = objects.map(({ bytes }) => Buffer.from(bytes));
    expect(folder?.includes(Buffer.from(other.id, 'hex'))).toBe(true);
    expect(root?.includes(Buffer.from(far.id, 'hex'))).toBe(true);
    expect(root?.includes(Buffer.from(before.id, 'hex'))).toBe(false);
  });
});
