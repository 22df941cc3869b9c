import { describe } from 'vitest';
import type { JsonObject } from '../../src/model/json.ts';
import { judges, live } from './objects.ts';

const claim = (phase: string, spec: JsonObject = { storageClassName: 'fast' }, annotations: Record<string, string> = {}) =>
  live('v1', 'PersistentVolumeClaim', { metadata: { annotations }, spec, status: { phase } });
const notBound = 'the claim is not bound to a volume yet (StorageClass fast)';

describe('a PersistentVolumeClaim', () => {
  judges([
    ['is bound is Healthy', claim('Bound'), 'Healthy', ''],
    ['lost its volume is Degraded', claim('Lost', { volumeName: 'pv-1' }), 'Degraded', 'the claim lost its volume pv-1'],
    ['has no phase is Unknown', claim(''), 'Unknown', 'the claim has no phase'],
    ['has a phase of the future is Unknown', claim('Moving'), 'Unknown', "the claim's phase is Moving"],
    [
      'waits for its first pod is Healthy',
      claim('Pending'),
      'Healthy',
      'the claim waits for its first pod: nobody provisions a volume for it yet (StorageClass fast)',
    ],
    [
      'is being provisioned is Progressing',
      claim('Pending', { storageClassName: 'fast' }, { 'volume.kubernetes.io/storage-provisioner': 'ebs.csi.aws.com' }),
      'Progressing',
      notBound,
    ],
    [
      'is being provisioned by an older cluster is Progressing',
      claim('Pending', { storageClassName: 'fast' }, { 'volume.beta.kubernetes.io/storage-provisioner': 'kubernetes.io/aws-ebs' }),
      'Progressing',
      notBound,
    ],
    [
      'has the node of its first pod is Progressing',
      claim('Pending', { storageClassName: 'fast' }, { 'volume.kubernetes.io/selected-node': 'node-1' }),
      'Progressing',
      notBound,
    ],
    ['names its volume is Progressing', claim('Pending', { storageClassName: 'fast', volumeName: 'pv-1' }), 'Progressing', notBound],
    [
      'waits for a volume made by hand is Progressing',
      claim('Pending', { storageClassName: '' }),
      'Progressing',
      'the claim is not bound to a volume yet (it names no StorageClass)',
    ],
  ]);
});
