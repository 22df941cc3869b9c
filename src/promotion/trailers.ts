import { accepted, type Parsed, type Problem, refused } from '../model/parsed.ts';
import { parseReference, type Reference, referenceText } from '../model/reference.ts';

/** One verify gate of a stage in `after`, as it stood when the Release was admitted: `health` -> `staging verified 2026-09-01T10:00:00Z`. */
export type GateResult = { readonly gate: string; readonly result: string };

/** What one Application rendered for the Release. */
export type RenderDigest = { readonly application: string; readonly digest: string };

/** A Release that a rollback left behind, and the digest of what must change before the stage takes a newer one. */
export type Hold = { readonly release: string; readonly digest: string };

/** One admission as Git records it. With the same record and key a retry makes the same commit. */
export type AdmissionRecord = {
  readonly pipeline: Reference;
  readonly stage: string;
  /** What takes the stage; at a rollback the earlier one. `revision` and `tree` are full ids, `subject` is its commit's first line. */
  readonly release: { readonly name: string; readonly revision: string; readonly tree: string; readonly subject: string };
  /** The ordinal of the admission in its stage, from 1. */
  readonly admission: number;
  /** The head of the branch that the decision saw; undefined when there was no branch. */
  readonly head: string | undefined;
  readonly decidedAt: Date;
  /** One sentence for a person: why now. */
  readonly why: string;
  readonly gates: readonly GateResult[];
  readonly approvedBy: readonly string[];
  readonly digests: readonly RenderDigest[];
  /** Who asked for it, when a person did (promote, rollback, override). */
  readonly requestedBy?: string;
  /** Its presence makes this a rollback. */
  readonly hold?: Hold;
};

/** What a record's trailers say. Free text that anybody can type: believe it only of a commit that `classifyHead` calls ours. */
export type RecordTrailers = Pick<AdmissionRecord, 'pipeline' | 'stage' | 'admission' | 'gates' | 'approvedBy' | 'digests' | 'requestedBy' | 'hold'> & {
  readonly release: string;
  readonly revision: string;
};

/** The commit message: a subject, why, and trailers that `git log --format='%(trailers)'` understands. */
export function recordMessage(record: AdmissionRecord): string {
  const trailers = trailersOf(record);
  const revision = trailers.revision.slice(0, 7);
  const verb = trailers.hold === undefined ? `Promote ${revision} to ${trailers.stage}` : `Roll back ${trailers.stage} to ${revision}`;
  const body = `Release ${trailers.release} takes stage ${trailers.stage} of pipeline ${referenceText(trailers.pipeline)} as admission ${trailers.admission}.`;
  return `${verb}: ${oneLine(record.release.subject, 120)}\n\n${body}\nWhy: ${oneLine(record.why, 1_000)}\n\n${trailerLines(trailers).join('\n')}\n`;
}

/** The record as its trailers will hold it: every value on one line, without control characters, at most 500 characters long. */
export function trailersOf(record: AdmissionRecord): RecordTrailers {
  return {
    pipeline: { namespace: oneWord(record.pipeline.namespace), name: oneWord(record.pipeline.name) },
    stage: oneWord(record.stage),
    release: oneWord(record.release.name),
    revision: record.release.revision,
    admission: record.admission,
    gates: record.gates.map(({ gate, result }) => ({ gate: oneWord(gate), result: oneLine(result) })),
    approvedBy: record.approvedBy.map((who) => oneLine(who)),
    digests: record.digests.map(({ application, digest }) => ({ application: oneWord(application), digest: oneWord(digest) })),
    ...(record.requestedBy === undefined ? {} : { requestedBy: oneLine(record.requestedBy) }),
    ...(record.hold === undefined ? {} : { hold: { release: oneWord(record.hold.release), digest: oneWord(record.hold.digest) } }),
  };
}

/** Reads the trailers back: those of the last paragraph. Trailers of other tools, and Sluice's of a later version, are passed over. */
export function parseTrailers(message: string): Parsed<RecordTrailers> {
  const trailers = lastParagraph(message).flatMap((line): Trailer[] => {
    const [, key, value] = /^([A-Za-z0-9-]+): (.*)$/.exec(line) ?? [];
    return key === undefined || value === undefined ? [] : [{ key, value }];
  });
  const all = (key: string): string[] => trailers.filter((trailer) => trailer.key === key).map(({ value }) => value);

  const problems: Problem[] = [];
  const one = <T>(key: string, read: (value: string) => T | undefined, shape: string): T | undefined => {
    const values = all(key);
    const value = values.length === 1 ? read(values[0] ?? '') : undefined;
    const message = values.length === 1 ? `is not ${shape}` : `occurs ${values.length} times, not once`;
    if (value === undefined) problems.push({ at: `trailer ${key}`, message });
    return value;
  };

  const pipeline = one('Sluice-Pipeline', parseReference, 'namespace/name');
  const stage = one('Sluice-Stage', text, 'a name');
  const release = one('Sluice-Release', text, 'a name');
  const revision = one('Sluice-Revision', (value) => (/^[0-9a-f]{40}$/.test(value) ? value : undefined), 'a full commit id');
  const admission = one('Sluice-Admission', ordinal, 'a number from 1');
  const requestedBy = all('Sluice-Requested-by').length === 0 ? undefined : one('Sluice-Requested-by', text, 'a name');
  const hold = all('Sluice-Hold').length === 0 ? undefined : one('Sluice-Hold', parseHold, '<release> <digest>');
  if (!pipeline || !stage || !release || !revision || !admission || problems.length > 0) return refused(...problems);

  return accepted({
    pipeline,
    stage,
    release,
    revision,
    admission,
    gates: named(trailers, 'Sluice-Gate').map(({ name, value }) => ({ gate: name, result: value })),
    approvedBy: all('Sluice-Approved-by'),
    digests: named(trailers, 'Sluice-Digest').map(({ name, value }) => ({ application: name, digest: value })),
    ...(requestedBy === undefined ? {} : { requestedBy }),
    ...(hold === undefined ? {} : { hold }),
  });
}

type Trailer = { readonly key: string; readonly value: string };

function trailerLines(trailers: RecordTrailers): readonly string[] {
  return [
    `Sluice-Pipeline: ${referenceText(trailers.pipeline)}`,
    `Sluice-Stage: ${trailers.stage}`,
    `Sluice-Release: ${trailers.release}`,
    `Sluice-Revision: ${trailers.revision}`,
    `Sluice-Admission: ${trailers.admission}`,
    ...(trailers.hold === undefined ? [] : [`Sluice-Hold: ${trailers.hold.release} ${trailers.hold.digest}`]),
    ...(trailers.requestedBy === undefined ? [] : [`Sluice-Requested-by: ${trailers.requestedBy}`]),
    ...trailers.approvedBy.map((who) => `Sluice-Approved-by: ${who}`),
    ...trailers.gates.map(({ gate, result }) => namedLine('Sluice-Gate', gate, result)),
    ...trailers.digests.map(({ application, digest }) => namedLine('Sluice-Digest', application, digest)),
  ];
}

// Git ends a trailer's key at the first character that is no letter, digit or dash, and an Application's name may have dots.
const fitsInKey = /^[A-Za-z0-9-]+$/;

const namedLine = (key: string, name: string, value: string): string => (fitsInKey.test(name) ? `${key}-${name}: ${value}` : `${key}: ${name} ${value}`);

function named(trailers: readonly Trailer[], prefix: string): readonly { readonly name: string; readonly value: string }[] {
  return trailers.flatMap(({ key, value }) => {
    if (key.startsWith(`${prefix}-`)) return [{ name: key.slice(prefix.length + 1), value }];
    const space = value.indexOf(' ');
    return key === prefix && space > 0 ? [{ name: value.slice(0, space), value: value.slice(space + 1) }] : [];
  });
}

const lastParagraph = (message: string): readonly string[] => (message.trimEnd().split('\n\n').at(-1) ?? '').split('\n');

const text = (value: string): string | undefined => (value === '' ? undefined : value);

function ordinal(value: string): number | undefined {
  const number = /^[1-9]\d*$/.test(value) ? Number(value) : Number.NaN;
  return Number.isSafeInteger(number) ? number : undefined;
}

function parseHold(value: string): Hold | undefined {
  const [release, digest, ...rest] = value.split(' ');
  return release && digest && rest.length === 0 ? { release, digest } : undefined;
}

/**
 * The text on one line; `-` when there is none. Control characters end a line or drive a terminal; format characters (\p{Cf}) turn the direction of
 * text and so can forge what is read: both are taken out.
 */
export function oneLine(value: string, maxCharacters = 500): string {
  const characters = [
    ...value
      .toWellFormed()
      .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ')
      .trim(),
  ];
  if (characters.length === 0) return '-';
  return characters.length <= maxCharacters ? characters.join('') : `${characters.slice(0, maxCharacters - 1).join('')}…`;
}

const oneWord = (value: string): string => oneLine(value, 253).replaceAll(' ', '_');
