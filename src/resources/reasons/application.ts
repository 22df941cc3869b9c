import type { Reason } from './reason.ts';

const retried = 'It is tried again after `spec.sync.retry.initialSeconds`, doubled up to `maxSeconds`, and at once for a newer revision.';
const lookedAtAgain =
  'It is looked at again with growing pauses, and at once when the Application, its Repository or its Cluster changes or a newer revision comes.';

export const applicationReasons = {
  Synced: {
    standing: 'ready',
    meaning: 'Everything that the wanted revision renders is applied and healthy.',
    toDo: 'Nothing.',
    next: 'Changes on the cluster are seen at once and undone while `spec.sync.selfHeal` is on; a newer revision is applied.',
  },
  Suspended: {
    standing: 'ready',
    meaning: 'Everything is applied, and the object that the message names is suspended in its own specification, e.g. a paused Deployment.',
    toDo: 'Nothing when that is meant; otherwise take the pause out of the manifest. A stage of a Pipeline does not verify it: that needs Healthy.',
    next: 'Its health is judged anew when the object changes. Pruning counts it as settled.',
  },
  Syncing: {
    standing: 'reconciling',
    meaning: 'Objects are being applied; the message says how far it is, e.g. which wave has to become healthy.',
    toDo: 'Nothing.',
    next: 'Wave follows wave. After `spec.sync.timeoutSeconds` it counts as failed (`TimedOut`); a newer revision takes over between two steps.',
  },
  Progressing: {
    standing: 'reconciling',
    meaning: 'Everything is applied, and the object that the message names is not healthy yet.',
    toDo: 'Nothing, or look at the object that the message names when it takes long.',
    next: 'Health is judged at each change on the cluster. After `spec.healthDeadlineSeconds` it counts as Degraded. Nothing is pruned before it is healthy.',
  },
  Waiting: {
    standing: 'reconciling',
    meaning:
      'Something else comes first. The message says what: the Application or its Cluster is suspended, its stage has not admitted a Release yet, its Repository cannot be reached, another run is under way, or an object changed while it was being written.',
    toDo: 'Where `spec.suspend` is set: set it to false. For a Repository: look at its own conditions. Otherwise nothing.',
    next: 'It is looked at again when what it waits for changes, at the latest after ten minutes.',
  },
  RepositoryUnreadable: {
    standing: 'stalled',
    meaning: 'Nothing was applied yet, and the Repository cannot be read until a person mends it; the message repeats its reason.',
    toDo: 'Do what the message and the conditions of the Repository say, e.g. renew the token in its Secret.',
    next: 'The Application goes on by itself as soon as the Repository can be read.',
  },
  OutOfSync: {
    standing: 'held',
    meaning: 'The cluster differs from what is wanted, and the sync policy says that it stays so; the message says how many objects and which switch.',
    toDo: 'Ask for a sync with `sluice sync NAME`, or set `spec.sync.automated` or `spec.sync.selfHeal` to true.',
    next: 'Nothing is written until then. It is compared again when something changes.',
  },
  Degraded: {
    standing: 'failing',
    meaning: 'Everything is applied, and the object that the message names (often with pod, container and reason) has failed, or was not healthy in time.',
    toDo: 'Push a commit that corrects it, or mend what it depends on (an image, a Secret, a quota). Health rules are in docs/health.md.',
    next: 'Its health is judged at each change; it becomes Synced by itself when the object recovers. Meanwhile nothing is pruned, and its stage has failed.',
  },
  Unknown: {
    standing: 'failing',
    meaning: 'Everything is applied, and the health of the object that the message names cannot be told.',
    toDo: 'Look at the object: its status says something that no rule in docs/health.md covers.',
    next: 'Its health is judged at each change. After `spec.healthDeadlineSeconds` it counts as Degraded.',
  },
  WaveFailed: {
    standing: 'failing',
    meaning: 'An object of the wave that the message names is Degraded, so the waves after it are not applied.',
    toDo: 'Push a commit that corrects that object, or mend what it depends on.',
    next: `The waves that were applied stay, nothing is pruned. ${retried}`,
  },
  TimedOut: {
    standing: 'failing',
    meaning: 'The revision was not applied in full within `spec.sync.timeoutSeconds`; the message says what it was waiting for.',
    toDo: 'Look at what it waited for. Correct it with a commit, or raise `spec.sync.timeoutSeconds`; `sluice sync NAME` begins anew with the whole time.',
    next: retried,
  },
  SpecRefused: {
    standing: 'stalled',
    meaning:
      'What the Application says cannot be done: it names a Repository, Cluster or revision that is not there, no rule of the Cluster allows it, or two stages select it. The message names the field.',
    toDo: 'Correct the field that the message names, or create or allow what it names.',
    next: `Nothing is read or written, what runs stays. ${lookedAtAgain}`,
  },
  RenderFailed: {
    standing: 'stalled',
    meaning: 'The files at `spec.source.path` do not render. The message names file, line and reason for every problem that was found.',
    toDo: 'Correct the files with a commit; `sluice render FOLDER` shows the same problems before a push.',
    next: `Nothing is written, what runs stays. ${lookedAtAgain}`,
  },
  ObjectsRefused: {
    standing: 'stalled',
    meaning:
      'Objects were rendered that cannot be applied: the API server refuses them in a dry-run, the service account has no right, or another Application or controller owns them. The message names each with its file.',
    toDo: 'Correct the manifests with a commit, give the service account the right, or settle who owns the object; `sluice diff NAME` shows the same before a push.',
    next: `Nothing was written. ${lookedAtAgain}`,
  },
  ApplyRefused: {
    standing: 'stalled',
    meaning: 'The API server refused an object when it was written, although its dry-run passed or was not possible yet. The message names object and reason.',
    toDo: 'Correct the manifest with a commit, or what refuses it (an admission webhook, a quota, a right).',
    next: `What was written before it stays, nothing is pruned. ${lookedAtAgain}`,
  },
  PruneRefused: {
    standing: 'stalled',
    meaning: 'Everything is applied and healthy, and an object that is no longer rendered cannot be removed. The message names object and reason.',
    toDo: 'Give the service account the right to delete it, or annotate the object with `sluice.dev/prune=never` while it should stay.',
    next: lookedAtAgain,
  },
  Unreachable: {
    standing: 'failing',
    meaning: 'The Git host, the cluster or a render tool did not answer; the message says which and why.',
    toDo: 'See that it runs and can be reached from Sluice: address, DNS, firewall, certificate.',
    next: 'What runs stays. It is tried again within 30 s, or when the other side asked for.',
  },
  Timeout: {
    standing: 'failing',
    meaning: 'The Git host, the cluster or a render tool took too long; the message says which and how long.',
    toDo: 'Nothing when it passes. Otherwise look for load there, or split what is rendered into several Applications.',
    next: 'What runs stays. It is tried again within 30 s.',
  },
  Conflict: {
    standing: 'failing',
    meaning: 'Somebody else changed the same thing in the same moment.',
    toDo: 'Nothing. When it lasts, find out who else writes the object: `kubectl get … --show-managed-fields`.',
    next: 'It is tried again within 30 s with what stands there then.',
  },
  Unauthorized: {
    standing: 'failing',
    meaning: 'The Git host or the cluster does not accept the credentials; the message says which.',
    toDo: 'Renew the credentials in the Secret that the Repository or the Cluster names.',
    next: `What runs stays. ${retried}`,
  },
  Forbidden: {
    standing: 'failing',
    meaning: 'The credentials are accepted and have no right to what was asked; the message says what.',
    toDo: 'On a cluster: give Sluice, or the service account, the right that the message names. On a Git host: let the account read the repository.',
    next: `What runs stays. ${retried}`,
  },
  NotFound: {
    standing: 'failing',
    meaning: 'Something that was asked for is not there: the repository, the commit, or a kind or namespace of the cluster.',
    toDo: 'Correct the name in the message, or create what is missing; a namespace can be made with `spec.sync.createNamespace`.',
    next: `What runs stays. ${retried}`,
  },
  Invalid: {
    standing: 'failing',
    meaning: 'The other side answered something that cannot be used, or a limit was met; the message says which.',
    toDo: 'Follow the advice in the message: a kubeconfig to correct, a folder to split, a program to install.',
    next: `What runs stays. ${retried}`,
  },
} as const satisfies Readonly<Record<string, Reason>>;
