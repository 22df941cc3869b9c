import type { Parsed } from '../model/parsed.ts';
import type { Rendered, RenderRequest, RenderSource } from '../render/render.ts';
import type { Hub } from '../resources/hub.ts';
import type { Repository } from '../resources/repository.ts';
import type { RepositoryAccess, Source } from '../source/source.ts';
import type { Destinations } from './destination.ts';
import type { LiveObjects } from './observe.ts';

/** Everything that the stories of this folder reach the outside world by. */
export type Ports = {
  readonly hub: Hub;
  readonly source: Source;
  readonly accessTo: (repository: Repository, signal: AbortSignal) => Promise<RepositoryAccess>;
  readonly render: (request: RenderRequest, signal: AbortSignal) => Promise<Parsed<Rendered>>;
  /** Digest of everything that a render of the path would read; of the problems when it cannot be told. Runs no tool. */
  readonly inputsOf: (source: RenderSource) => Promise<string>;
  readonly destinations: Destinations;
  readonly liveObjects: LiveObjects;
  readonly installation: string;
  /** Names this process in claims. */
  readonly worker: string;
  readonly newId: () => string;
  readonly now: () => Date;
};
