import type { Explanation } from '../model/explanation.ts';
import type { PortError, PortErrorCode } from '../model/port-error.ts';
import { type ExitCode, exitCodes } from './terminal.ts';

type Entry = Explanation & { readonly exitCode: ExitCode };

const { failed, refused, outside, bug, interrupted } = exitCodes;
const nothingDone = 'Nothing was changed anywhere.';
const notRepeated = 'It is not tried again by itself, and nothing was changed.';

/** Every way in which a command ends without what was asked for. What ends otherwise does not compile. */
export const cliErrors = {
  WrongUsage: {
    exitCode: refused,
    meaning: 'The command, an argument or an option is not one that sluice has.',
    toDo: 'Correct the word that the message names; `sluice --help` and `sluice COMMAND --help` list what there is.',
    next: nothingDone,
  },
  UnknownKind: {
    exitCode: refused,
    meaning: 'The word is no kind of resource of Sluice.',
    toDo: 'Say pipelines, applications, releases, repositories or clusters, in the singular or plural, or by their short names.',
    next: nothingDone,
  },
  UnknownName: {
    exitCode: refused,
    meaning: 'The text cannot be the name of a resource.',
    toDo: 'Write NAME, or NAMESPACE/NAME.',
    next: nothingDone,
  },
  UnknownWord: {
    exitCode: refused,
    meaning: 'There is no entry of that name in the reference.',
    toDo: 'Write it as it stands in the condition or after `see`, e.g. `sluice explain Application Degraded`; without a name everything is listed.',
    next: nothingDone,
  },
  NotFound: {
    exitCode: refused,
    meaning: 'The hub has no resource of this name in this namespace.',
    toDo: 'Look with `sluice get KIND -A`, then name the namespace with -n, or the hub with --context.',
    next: nothingDone,
  },
  OtherRelease: {
    exitCode: refused,
    meaning: 'The resource has fields or values that this release of sluice does not know: the hub runs another one.',
    toDo: 'Use the command line of the same release as the service.',
    next: nothingDone,
  },
  Suspended: {
    exitCode: refused,
    meaning: 'The Application is suspended, so a request for a sync would wait for ever.',
    toDo: 'Set its `spec.suspend` to false, then ask again.',
    next: 'Nothing was asked for.',
  },
  SyncFailed: {
    exitCode: failed,
    meaning: 'The sync that was followed has failed or was refused, or what it applied is not healthy. The last line says which and why.',
    toDo: 'Follow that line; `sluice get app NAME` names the entry of the reason.',
    next: 'The request is answered, and the sync policy holds again: what can be tried again is.',
  },
  SyncUnfinished: {
    exitCode: failed,
    meaning: 'The sync that was followed was not done within `--timeout`.',
    toDo: 'Look whether it goes on with `sluice get app NAME`. When nothing at all moves, see that Sluice runs at this hub.',
    next: 'The request stays, and the service goes on with it.',
  },
  KubeconfigUnreadable: {
    exitCode: refused,
    meaning: 'No kubeconfig file could be read.',
    toDo: 'Name one with --kubeconfig or KUBECONFIG.',
    next: nothingDone,
  },
  NoContext: {
    exitCode: refused,
    meaning: 'The kubeconfig has no current context, or none of the name that was given, or one that names a cluster that is not in it.',
    toDo: 'Name one of `kubectl config get-contexts` with --context.',
    next: nothingDone,
  },
  NoApplication: {
    exitCode: refused,
    meaning: '`sluice diff` needs exactly one Application: a name at the hub, or a file that holds one.',
    toDo: 'Give a name or -f FILE, and not both.',
    next: nothingDone,
  },
  ApplicationRefused: {
    exitCode: refused,
    meaning: 'The Application in the file is not one: the message names each field.',
    toDo: 'Correct the fields; docs/reference/application.md lists them all.',
    next: nothingDone,
  },
  DestinationNeeded: {
    exitCode: refused,
    meaning: 'The Application goes to a cluster that is not the hub, and the command line never uses the credentials of Sluice.',
    toDo: 'Name your own context for that cluster with --destination-context, or a file with --destination-kubeconfig.',
    next: nothingDone,
  },
  NoServiceAccount: {
    exitCode: refused,
    meaning: '`--impersonate` takes the rights of `spec.serviceAccountName`, and the Application names none.',
    toDo: 'Leave --impersonate out, or give the Application a service account.',
    next: nothingDone,
  },
  NoWorkTree: {
    exitCode: refused,
    meaning: 'The folder lies in no Git work tree, so `spec.source.path` cannot be found from it.',
    toDo: 'Change to a clone of the repository, or name the folder to render with --path.',
    next: nothingDone,
  },
  DryRunRefused: {
    exitCode: refused,
    meaning: 'Objects cannot be applied as they are rendered; the message names each with file and reason. A sync would refuse them as well.',
    toDo: 'Correct the manifests, or the rights that a dry-run needs (those of a write).',
    next: 'What can be compared is printed. Nothing was stored.',
  },
  FileUnreadable: {
    exitCode: refused,
    meaning: 'A file or folder is not there, may not be read, is too large, or is not the one of the two that is needed.',
    toDo: 'Correct the path or the permissions.',
    next: nothingDone,
  },
  NoObject: {
    exitCode: refused,
    meaning: 'The input holds no Kubernetes object.',
    toDo: 'Give YAML or JSON with apiVersion, kind and metadata.name.',
    next: nothingDone,
  },
  ManifestRefused: {
    exitCode: refused,
    meaning: 'The input is no YAML or JSON of Kubernetes objects; the message names file, line and reason.',
    toDo: 'Correct the file at that line.',
    next: nothingDone,
  },
  RenderFailed: {
    exitCode: refused,
    meaning: 'The folder does not render; the message names file, line and reason for every problem that was found. The service would refuse it as well.',
    toDo: 'Correct the files.',
    next: nothingDone,
  },
  ValuesOutside: {
    exitCode: refused,
    meaning: 'A file of values lies outside of the work tree of the chart, where the service could never read it.',
    toDo: 'Copy it into the repository.',
    next: nothingDone,
  },
  ToolMissing: {
    exitCode: refused,
    meaning: 'The folder needs kustomize or helm, which is not on this machine.',
    toDo: 'Install it, or name the binary in SLUICE_KUSTOMIZE_BIN or SLUICE_HELM_BIN.',
    next: nothingDone,
  },
  AmbiguousObjects: {
    exitCode: refused,
    meaning: 'What `--live` holds can be meant in several ways: one name in several namespaces, or objects of several Applications.',
    toDo: 'Say with --namespace which one is meant, or give the objects of one Application.',
    next: nothingDone,
  },
  AnswerRefused: {
    exitCode: refused,
    meaning: 'What was said to `sluice init` cannot be used, or two of its answers contradict each other; the message names each flag or path.',
    toDo: 'Correct what the message names; `sluice init --help` lists the flags.',
    next: nothingDone,
  },
  TokenNeeded: {
    exitCode: refused,
    meaning: 'The repository cannot be read, or promotions could not be pushed to it, without a token.',
    toDo: 'Put a token that may read and push into a file and name it with --token-file, or into the variable GIT_TOKEN. It is never a flag.',
    next: nothingDone,
  },
  NothingToDeploy: {
    exitCode: refused,
    meaning: 'The repository was read, and it has no such branch, or no folder that can be taken for an Application of a stage.',
    toDo: "Push what is missing, or name the folders with --path, such as --path 'apps/*/{stage}', the stages with --stages, the branch with --branch.",
    next: nothingDone,
  },
  OutputExists: {
    exitCode: refused,
    meaning: 'A file that `sluice init --out` would write is there with other contents.',
    toDo: 'Name another folder, or remove the file.',
    next: nothingDone,
  },
  NoAccountToken: {
    exitCode: refused,
    meaning: 'Kubernetes made no token for the service account of Sluice on a destination.',
    toDo: 'See that the controller manager there runs, then run the command again; or take the credentials of the context with --destination-credentials context.',
    next: 'What was applied before stays, and is found in place the next time.',
  },
  NotReady: {
    exitCode: failed,
    meaning: 'Everything was applied, and something did not become ready: a person has to change something, or the time is over.',
    toDo: 'Follow the lines above; `sluice doctor` looks at everything that it may be for.',
    next: 'What was applied stays, and Sluice goes on with it. Running the command again waits again.',
  },
  GitHostFailed: {
    exitCode: outside,
    meaning: 'The Git host cannot be reached, refuses the token, or has no such repository; the message says which.',
    toDo: 'Correct --repository-url or the token, and see that you can reach the host.',
    next: notRepeated,
  },
  Unreachable: {
    exitCode: outside,
    meaning: 'The API server cannot be reached; the message holds its address and the reason.',
    toDo: 'See that the address in the kubeconfig is right and that you can reach it: VPN, DNS, proxy.',
    next: notRepeated,
  },
  Timeout: {
    exitCode: outside,
    meaning: 'The API server did not answer in time.',
    toDo: 'Try again; when it lasts, look at the API server.',
    next: 'It is not tried again by itself. A request that was sent may still take effect.',
  },
  Conflict: {
    exitCode: outside,
    meaning: 'Somebody else changed the same object in the same moment.',
    toDo: 'Try again.',
    next: notRepeated,
  },
  Unauthorized: {
    exitCode: outside,
    meaning: 'The API server does not accept your credentials, or a credential plugin gave none.',
    toDo: 'Log in again, and try the same context with `kubectl get namespaces`.',
    next: notRepeated,
  },
  Forbidden: {
    exitCode: outside,
    meaning: 'Your account has no right to what was asked; the message names verb and resource.',
    toDo: 'Ask for that right. `get` reads the resources of sluice.dev, `sync` patches Applications, `diff` patches what is compared (by dry-run).',
    next: notRepeated,
  },
  NotServed: {
    exitCode: outside,
    meaning: 'The cluster does not have what was asked for. Mostly it has no resources of sluice.dev: it is no hub, or the CRDs are not applied.',
    toDo: 'Name the hub with --context, or apply `deploy/crds` to it.',
    next: notRepeated,
  },
  Invalid: {
    exitCode: outside,
    meaning: 'The kubeconfig or the request is refused as invalid, or the answer cannot be used; the message names the field.',
    toDo: 'Correct what the message names; `kubectl config view --raw --minify --flatten` prints a kubeconfig that fits.',
    next: notRepeated,
  },
  ToolFailed: {
    exitCode: outside,
    meaning: 'The program kustomize or helm could not be started, took too long, wrote too much or was ended from outside.',
    toDo: 'Follow the message: install a version that runs here, or split what is rendered.',
    next: notRepeated,
  },
  Bug: {
    exitCode: bug,
    meaning: 'There is a mistake in sluice itself.',
    toDo: 'Please report what it printed, with the command line.',
    next: 'What was under way was given up.',
  },
  Interrupted: {
    exitCode: interrupted,
    meaning: 'You ended the command before it was done.',
    toDo: 'Nothing.',
    next: 'What was asked of the service goes on there.',
  },
} as const satisfies Readonly<Record<string, Entry>>;

export type CliError = keyof typeof cliErrors;

const ofServer = {
  UNREACHABLE: 'Unreachable',
  TIMEOUT: 'Timeout',
  CONFLICT: 'Conflict',
  UNAUTHORIZED: 'Unauthorized',
  FORBIDDEN: 'Forbidden',
  NOT_FOUND: 'NotServed',
  INVALID: 'Invalid',
} as const satisfies Readonly<Record<PortErrorCode, CliError>>;

/** On this machine `source` is the folders and files of its user. */
export function cliErrorOf({ port, code }: Pick<PortError, 'port' | 'code'>): CliError {
  if (port === 'renderer') return 'ToolFailed';
  return port === 'source' ? 'FileUnreadable' : ofServer[code];
}
