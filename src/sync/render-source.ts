import type { RenderRequest, RenderSource } from '../render/render.ts';
import type { Application } from '../resources/application.ts';
import type { Files } from '../source/source.ts';

/** What an Application renders, of these files. Whoever says how to render a chart means a chart. */
export function renderSourceOf({ metadata, spec }: Application, files: Files): RenderSource {
  const { path, render, helm } = spec.source;
  return {
    files,
    path,
    kind: helm === undefined ? render : 'helm',
    helm: {
      releaseName: helm?.releaseName ?? metadata.name,
      valueFiles: helm?.valueFiles ?? [],
      ...(helm?.values === undefined ? {} : { values: helm.values }),
      skipCrds: helm?.skipCrds ?? false,
    },
  };
}

/** The whole request; `capabilities` asks the cluster, which only charts need. */
export function renderRequestOf(application: Application, files: Files, capabilities: NonNullable<RenderRequest['capabilities']>): RenderRequest {
  return {
    ...renderSourceOf(application, files),
    namespace: application.spec.destination.namespace,
    installed: application.status?.installed,
    capabilities,
  };
}
