import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { verifyCommit } from '../src/promotion/record.ts';
import { allowedSignersLine, parsePublicKey } from '../src/promotion/signing-key.ts';
import type { Stage } from './demo-resources.ts';
import type { DemoWorld } from './demo-world.ts';
import type { WorkingClone } from './git.ts';
import type { CommitStatus } from './gitea.ts';
import { onPath } from './machine-programs.ts';

export type { Stage };

export const environmentBranch = 'env/shop/production';

/** The newest commit status of a stage, as the Git host has it. */
export async function commitStatus({ gitea, repository }: DemoWorld, commit: string, stage: Stage): Promise<CommitStatus | undefined> {
  const statuses = await gitea.commitStatuses(repository.name, commit);
  return statuses.find(({ context }) => context === `sluice/shop/${stage}`);
}

/** Asks the Git host until the stage's status on the commit is in this state. Rejects when the signal fires. */
export async function untilStatus(world: DemoWorld, commit: string, stage: Stage, state: string, signal: AbortSignal): Promise<CommitStatus> {
  for (;;) {
    signal.throwIfAborted();
    const status = await commitStatus(world, commit, stage);
    if (status?.state === state) return status;
    await sleep(100, undefined, { signal });
  }
}

/** The head of production's branch on the Git host; undefined when there is none. */
export async function environmentHead({ gitea, repository }: DemoWorld): Promise<string | undefined> {
  const branches = (await gitea.api('GET', `/repos/${gitea.user}/${repository.name}/branches`)) as readonly Branch[] | null; // null: an empty repository
  return branches?.find(({ name }) => name === environmentBranch)?.commit.id;
}

type Branch = { readonly name: string; readonly commit: { readonly id: string } };

type GitCommit = { readonly tree: string; readonly parents: readonly string[]; readonly message: string };

async function readCommit(clone: WorkingClone, id: string): Promise<GitCommit> {
  const [tree = '', parents = '', ...message] = (await clone.git('log', '-1', '--format=%T%n%P%n%B', id)).split('\n');
  return { tree, parents: parents.split(' '), message: message.join('\n') };
}

export type Promotion = { readonly id: string; readonly previousHead: string | undefined; readonly lines: readonly string[] };

/**
 * The commit at the head of production's branch, checked to be the promotion of this commit: its tree, its parents, its trailers and its signature.
 * Throws with what is wrong.
 */
export async function readPromotion(world: DemoWorld, clone: WorkingClone, commit: string): Promise<Promotion> {
  const id = await environmentHead(world);
  if (id === undefined) throw new Error(`the Git host has no branch ${environmentBranch}`);
  // Gitea's API answers the commit's id where the tree's should stand, so the commit itself is fetched.
  await clone.git('fetch', '--quiet', 'origin', `+refs/heads/${environmentBranch}:refs/remotes/origin/${environmentBranch}`);
  const [promotion, promoted] = await Promise.all([readCommit(clone, id), readCommit(clone, commit)]);
  if (promotion.tree !== promoted.tree)
    throw new Error(
      `the tree of ${short(id)} (head of ${environmentBranch}) is ${short(promotion.tree)}, and that of ${short(commit)} is ${short(promoted.tree)}`,
    );
  if (promotion.parents.at(-1) !== commit)
    throw new Error(`the parents of ${short(id)} are ${promotion.parents.map(short).join(', ')}; ${short(commit)} is not the last of them`);
  const trailers = promotion.message.split('\n').filter((line) => /^Sluice-(Release|Admission|Gate-.+): /.test(line));
  if (trailers.length < 3)
    throw new Error(`commit ${short(id)} lacks one of the trailers Sluice-Release, Sluice-Admission and Sluice-Gate-…: ${promotion.message}`);
  const signature = await readSignature(world, clone, id);
  return {
    id,
    previousHead: promotion.parents.length > 1 ? promotion.parents[0] : undefined,
    lines: [`${environmentBranch} is at ${short(id)}: the tree of ${short(commit)}, ${signature}`, ...trailers.map((line) => `  ${line}`)],
  };
}

/** What `git verify-commit` says of it, with the Pipeline's signer as the only allowed one. Throws when it does not accept the commit. */
export async function readSignature({ hub, dir, shop }: DemoWorld, clone: WorkingClone, id: string): Promise<string> {
  const signer = (await hub.kubectl(['get', 'pipelines.sluice.dev', 'shop', '-n', shop.namespaces.hub, '-o', 'jsonpath={.status.signer}'])).trim();
  if (signer === '') throw new Error('Pipeline shop has no status.signer: nobody can check its signatures');
  if (onPath('ssh-keygen', process.env) === undefined) {
    const key = parsePublicKey(signer);
    const bytes = Buffer.from(await clone.git('cat-file', 'commit', id));
    if (!key.ok || !verifyCommit(bytes, key.value)) throw new Error(`the signature of ${short(id)} is not by the Pipeline's signer`);
    return "its signature by the Pipeline's signer is good (checked with node:crypto: `git verify-commit` needs ssh-keygen, which is not on this machine)";
  }
  const email = (await clone.git('log', '-1', '--format=%ce', id)).trim();
  const file = join(dir, 'allowed-signers');
  await writeFile(file, allowedSignersLine(email, signer));
  const settings = ['-c', 'gpg.format=ssh', '-c', `gpg.ssh.allowedSignersFile=${file}`];
  await clone.git(...settings, 'verify-commit', id);
  return `git verify-commit: ${(await clone.git(...settings, 'log', '-1', '--format=good signature of %GS (%GK)', id)).trim()}`;
}

/** A pod of the service in staging that cannot start, as the cluster says it. */
export async function stuckPod(
  { staging, shop }: DemoWorld,
  service: string,
): Promise<{ readonly pod: string; readonly container: string; readonly reason: string } | undefined> {
  const pods = JSON.parse(await staging.kubectl(['get', 'pods', '-n', shop.namespaces.staging, '-l', `app=${service}`, '-o', 'json'])) as {
    readonly items: readonly {
      readonly metadata: { readonly name: string };
      readonly status: {
        readonly containerStatuses?: readonly { readonly name: string; readonly state?: { readonly waiting?: { readonly reason?: string } } }[];
      };
    }[];
  };
  for (const { metadata, status } of pods.items) {
    const stuck = status.containerStatuses?.find(({ state }) => state?.waiting?.reason !== undefined);
    if (stuck !== undefined) return { pod: metadata.name, container: stuck.name, reason: stuck.state?.waiting?.reason ?? '' };
  }
  return undefined;
}

export async function applicationHealth({ hub, shop }: DemoWorld, name: string): Promise<{ readonly health: string; readonly message: string }> {
  const { status } = JSON.parse(await hub.kubectl(['get', 'applications.sluice.dev', name, '-n', shop.namespaces.hub, '-o', 'json'])) as {
    readonly status?: { readonly health?: { readonly health: string; readonly message: string } };
  };
  return status?.health ?? { health: 'nothing yet', message: '' };
}

/** Where the Release of a commit stands in a stage, as the hub records it. */
export async function releaseState(
  { hub, shop }: DemoWorld,
  commit: string,
  stage: Stage,
): Promise<{ readonly name: string; readonly state: string; readonly reason: string } | undefined> {
  const releases = JSON.parse(await hub.kubectl(['get', 'releases.sluice.dev', '-n', shop.namespaces.hub, '-o', 'json'])) as {
    readonly items: readonly {
      readonly metadata: { readonly name: string };
      readonly spec: { readonly revision: string };
      readonly status?: { readonly stages: readonly { readonly name: string; readonly state: string; readonly reason: string }[] };
    }[];
  };
  const release = releases.items.find(({ spec }) => spec.revision === commit);
  const found = release?.status?.stages.find(({ name }) => name === stage);
  return release === undefined || found === undefined ? undefined : { name: release.metadata.name, state: found.state, reason: found.reason };
}

export const short = (id: string): string => id.slice(0, 7);
