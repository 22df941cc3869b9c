import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type SluiceProcess, sluiceProcess } from '../../tools/demo-sluice.ts';
import { withFreePorts } from '../../tools/process.ts';
import { realParts } from '../real-parts.ts';
import { applyCrds } from './crds.ts';
import { openGitWork } from './git-work.ts';

/** Sluice as a process beside the real parts, and a repository of one small app in two stages. */
export type SluiceBeside = AsyncDisposable & { readonly sluice: SluiceProcess; readonly cloneUrl: string; readonly folder: string };

const kustomization = (more: string) => `apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n${more}`;
const deployment = `apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec: { containers: [{ name: web, image: 'registry.example/web:1.0.0' }] }
`;

export async function startSluiceBeside(name: string): Promise<SluiceBeside> {
  const { hub, redis, gitea, parts } = realParts();
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'sluice-beside-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  await applyCrds(hub);
  const { cloneUrl } = await gitea.createRepository(name);
  const work = openGitWork({ url: cloneUrl, token: gitea.token });
  stack.defer(work.close);
  await work.commit({
    'web/base/kustomization.yaml': kustomization('resources: [deployment.yaml]\n'),
    'web/base/deployment.yaml': deployment,
    ...Object.fromEntries(['staging', 'production'].map((stage) => [`web/overlays/${stage}/kustomization.yaml`, kustomization('resources: [../../base]\n')])),
  });
  await work.push();
  const environment = {
    SLUICE_HUB_KUBECONFIG: hub.sluiceKubeconfigFile,
    SLUICE_REDIS_URL: redis.url,
    SLUICE_KUSTOMIZE_BIN: parts.kustomize,
    SLUICE_HELM_BIN: parts.helm,
    SLUICE_CACHE_DIR: join(folder, 'cache'),
    SLUICE_INSTALLATION: name,
  };
  const sluice = await withFreePorts(1, async ([port = 0]) => {
    const started = sluiceProcess({ port, logFile: join(folder, 'sluice.log'), environment });
    await started.start();
    return started;
  });
  stack.use(sluice);
  const running = stack.move();
  return { sluice, cloneUrl, folder, [Symbol.asyncDispose]: () => running.disposeAsync() };
}
