import type { Ports as SyncPorts } from '../sync/ports.ts';
import type { EnvironmentBranch, ReadRawCommit } from './environment-branch.ts';
import type { Signer } from './record.ts';

export type Ports = SyncPorts & {
  readonly environmentBranch: EnvironmentBranch;
  readonly readRawCommit: ReadRawCommit;
  readonly signer: Signer;
};
