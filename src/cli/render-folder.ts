import { openHelm } from '../adapters/helm-binary.ts';
import { openKustomize } from '../adapters/kustomize-binary.ts';
import { accepted, type Parsed, refused } from '../model/parsed.ts';
import { openRenderCache, type RenderCache } from '../render/cache.ts';
import { type Rendered, type RenderRequest, render } from '../render/render.ts';
import type { Renderer } from '../render/renderer.ts';
import { findProgram } from './programs.ts';
import type { Terminal } from './terminal.ts';
import { placedFrom, type WorkFolder } from './work-folder.ts';

const cacheBytes = 256 * 1024 * 1024;

/** Renders a folder with the tool that it needs, which alone has to be there. Places of problems can be opened from the terminal's folder. */
export async function renderFolder(folder: WorkFolder, request: Omit<RenderRequest, 'path'>, terminal: Terminal): Promise<Parsed<Rendered>> {
  const cache = openRenderCache({ maxBytes: cacheBytes });
  const rendered = await renderNow({ ...request, path: folder.path }, cache, terminal);
  return rendered.ok ? rendered : refused(...placedFrom(rendered.problems, folder, terminal.folder));
}

async function renderNow(request: RenderRequest, cache: RenderCache, terminal: Terminal): Promise<Parsed<Rendered>> {
  const closure = await cache.closures.of(request.files, request.path, request.kind, request.helm);
  if (!closure.ok) return closure;
  const renderer = await rendererFor(closure.value.tool.kind, terminal);
  return renderer.ok ? render(request, { renderer: renderer.value, cache }, terminal.signal) : renderer;
}

async function rendererFor(kind: 'plain' | 'kustomize' | 'helm', terminal: Terminal): Promise<Parsed<Renderer>> {
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
