import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { borrowCluster, newRun } from './demo-borrowed-cluster.ts';
import { agreed } from './demo-consent.ts';
import { describePlan, readContext } from './demo-context.ts';
import type { Stage } from './demo-resources.ts';
import { openScene } from './demo-scene.ts';
import { type StepResult, steps, tellStep } from './demo-story.ts';
import { type DemoWorld, startBorrowedWorld, startWorld } from './demo-world.ts';
import { ensureParts } from './parts.ts';
import type { Say } from './run-program.ts';

const usage = `Usage: npm run demo [-- [--once] [--json FILE] [--context NAME [--yes]]]

  --once          end after the story and clean up; exits with 1 when a step was not seen
  --json FILE     write {ok, steps: [{name, ok, seconds, evidence}]} there
  --context NAME  use the cluster of this context of your kubeconfig in place of the three control planes of the demo, with a namespace for each stage.
                  Says first what it will make there, and asks. All of it is named sluice-demo-<run id>-… and labelled demo.sluice.dev/run=<run id>,
                  and removed at the end; CRDs that were there stay. You need the rights of a cluster administrator. The services run
                  registry.k8s.io/pause without probes, since the example's own images are in no registry.
  --yes           with --context: do not ask`;

type Options = { readonly once: boolean; readonly json: string | undefined; readonly context: string | undefined; readonly yes: boolean };

const say = (line = ''): void => {
  process.stdout.write(`${line}\n`);
};

let wroteResults = false;

async function writeResults(file: string, ok: boolean, results: readonly StepResult[]): Promise<void> {
  await writeFile(file, `${JSON.stringify({ ok, steps: results }, null, 2)}\n`);
  wroteResults = true;
}

/** Answers the exit code. */
async function demo(options: Options, stop: AbortSignal): Promise<number> {
  const began = performance.now();
  const sinceBegin = () => `${((performance.now() - began) / 1000).toFixed(1)} s`;
  const progress = (line: string) => say(`  [${sinceBegin().padStart(7)}] ${line}`);
  if (options.context !== undefined) return demoOnContext(options, options.context, progress, stop);
  say('Setting up: three Kubernetes control planes (hub, staging, production), Redis, a Git host and Sluice. All of them are real, on this machine only.');
  // Stopped in between, the process just ends: what it has started by then is ended by the guard of tools/process.ts.
  await using world = await unlessStopped(
    ensureParts({ say: progress }).then((parts) => startWorld({ say: progress, parts })),
    stop,
  );
  say(`Ready after ${sinceBegin()}.`);
  return await tellAndStay(world, options, stop);
}

async function demoOnContext(options: Options, name: string, progress: Say, stop: AbortSignal): Promise<number> {
  if (!options.yes && !process.stdin.isTTY)
    throw new Error('there is no terminal to ask on whether the demo may write to your cluster: add --yes to agree beforehand');
  const parts = await unlessStopped(ensureParts({ say: progress }), stop);
  const context = await unlessStopped(readContext(parts, name), stop);
  const run = newRun();
  for (const line of describePlan(context, run)) say(line);
  if (!options.yes && !(await agreed('Write this to the cluster? [y/N] ', stop))) {
    say('Nothing was written.');
    return 1;
  }
  // Not stopped in between: what was made there is known, and removed, only when this is done.
  await using borrowed = await borrowCluster(context, run, progress);
  stop.throwIfAborted();
  say('Setting up: Redis, a Git host and Sluice on this machine.');
  await using world = await unlessStopped(startBorrowedWorld({ say: progress, parts, borrowed }), stop);
  return await tellAndStay(world, options, stop);
}

async function tellAndStay(world: DemoWorld, { once, json }: Options, stop: AbortSignal): Promise<number> {
  printAddresses(world);
  const results = await tellStory(world, stop);
  const ok = results.every((result) => result.ok);
  if (json !== undefined) await writeResults(json, ok, results);
  say(
    ok
      ? `\nAll ${results.length} steps were seen.`
      : `\nNot seen: ${results
          .filter((result) => !result.ok)
          .map(({ name }) => name)
          .join(', ')}.`,
  );

  if (!once) {
    printWhatNext(world);
    await new Promise<void>((resolve) => stop.addEventListener('abort', () => resolve(), { once: true }));
  }
  return ok ? 0 : 1;
}

function unlessStopped<T>(work: Promise<T>, stop: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  stop.addEventListener('abort', () => reject(stop.reason), { once: true });
  return Promise.race([work, promise]);
}

async function tellStory(world: DemoWorld, stop: AbortSignal): Promise<readonly StepResult[]> {
  await using scene = await openScene(world);
  const results: StepResult[] = [];
  for (const [index, step] of steps.entries()) {
    const missed = results.find((result) => !result.ok);
    if (missed !== undefined) {
      results.push({ name: step.name, ok: false, seconds: 0, evidence: [`not tried, because "${missed.name}" was not seen`] });
      continue;
    }
    say(`\n${index + 1}. ${step.title}`);
    const result = await tellStep(step, scene, { tell: (line) => say(`     ${line}`), stop });
    say(`   ${result.ok ? 'Seen' : 'Not seen'}, ${result.seconds.toFixed(1)} s.`);
    results.push(result);
  }
  return results;
}

function printAddresses({ sluice, gitea, hub, staging, production, dir }: DemoWorld): void {
  say(`\n  The page    ${sluice.url}  — watch there what follows here\n`);
  say(`  Sluice      log: ${sluice.logFile}`);
  say(`  Git host    ${gitea.url}  (user ${gitea.user}, password ${gitea.password})`);
  for (const { name, url, kubectlOptions } of [hub, staging, production]) say(`  ${name.padEnd(10)}  ${url}  (kubectl ${kubectlOptions.join(' ')})`);
  say(`  everything of this run on this machine is in ${dir} and goes with it`);
}

function printWhatNext(world: DemoWorld): void {
  const { gitea, repository, parts, dir, shop } = world;
  const { another } = shop.catalogVersions;
  const withToken = new URL(repository.cloneUrl);
  withToken.username = gitea.user;
  withToken.password = gitea.token;
  const kubectl = (cluster: 'hub' | Stage) => `$kubectl ${world[cluster].kubectlOptions.join(' ').replace(dir, '$run')} -n ${shop.namespaces[cluster]}`;
  say('\nIt all stays up until Ctrl-C.');
  printAddresses(world);
  say('\nPush something yourself:');
  say(`  git clone ${withToken} my-shop && cd my-shop`);
  say(`  sed -i 's/newTag: .*/newTag: "${another}"/' services/catalog/base/kustomization.yaml`);
  say(`  git -c user.name=Me -c user.email=me@example.org commit -am 'Catalog ${another}' && git push`);
  say('\nWatch what becomes of it:');
  say(`  kubectl=${parts.kubectl}`);
  say(`  run=${dir}`);
  say(`  ${kubectl('hub')} get applications,pipelines,releases`);
  say(`  ${kubectl('production')} get deployments --watch`);
  say("  git fetch && git log --format='%h %s%n%n%(trailers)' -1 origin/env/shop/production");
  say('\nMore to try:');
  say(`  - push the image tag "broken" (it cannot be pulled)${shop.simulatedPods ? ' or "crash" (it ends at once)' : ''} and look at the status on the commit`);
  say("  - take service.yaml out of a base's kustomization.yaml and push: the Service is pruned once the new revision is healthy");
  say(`  - change production by hand: ${kubectl('production')} scale deployment orders --replicas=9`);
}

/** The first one first: what went wrong while things were put away comes after it. */
function problemsOf(error: unknown): readonly string[] {
  if (error instanceof SuppressedError) return [...problemsOf(error.suppressed), ...problemsOf(error.error)];
  return [error instanceof Error ? error.message : String(error)];
}

/** The options, or the problem with what was typed. */
function parseOptions(args: readonly string[]): Options | string {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { once: { type: 'boolean', default: false }, json: { type: 'string' }, context: { type: 'string' }, yes: { type: 'boolean', default: false } },
    });
    if (values.yes && values.context === undefined) return '--yes goes with --context: without it the demo touches no cluster of yours';
    return { once: values.once, json: values.json, context: values.context, yes: values.yes };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const options = parseOptions(process.argv.slice(2));
if (typeof options === 'string') {
  process.stderr.write(`${options}\n\n${usage}\n`);
  process.exit(2);
}

const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    // The second time nobody wants to wait; what still runs is then ended by the guard of tools/process.ts.
    if (stopping.signal.aborted) process.exit(130);
    say('\nStopping what was started …');
    stopping.abort(new Error('stopped'));
  });
}

try {
  const code = await demo(options, stopping.signal);
  if (stopping.signal.aborted) say('Stopped.');
  process.exit(code);
} catch (error) {
  if (stopping.signal.aborted) {
    say('Stopped.');
    process.exit(130);
  }
  const problems = problemsOf(error);
  process.stderr.write(`${problems.join('\n')}\n`);
  if (options.json !== undefined && !wroteResults) await writeResults(options.json, false, [{ name: 'set-up', ok: false, seconds: 0, evidence: problems }]);
  process.exit(1);
}
