import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { shopNamespace } from './demo-resources.ts';
import { openScene } from './demo-scene.ts';
import { type StepResult, steps, tellStep } from './demo-story.ts';
import { startWorld, type World } from './demo-world.ts';
import { ensureParts } from './parts.ts';

const usage = `Usage: npm run demo [-- [--once] [--json FILE]]

  --once       end after the story and clean up; exits with 1 when a step was not seen
  --json FILE  write {ok, steps: [{name, ok, seconds, evidence}]} there`;

type Options = { readonly once: boolean; readonly json: string | undefined };

const say = (line = ''): void => {
  process.stdout.write(`${line}\n`);
};

/** Answers the exit code. */
async function demo({ once, json }: Options, stop: AbortSignal): Promise<number> {
  const began = performance.now();
  const sinceBegin = () => `${((performance.now() - began) / 1000).toFixed(1)} s`;
  say('Setting up: three Kubernetes control planes (hub, staging, production), Redis, a Git host and Sluice. All of them are real, on this machine only.');
  const progress = (line: string) => say(`  [${sinceBegin().padStart(7)}] ${line}`);
  // Stopped in between, the process just ends: what it has started by then is ended by the guard of tools/process.ts.
  await using world = await unlessStopped(
    ensureParts({ say: progress }).then((parts) => startWorld({ say: progress, parts })),
    stop,
  );
  say(`Ready after ${sinceBegin()}.`);
  printAddresses(world);

  const results = await tellStory(world, stop);
  const ok = results.every((result) => result.ok);
  if (json !== undefined) await writeFile(json, `${JSON.stringify({ ok, steps: results }, null, 2)}\n`);
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

async function tellStory(world: World, stop: AbortSignal): Promise<readonly StepResult[]> {
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

function printAddresses({ sluice, gitea, hub, staging, production, dir }: World): void {
  say(`  Sluice      ${sluice.url}  (log: ${sluice.logFile})`);
  say(`  Git host    ${gitea.url}  (user ${gitea.user}, password ${gitea.password})`);
  for (const { name, url, kubeconfigFile } of [hub, staging, production]) say(`  ${name.padEnd(10)}  ${url}  (kubeconfig: ${kubeconfigFile('admin')})`);
  say(`  everything of this run is in ${dir} and goes with it`);
}

function printWhatNext(world: World): void {
  const { gitea, repository, parts, dir } = world;
  const withToken = new URL(repository.cloneUrl);
  withToken.username = gitea.user;
  withToken.password = gitea.token;
  const kubectl = (cluster: 'hub' | 'staging' | 'production') => `$kubectl -n ${shopNamespace} --kubeconfig $run/${cluster}/admin.kubeconfig`;
  say('\nIt all stays up until Ctrl-C.');
  printAddresses(world);
  say('\nPush something yourself:');
  say(`  git clone ${withToken} my-shop && cd my-shop`);
  say("  sed -i 's/newTag: .*/newTag: 1.6.0/' services/catalog/base/kustomization.yaml");
  say("  git -c user.name=Me -c user.email=me@example.org commit -am 'Catalog 1.6.0' && git push");
  say('\nWatch what becomes of it:');
  say(`  kubectl=${parts.kubectl}`);
  say(`  run=${dir}`);
  say(`  ${kubectl('hub')} get applications,pipelines,releases`);
  say(`  ${kubectl('production')} get deployments --watch`);
  say("  git fetch && git log --format='%h %s%n%n%(trailers)' -1 origin/env/shop/production");
  say('\nMore to try:');
  say('  - push the image tag "broken" (it cannot be pulled) or "crash" (it ends at once) and look at the status on the commit');
  say("  - take service.yaml out of a base's kustomization.yaml and push: the Service is pruned once the new revision is healthy");
  say(`  - change production by hand: ${kubectl('production')} scale deployment orders --replicas=9`);
}

/** The options, or the problem with what was typed. */
function parseOptions(args: readonly string[]): Options | string {
  try {
    const { values } = parseArgs({ args: [...args], options: { once: { type: 'boolean', default: false }, json: { type: 'string' } } });
    return { once: values.once, json: values.json };
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
  const problem = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${problem}\n`);
  if (options.json !== undefined)
    await writeFile(options.json, `${JSON.stringify({ ok: false, steps: [{ name: 'set-up', ok: false, seconds: 0, evidence: [problem] }] }, null, 2)}\n`);
  process.exit(1);
}
