import { createHash } from 'node:crypto';

export type Ingredients = {
  /** go.mod, go.sum and our own Go files. */
  readonly texts: readonly string[];
  readonly flags: readonly string[];
  readonly packages: readonly string[];
  /** As `go env GOVERSION` says it. */
  readonly goVersion: string;
  readonly platform: string;
};

/** Equal for equal programs: names their folder in the cache. 20 hex digits. */
export const partsKey = ({ texts, flags, packages, goVersion, platform }: Ingredients): string =>
  createHash('sha256')
    .update(JSON.stringify([texts, flags, packages, goVersion, platform]))
    .digest('hex')
    .slice(0, 20);
