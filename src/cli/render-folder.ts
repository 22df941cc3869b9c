import { openHelm } from '../adapters/helm-binary.ts';
import { openKustomize } from '../adapters/kustomize-binary.ts';
import { accepted, type Problem } from '../model/parsed.ts';
import { openRenderCache } from '../render/cache.ts';
import { type Rendered, type RenderRequest, render } from '../render/render.ts';
import type { Renderer } from '../render/renderer.ts';
import { type Answer, refuse } from './answer.ts';
import { findProgram } from './programs.ts';
import type { Terminal } from './terminal.ts';
import { placedFrom, type WorkFolder } from './work-folder.ts';

const cacheBytes = 256 * 1024 * 1024;

/** Renders a folder with the tool that it needs, which alone has to be there. Places of problems can be opened from the terminal's folder. */
export async function renderFolder(folder: WorkFolder, request: Omit<RenderRequest, 'path'>, terminal: Terminal): Promise<Answer<Rendered>> {
  const cache = openRenderCache({ maxBytes: cacheBytes });
  const whole = { ...request, path: folder.path };
  const closure = await cache.closures.of(whole.files, whole.path, whole.kind, whole.helm);
  if (!closure.ok) return notRendered(closure.problems, folder, terminal);
  const renderer = await rendererFor(closure.value.tool.kind, terminal);
  if (!renderer.ok) return renderer;
  const rendered = await render(whole, { renderer: renderer.value, cache }, terminal.signal);
  return rendered.ok ? rendered : notRendered(rendered.problems, folder, terminal);
}

const notRendered = (problems: readonly Problem[], folder: WorkFolder, terminal: Terminal): Answer<never> =>
  refuse('RenderFailed', ...placedFrom(problems, folder, terminal.folder));

async function rendererFor(kind: 'plain' | 'kustomize' | 'helm', terminal: Terminal): Promise<Answer<Renderer>> {
  const notNeeded = async () => ({ ok: false, message: 'is not needed for this folder' }) as const;
  const none: Renderer = { kustomize: notNeeded, helm: notNeeded, versions: { kustomize: '', helm: '' } };
  if (kind === 'plain') return accepted(none);
  const binary = findProgram(kind, terminal);
  if (!binary.ok) return binary;
  if (kind === 'kustomize') {
    const kustomize = await openKustomize({ binary: binary.value });
    return accepted({ ...none, kustomize: kustomize.kustomize, versions: { kustomize: kustomize.version, helm: '' } });
  }
  const helm = await openHelm({ binary: binary.value });
  return accepted({ ...none, helm: helm.helm, versions: { kustomize: '', helm: helm.version } });
}
