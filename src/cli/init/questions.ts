import { describeProblems, type Problem } from '../../model/parsed.ts';
import type { Terminal } from '../terminal.ts';
import { type InitFlags, parseAnswers } from './answers.ts';
import type { Layout, Proposal } from './layout.ts';
import type { InstallationPlan } from './resources.ts';
import { describeAccess } from './written.ts';

type Person = Pick<Terminal, 'note'> & { readonly ask: NonNullable<Terminal['ask']> };

/** What has to be known before the repository can be read: asked until the answer can be used. Only what was not said as a flag is asked. */
export async function askFirst<Flags extends InitFlags & { readonly tokenFile?: string | undefined }>(
  flags: Flags,
  hasToken: boolean,
  person: Person,
): Promise<Flags> {
  const repositoryUrl = flags.repositoryUrl ?? (await untilFits(person, 'Clone URL of the repository: ', (url) => problemsOfUrl(flags, url)));
  const named = { ...flags, repositoryUrl };
  const suggested = parseAnswers(named);
  const name = flags.name ?? (await withDefault(person, 'Name for its Repository and Pipeline', suggested.ok ? suggested.value.name : ''));
  const namespace = flags.namespace ?? (await withDefault(person, 'Namespace of the hub for its resources', name));
  const tokenFile = hasToken
    ? flags.tokenFile
    : await person.ask('File with a token that may read and push (empty: none; the token itself is never asked for): ');
  return { ...named, name, namespace, ...(tokenFile ? { tokenFile } : {}) };
}

const problemsOfUrl = (flags: InitFlags, repositoryUrl: string): readonly Problem[] => {
  const parsed = parseAnswers({ ...flags, repositoryUrl });
  return parsed.ok ? [] : parsed.problems.filter(({ at }) => at === '--repository-url');
};

/** Which of the stages that were found, in which order, and where each is deployed. */
export async function askStages<Flags extends InitFlags>(flags: Flags, layout: Layout, person: Person): Promise<Flags> {
  person.note(`Found:\n${layout.proposals.map((proposal) => `  ${describeProposal(proposal)}\n`).join('')}`);
  const stages = flags.stages ?? (await withDefault(person, 'Stages, in the order in which a commit passes them', layout.stages.join(',')));
  const destinationContext = [...(flags.destinationContext ?? [])];
  for (const stage of stages.split(',').map((each) => each.trim())) {
    const isSaid = [...destinationContext, ...(flags.destinationKubeconfig ?? [])].some((pair) => pair.startsWith(`${stage}=`));
    const context = isSaid ? '' : await person.ask(`Context of the cluster for ${stage} (empty: the hub itself): `);
    if (context !== '') destinationContext.push(`${stage}=${context}`);
  }
  return { ...flags, stages, destinationContext };
}

const describeProposal = ({ app, stage, path, valueFiles = [] }: Proposal): string =>
  `${stage}: ${app} from ${path}${valueFiles.length === 0 ? '' : ` with ${valueFiles.join(', ')}`}`;

/** What is about to be made, in a few lines. */
export function describePlan({ namespace, pipeline, destinations, secrets, hub }: InstallationPlan): string {
  const applications = hub.filter(({ kind }) => kind === 'Application').map(({ metadata }) => metadata.name);
  const places = destinations.map(({ cluster, access, objects }) => {
    const namespaces = objects.filter(({ kind }) => kind === 'Namespace').map(({ metadata }) => metadata.name);
    return `  Cluster ${cluster} (${describeAccess(access)}): namespaces ${namespaces.join(', ')}, each with its service account\n`;
  });
  return [
    `In namespace ${namespace} of the hub: Repository and Pipeline ${pipeline}, ${applications.length} Applications (${applications.join(', ')})`,
    `${secrets.length === 0 ? '' : `, Secrets ${secrets.map(({ name }) => name).join(', ')}`}\n`,
    ...places,
  ].join('');
}

/** Yes unless they say no. */
export async function agrees(person: Person, question: string): Promise<boolean> {
  return !/^n/i.test(await person.ask(`${question} [Y/n] `));
}

async function withDefault({ ask }: Person, question: string, suggested: string): Promise<string> {
  const answer = await ask(`${question}${suggested === '' ? '' : ` [${suggested}]`}: `);
  return answer === '' ? suggested : answer;
}

const mostTries = 5;

async function untilFits(person: Person, question: string, problemsOf: (answer: string) => readonly Problem[]): Promise<string> {
  for (let tries = 1; ; tries += 1) {
    const answer = await person.ask(question);
    const problems = problemsOf(answer);
    if (problems.length === 0 || tries === mostTries) return answer;
    person.note(`${describeProblems(problems)}\n`);
  }
}
