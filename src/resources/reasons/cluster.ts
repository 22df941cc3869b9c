import type { Reason } from './reason.ts';

const soaks = 'Meanwhile no soak counts time, as nobody would see ill health there.';
const askedAgain = `It is asked again within seconds. ${soaks}`;

export const clusterReasons = {
  Connected: {
    standing: 'ready',
    meaning: 'The API server answers, and every watch is synced: changes there are seen at once.',
    toDo: 'Nothing.',
    next: 'The watches go on; `status.watch` is renewed every 10 s.',
  },
  Connecting: {
    standing: 'reconciling',
    meaning: 'The watches are being opened, after a start or a change of the Cluster.',
    toDo: 'Nothing.',
    next: `It becomes Connected, or says what is in the way. ${soaks}`,
  },
  Suspended: {
    standing: 'ready',
    meaning: '`spec.suspend` is set: nothing is watched or applied there.',
    toDo: 'Set `spec.suspend` to false when it should be synced again.',
    next: 'Its Applications wait and say so.',
  },
  Unreachable: {
    standing: 'failing',
    meaning: 'The API server cannot be reached, or a watch broke off; the message holds the address and the reason.',
    toDo: 'See that the API server runs and that Sluice can reach the address in the kubeconfig.',
    next: askedAgain,
  },
  Timeout: {
    standing: 'failing',
    meaning: 'The API server did not answer in time, or nothing was heard on a watch for too long.',
    toDo: 'Nothing when it passes; otherwise look for load on the API server, or a firewall that drops idle connections.',
    next: askedAgain,
  },
  Conflict: {
    standing: 'failing',
    meaning: 'The API server has forgotten the place where a watch left off.',
    toDo: 'Nothing. When it lasts, look for an API server that restarts over and over.',
    next: askedAgain,
  },
  Unauthorized: {
    standing: 'stalled',
    meaning: 'The API server does not accept the credentials, or they cannot be obtained.',
    toDo: 'Put a valid token or client certificate into the kubeconfig in the Secret; a credential plugin needs the Cluster named in `SLUICE_TRUSTED_CLUSTERS`.',
    next: `It is asked again, and answers the same until the credentials change. ${soaks}`,
  },
  Forbidden: {
    standing: 'stalled',
    meaning: 'The credentials are accepted and may not watch or read what Sluice needs there; the message says what.',
    toDo: 'Give that identity the rights that Sluice needs on a destination: the README says where they are.',
    next: `It is asked again, and answers the same until the rights change. ${soaks}`,
  },
  NotFound: {
    standing: 'stalled',
    meaning: 'The Secret with the kubeconfig is not there, or the address serves no Kubernetes API.',
    toDo: 'Create the Secret that `spec.connection.kubeconfig.secretRef` names, with the field `kubeconfig`, or correct the address in it.',
    next: `It is looked for again. ${soaks}`,
  },
  Invalid: {
    standing: 'stalled',
    meaning: 'The kubeconfig is refused (the message names each field), or the cluster is older than Sluice can work with.',
    toDo: 'Correct the field that the message names; `kubectl config view --raw --minify --flatten` prints a kubeconfig that fits.',
    next: `It is tried again when the Cluster or its Secret changes. ${soaks}`,
  },
} as const satisfies Readonly<Record<string, Reason>>;
