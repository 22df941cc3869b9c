import type { Pipeline, StageSpec, StageStatus } from '../resources/pipeline.ts';
import type { Release } from '../resources/release.ts';
import type { Repository } from '../resources/repository.ts';
import { referenceOf } from '../resources/resource.ts';
import { hasBranch } from '../sync/wanted.ts';
import { environmentBranchName, environmentRef, foreignHeadAdvice, goneBranchAdvice, readHeadOwner } from './environment-branch.ts';
import type { Ports } from './ports.ts';
import { type CommitObject, commitOf } from './record.ts';

type Admission = NonNullable<StageStatus['admitted']>;

/**
 * Writes a stage's admission to its environment branch: one signed commit, moved there by compare-and-swap on the head that the decision saw.
 * The commit's id is in status before the push, and everything that it is made from stands there too, so a retry pushes the same commit, and
 * after a lost answer the branch's head tells that it is done.
 */
export async function recordAdmission(
  pipeline: Pipeline,
  spec: StageSpec,
  repository: Repository,
  releases: readonly Release[],
  ports: Ports,
  signal: AbortSignal,
): Promise<Pipeline> {
  const stage = stageOf(pipeline, spec);
  const { admitted } = stage;
  if (!hasBranch(spec) || admitted?.record === undefined || admitted.record.pushed || stage.foreign !== undefined) return pipeline;

  const release = releases.find(({ metadata }) => metadata.name === admitted.release);
  if (release === undefined) return pipeline;
  const commit = promotionCommit(pipeline, spec, admitted, release, ports);
  const noted =
    admitted.record.commit === commit.id
      ? pipeline
      : await writeStage(pipeline, { ...stage, admitted: { ...admitted, record: { ...admitted.record, commit: commit.id } } }, ports, signal);

  const access = await ports.accessTo(repository, signal);
  const ref = environmentRef(pipeline.metadata.name, spec.name);
  const pushed = await ports.environmentBranch.push({ access, ref, commit, expectedHead: admitted.record.expectedHead }, signal);
  const now = stageOf(noted, spec);
  if (now.admitted?.record === undefined) return noted;

  if (pushed.outcome === 'pushed' || (pushed.outcome === 'moved' && pushed.head === commit.id)) {
    return writeStage(
      noted,
      { ...now, head: commit.id, admitted: { ...now.admitted, reason: 'its Applications are being synced', record: { ...now.admitted.record, pushed: true } } },
      ports,
      signal,
    );
  }
  if (pushed.outcome === 'refused') {
    return writeStage(
      noted,
      { ...now, admitted: { ...now.admitted, reason: `the Git host refused the promotion commit: ${pushed.reason}`.slice(0, 2000) } },
      ports,
      signal,
    );
  }
  const { expectedHead } = admitted.record;
  if (pushed.head === undefined && expectedHead !== undefined)
    return writeStage(noted, { ...now, foreign: goneBranch(pipeline, spec, expectedHead) }, ports, signal);
  const branch = environmentBranchName(pipeline.metadata.name, spec.name);
  const found = pushed.head === undefined ? 'is gone' : `is at ${pushed.head.slice(0, 12)}, which is not where Sluice left it`;
  const why = `branch ${branch} ${found}. ${foreignHeadAdvice(branch, expectedHead)}`;
  return writeStage(noted, { ...now, foreign: { commit: pushed.head ?? commit.id, why: why.slice(0, 1000) } }, ports, signal);
}

/** Somebody deleted the branch; `commit` is where Sluice left it. */
function goneBranch(pipeline: Pipeline, spec: StageSpec, head: string): NonNullable<StageStatus['foreign']> {
  const branch = environmentBranchName(pipeline.metadata.name, spec.name);
  return { commit: head, why: `branch ${branch} is gone, and with it the record of what was promoted. ${goneBranchAdvice(branch, head)}`.slice(0, 1000) };
}

/**
 * Compares the environment branches with what Sluice left there. A head that is not ours is foreign: it is never deployed, and the stage takes
 * nothing until it is gone. Output: the Pipeline with that noted, not yet written.
 */
export async function checkHeads(pipeline: Pipeline, repository: Repository, ports: Ports, signal: AbortSignal): Promise<Pipeline> {
  const stages = await Promise.all(
    pipeline.spec.stages.map(async (spec): Promise<StageStatus> => {
      const stage = stageOf(pipeline, spec);
      return hasBranch(spec) ? checkHead(pipeline, spec, stage, repository, ports, signal) : stage;
    }),
  );
  return { ...pipeline, status: { ...(pipeline.status ?? { conditions: [] }), stages } };
}

async function checkHead(
  pipeline: Pipeline,
  spec: StageSpec,
  stage: StageStatus,
  repository: Repository,
  ports: Ports,
  signal: AbortSignal,
): Promise<StageStatus> {
  const name = environmentRef(pipeline.metadata.name, spec.name);
  const ref = repository.status?.refs.find((each) => each.name === name);
  const { foreign: _before, ...clean } = stage;
  if (stage.head !== undefined && repository.status?.missing.includes(name)) return { ...clean, foreign: goneBranch(pipeline, spec, stage.head) };
  const ours = [stage.head, stage.admitted?.record?.commit, stage.admitted?.record?.expectedHead, ...stage.history.map(({ commit }) => commit)];
  if (ref === undefined || ours.includes(ref.commit)) return clean;
  if (stage.foreign?.commit === ref.commit) return stage;

  const access = await ports.accessTo(repository, signal);
  await ports.source.fetch(access, ref, signal);
  const owner = await readHeadOwner(
    {
      readRawCommit: ports.readRawCommit,
      access,
      id: ref.commit,
      publicKeys: [ports.signer.key.publicKey],
      pipeline: referenceOf(pipeline),
      stage: spec.name,
      previousHead: stage.head,
    },
    signal,
  );
  if (owner.owner === 'ours') return { ...clean, head: ref.commit };
  const branch = environmentBranchName(pipeline.metadata.name, spec.name);
  return {
    ...clean,
    foreign: {
      commit: ref.commit,
      why: `branch ${branch}: commit ${ref.commit.slice(0, 12)} is not Sluice's: ${owner.why}. ${foreignHeadAdvice(branch, stage.head)}`.slice(0, 1000),
    },
  };
}

function promotionCommit(pipeline: Pipeline, spec: StageSpec, admitted: Admission, release: Release, { signer }: Ports): CommitObject {
  const gates = admitted.record?.gates ?? [];
  return commitOf(
    {
      pipeline: referenceOf(pipeline),
      stage: spec.name,
      release: { name: release.metadata.name, revision: release.spec.revision, tree: release.spec.tree, subject: release.spec.subject },
      admission: admitted.ordinal,
      head: admitted.record?.expectedHead,
      decidedAt: new Date(admitted.admittedAt),
      why: `verified in ${spec.after.join(' and ')}`,
      gates,
      approvedBy: [],
      digests: [],
    },
    signer,
  );
}

function stageOf(pipeline: Pipeline, spec: StageSpec): StageStatus {
  return pipeline.status?.stages.find(({ name }) => name === spec.name) ?? { name: spec.name, history: [] };
}

async function writeStage(pipeline: Pipeline, stage: StageStatus, { hub }: Ports, signal: AbortSignal): Promise<Pipeline> {
  const status = pipeline.status ?? { conditions: [], stages: [] };
  return hub.writeStatus('Pipeline', pipeline, { ...status, stages: status.stages.map((each) => (each.name === stage.name ? stage : each)) }, signal);
}
