import { isPortError } from '../model/port-error.ts';
import { sameReference } from '../model/reference.ts';
import type { Application } from '../resources/application.ts';
import type { Pipeline, StageSpec, StageStatus } from '../resources/pipeline.ts';
import type { Repository } from '../resources/repository.ts';
import { referenceOf } from '../resources/resource.ts';
import type { Ref, RepositoryAccess } from '../source/source.ts';
import { commitOf } from '../sync/checkout.ts';
import { describeRelease, releasesOf } from '../sync/refresh.ts';
import { followersOf, hasToBeRebuilt } from '../sync/refs.ts';
import { hasBranch } from '../sync/wanted.ts';
import { environmentBranchName, environmentRef, foreignHeadAdvice, readHeadOwner } from './environment-branch.ts';
import type { Ports } from './ports.ts';
import { readAllNotes, readNotesHead } from './read-notes.ts';
import { type KnownRelease, type NotedVerdict, type RecordedAdmission, rebuildStage, releasesToMake, type StageEvidence } from './rebuild.ts';

/** Our own commits are read as far back as a stage's history goes, foreign ones above them no further than this. */
const longestWalk = 11;

/**
 * Brings back what Git holds of a Pipeline of which the hub knows nothing: branches, notes -> [evidence -> Releases, stages] -> hub.
 * Releases come first, under their old names, so that a run that was cut short is simply done again.
 * Output: the Pipeline with its stages as Git tells them; undefined when the hub knows as much as Git.
 */
export async function rebuildFromGit(pipeline: Pipeline, repository: Repository, ports: Ports, signal: AbortSignal): Promise<Pipeline | undefined> {
  const refs = repository.status?.refs ?? [];
  if (!hasToBeRebuilt(pipeline, refs)) return undefined;
  const access = await ports.accessTo(repository, signal);
  const before = pipeline.status?.stages ?? [];
  const lost = pipeline.spec.stages.filter((spec) => before.find(({ name }) => name === spec.name)?.admitted === undefined);

  const notes = await readVerdicts(pipeline, access, ports, signal);
  const evidence: StageEvidence[] = [];
  for (const spec of lost) {
    const branch = refs.find(({ name }) => hasBranch(spec) && name === environmentRef(pipeline.metadata.name, spec.name));
    const read = branch === undefined ? { recorded: [], foreign: undefined } : await readBranch(pipeline, spec, branch, access, ports, signal);
    evidence.push({ spec, ...read, notes: notes.get(spec.name) ?? [] });
  }

  const known = releasesOf(pipeline, ports).map(
    ({ metadata, spec }): KnownRelease => ({ name: metadata.name, revision: spec.revision, sequence: spec.sequence }),
  );
  const { applications } = followersOf(repository, ports.hub.list('Application', pipeline.metadata.namespace), []);
  const made = await makeReleases(pipeline, applications, releasesToMake(pipeline.metadata.name, evidence, known), access, ports, signal);
  const nowMs = ports.now().getTime();
  const rebuilt = new Map(evidence.map((stage) => [stage.spec.name, rebuildStage(stage, [...known, ...made], nowMs)]));
  const stages = pipeline.spec.stages.flatMap(({ name }): StageStatus[] => [
    rebuilt.get(name) ?? before.find((stage) => stage.name === name) ?? { name, history: [] },
  ]);
  return ports.hub.writeStatus('Pipeline', pipeline, { ...(pipeline.status ?? { conditions: [] }), signer: ports.signer.key.publicKeyOpenSsh, stages }, signal);
}

/** The verdicts that the notes hold of a Pipeline, by stage. Notes that are not ours tell nothing. */
async function readVerdicts(
  pipeline: Pipeline,
  access: RepositoryAccess,
  ports: Ports,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly NotedVerdict[]>> {
  const notes = await readAllNotes(await readNotesHead(access, ports, signal), access, ports, signal);
  const verdicts = [...notes].flatMap(([revision, note]) =>
    note.stages.filter((each) => sameReference(each.pipeline, referenceOf(pipeline))).map((each) => ({ ...each, revision })),
  );
  return Map.groupBy(verdicts, ({ stage }) => stage);
}

/** Walks a branch back from its head: over foreign commits to ours, and along ours. */
async function readBranch(
  pipeline: Pipeline,
  spec: StageSpec,
  ref: Ref,
  access: RepositoryAccess,
  ports: Ports,
  signal: AbortSignal,
): Promise<Pick<StageEvidence, 'recorded' | 'foreign'>> {
  const branch = environmentBranchName(pipeline.metadata.name, spec.name);
  const recorded: RecordedAdmission[] = [];
  let whyForeign: string | undefined;
  for (let id: string | undefined = ref.commit, looked = 0; id !== undefined && looked < longestWalk; looked += 1) {
    const read: ReadAdmission = await readAdmission(pipeline, spec, { name: ref.name, commit: id }, access, ports, signal);
    if (read.is === 'foreign' && recorded.length > 0) break;
    if (read.is === 'ours') recorded.push(read.admission);
    else whyForeign ??= read.why;
    id = read.before;
  }
  if (whyForeign === undefined) return { recorded, foreign: undefined };
  const why = `branch ${branch}: commit ${ref.commit.slice(0, 12)} is not Sluice's: ${whyForeign}. ${foreignHeadAdvice(branch, recorded[0]?.commit)}`;
  return { recorded, foreign: { commit: ref.commit, why } };
}

type ReadAdmission = { readonly before: string | undefined } & (
  | { readonly is: 'ours'; readonly admission: RecordedAdmission }
  | { readonly is: 'foreign'; readonly why: string }
);

async function readAdmission(
  pipeline: Pipeline,
  spec: StageSpec,
  ref: Ref,
  access: RepositoryAccess,
  ports: Ports,
  signal: AbortSignal,
): Promise<ReadAdmission> {
  const missing = (error: unknown): undefined => {
    if (isPortError(error, 'NOT_FOUND')) return undefined;
    throw error;
  };
  const commit = await commitOf(ports.source, access, { revision: ref.commit, ref: ref.name }, signal).catch(missing);
  if (commit === undefined) return { is: 'foreign', why: 'the host does not have it', before: undefined };

  const [first, second] = commit.parents;
  const before = second === undefined ? undefined : first;
  // The Release's commit is the last parent of ours; fetched so that its tree can be compared.
  const release = second ?? first;
  if (release !== undefined) await commitOf(ports.source, access, { revision: release, ref: `refs/heads/${pipeline.spec.branch}` }, signal).catch(missing);
  const expected = { publicKeys: [ports.signer.key.publicKey], pipeline: referenceOf(pipeline), stage: spec.name, previousHead: before };
  const owner = await readHeadOwner({ readRawCommit: ports.readRawCommit, access, id: commit.id, ...expected }, signal).catch(missing);
  if (owner === undefined) return { is: 'foreign', why: 'the host does not have the Release that it names', before: first };
  if (owner.owner === 'foreign') return { is: 'foreign', why: owner.why, before: first };

  const { record } = owner;
  const at = commit.committedAt.toISOString();
  return {
    is: 'ours',
    before,
    admission: { commit: commit.id, previous: before, release: record.release, revision: record.revision, ordinal: record.admission, gates: record.gates, at },
  };
}

/** Creates Releases of commits that the host still has; of the others nothing can be deployed any more. */
async function makeReleases(
  pipeline: Pipeline,
  applications: readonly Application[],
  wanted: readonly KnownRelease[],
  access: RepositoryAccess,
  ports: Ports,
  signal: AbortSignal,
): Promise<readonly KnownRelease[]> {
  const made: KnownRelease[] = [];
  for (const { name, revision, sequence } of wanted) {
    const commit = await commitOf(ports.source, access, { revision, ref: `refs/heads/${pipeline.spec.branch}` }, signal).catch((error: unknown) => {
      if (isPortError(error, 'NOT_FOUND')) return undefined;
      throw error;
    });
    if (commit === undefined) continue;
    await ports.hub.createRelease(pipeline, name, await describeRelease(pipeline, applications, { commit, sequence, access }, ports, signal), signal);
    made.push({ name, revision, sequence });
  }
  return made;
}
