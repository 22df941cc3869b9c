import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ControlPlane, startControlPlane } from '../../tools/control-plane.ts';
import { type Gitea, startGitea } from '../../tools/gitea.ts';
import { ensureParts, type Parts } from '../../tools/parts.ts';
import { withFreePorts } from '../../tools/process.ts';
import { openRunFolder, type RunFolder } from '../../tools/run-folder.ts';

const project = join(import.meta.dirname, '../..');
const page = readFileSync(join(project, 'docs/first-application.md'), 'utf8');

type Block = { readonly section: string; readonly commands: string };

/** The fenced shell blocks with the heading that they stand under; the one marked `placeholders` is the reader's to fill in. */
const blocks: readonly Block[] = page.split(/^## /m).flatMap((part) => {
  const section = part.slice(0, part.indexOf('\n'));
  return [...part.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, commands = '']) => ({ section, commands }));
});
const placeholders = [...(/^```sh placeholders\n([\s\S]*?)^```$/m.exec(page)?.[1]?.matchAll(/([A-Z_]+)=/g) ?? [])].map(([, name = '']) => name);

describe('docs/first-application.md, run as it is written', () => {
  let folder: RunFolder;
  let parts: Parts;
  let cluster: ControlPlane;
  let gitea: Gitea;
  let values: Readonly<Record<string, string>>;
  const groups: number[] = [];

  beforeAll(async () => {
    folder = await openRunFolder();
    parts = await ensureParts({ say: () => {} });
    [cluster, gitea] = await Promise.all([
      startControlPlane({ parts, dir: join(folder.path, 'cluster'), name: 'yours', roles: [] }),
      startGitea({ parts, dir: join(folder.path, 'gitea') }),
    ]);
    values = await withFreePorts(2, async ([servicePort, redisPort]) => ({
      KUBECONFIG: cluster.kubeconfigFile('admin'),
      PROJECT_URL: project,
      GIT_HOST: gitea.url,
      GIT_USER: gitea.user,
      GIT_TOKEN: gitea.token,
      SERVICE_PORT: String(servicePort),
      REDIS_PORT: String(redisPort),
    }));
    await mkdir(join(folder.path, 'work'));
    await installPrograms();
  }, 300_000);

  afterAll(async () => {
    for (const group of groups) killGroup(group);
    await gitea?.[Symbol.asyncDispose]();
    await cluster?.stop();
    await folder?.remove();
  });

  /** The programs that the page says are on the reader's machine. */
  async function installPrograms(): Promise<void> {
    const bin = await folder.folder('bin');
    for (const name of ['kubectl', 'kustomize', 'helm'] as const) await symlink(parts[name], join(bin, name));
    const environment = Object.entries(parts.redisServer.env ?? {}).map(([name, value]) => `${name}='${value}'`);
    await writeFile(join(bin, 'redis-server'), `#!/bin/sh\nexec env ${environment.join(' ')} '${parts.redisServer.command}' "$@"\n`);
    await chmod(join(bin, 'redis-server'), 0o755);
  }

  /** Each block in a shell of its own that begins where the one before has ended: its folder and its exported variables. */
  async function run(block: Block): Promise<string> {
    const state = join(folder.path, 'state');
    const script = `[ ! -f '${state}' ] || . '${state}'\n${block.commands}\n{ export -p; printf 'cd %q\\n' "$PWD"; } > '${state}'\n`;
    const file = join(folder.path, 'block.sh');
    await writeFile(file, script);
    const output = join(folder.path, 'output');
    const child = spawn('bash', ['-euo', 'pipefail', '-c', `bash -euo pipefail '${file}' > '${output}' 2>&1`], {
      cwd: join(folder.path, 'work'),
      env: environment(),
      detached: true,
      stdio: 'ignore',
    });
    if (child.pid !== undefined) groups.push(child.pid);
    const code = await new Promise<number | null>((resolve, reject) => child.once('exit', resolve).once('error', reject));
    const said = readFileSync(output, 'utf8');
    if (code !== 0) throw new Error(`"${block.section}" ended with ${code}:\n${block.commands}\n${said}\n${endOfLog()}`);
    return said;
  }

  /** A reader's machine: nothing of this process but where programs are, and who commits. */
  const environment = (): Readonly<Record<string, string>> => ({
    PATH: [join(folder.path, 'bin'), process.env.PATH].join(':'),
    HOME: folder.path,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: 'A Reader',
    GIT_AUTHOR_EMAIL: 'reader@example.org',
    GIT_COMMITTER_NAME: 'A Reader',
    GIT_COMMITTER_EMAIL: 'reader@example.org',
    ...values,
  });

  const endOfLog = (): string => {
    try {
      return readFileSync(join(folder.path, 'work/sluice.log'), 'utf8').split('\n').slice(-20).join('\n');
    } catch {
      return '';
    }
  };

  const section = async (number: number): Promise<string> => {
    const said: string[] = [];
    for (const block of blocks.filter((each) => each.section.startsWith(`${number}. `))) said.push(await run(block));
    return said.join('');
  };

  it('has values for all that the reader fills in', () => {
    expect(placeholders.toSorted()).toEqual(Object.keys(values).toSorted());
  });

  /** What comes after a section that failed would only wait for what is not there. */
  const failed: string[] = [];
  afterEach(({ task }) => void (task.result?.state === 'fail' && failed.push(task.name)));
  beforeEach(({ skip, task }) => skip(failed.length > 0 && !task.name.startsWith('9'), `${failed[0]} has failed`));

  it('1: a clone, which needs no download where the packages of its lockfile are installed here', async () => {
    await section(1);
    const clone = join(folder.path, 'work/sluice');
    if (installedFrom(project) === lockDigest(clone)) await symlink(join(project, 'node_modules'), join(clone, 'node_modules'));
  });

  it('2: a repository with one commit', async () => {
    await section(2);
    expect(await gitea.api('GET', `/repos/${gitea.user}/hello/commits?limit=5`)).toMatchObject([{ commit: { message: 'Say hello\n' } }]);
  });

  it('3: a service that is ready', { timeout: 240_000 }, async () => {
    await section(3);
    expect(await (await fetch(`http://127.0.0.1:${values.SERVICE_PORT}/readyz`)).json()).toEqual({ ready: true, failing: [] });
  });

  it('4 and 5: everything ready, and a doctor who finds nothing to mend', { timeout: 300_000 }, async () => {
    expect(await section(4)).toContain('All 5 resources are ready.');
    const said = await section(5);
    expect(said).toMatch(/^hello +hello +production +hello-\S+ +\w{8} +verified/m);
    expect(said).toMatch(/^hello +2\/2 /m);
    expect(said).toMatch(/\d+ ok, 1 to look at, 0 to mend, 0 skipped/);
  });

  it('6 and 7: a push that travels to production', { timeout: 600_000 }, async () => {
    await section(6);
    expect(await section(7)).toMatch(/staging: verified, production: verified .*Say good morning/);
    const [config] = JSON.parse(
      await cluster.kubectl([
        'get',
        'deployment',
        'hello',
        '-n',
        'hello-production',
        '-o',
        'jsonpath=[{.spec.template.spec.containers[0].envFrom[0].configMapRef}]',
      ]),
    );
    expect(await cluster.kubectl(['get', 'configmap', config.name, '-n', 'hello-production', '-o', 'jsonpath={.data.GREETING}'])).toBe('good-morning');
    const [{ sha }] = (await gitea.api('GET', `/repos/${gitea.user}/hello/commits?limit=1`)) as readonly [{ readonly sha: string }];
    expect((await gitea.commitStatuses('hello', sha)).map(({ context, state }) => `${context} ${state}`).toSorted()).toEqual([
      'sluice/hello/production success',
      'sluice/hello/staging success',
    ]);
  });

  it('8: a signed commit with the tree that was pushed', async () => {
    const said = await section(8);
    expect(said).toMatch(/Good "git" signature for sluice/);
    expect(said).toMatch(/Sluice-Release: hello-/);
  });

  it('9: nothing is left on the cluster, and nothing runs', { timeout: 240_000 }, async () => {
    await section(9);
    const left = 'namespaces,customresourcedefinitions,clusterroles,clusterrolebindings,validatingadmissionpolicies';
    const names = await cluster.kubectl(['get', left, '-o', 'name']);
    expect(names.split('\n').filter((name) => /hello|sluice/.test(name))).toEqual([]);
    await vi.waitFor(() => expect(fetch(`http://127.0.0.1:${values.SERVICE_PORT}/healthz`)).rejects.toThrow(), { timeout: 30_000, interval: 500 });
  });
});

/** As tools/on-node26.mjs judges it: with other packages the clone installs its own, as a reader's would. */
const lockDigest = (clone: string): string =>
  createHash('sha256')
    .update(readFileSync(join(clone, 'package-lock.json')))
    .digest('hex');
const installedFrom = (clone: string): string | undefined => {
  const stamp = join(clone, 'node_modules/.installed-from');
  return existsSync(stamp) ? readFileSync(stamp, 'utf8') : undefined;
};

function killGroup(group: number): void {
  try {
    process.kill(-group, 'SIGKILL');
  } catch {
    // it has ended
  }
}
