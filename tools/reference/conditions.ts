import type { Explanation } from '../../src/model/explanation.ts';
import type { Reason, Standing } from '../../src/resources/reasons/reason.ts';
import { type KindWithReasons, reasons, releaseStates } from '../../src/resources/reasons.ts';

const intro = `# Conditions

<!-- Generated from src/resources/reasons by \`npm run generate\`. -->

Every Repository, Cluster, Application and Pipeline says how it stands in three conditions, as kstatus and \`kubectl wait\` read them. All three carry the same
reason; the message names the place, the reason and the next step. Here is what each reason means, what to do, and what Sluice does next by itself.

\`sluice explain KIND REASON\` prints an entry in the terminal, and \`sluice get\` names the entry of whatever is not ready.

| standing    | Ready   | Reconciling | Stalled | meaning                                          |
| ----------- | ------- | ----------- | ------- | ------------------------------------------------ |
| ready       | True    | False       | False   | all is well                                      |
| reconciling | Unknown | True        | False   | under way                                        |
| failing     | False   | True        | False   | wrong, and tried again by itself                 |
| held        | False   | False       | False   | nothing is wrong, and nothing will be done       |
| stalled     | False   | False       | True    | a person has to change something                 |
`;

const releaseIntro = `A Release has no conditions. For every stage it says in \`status.stages[]\` where it stands there (\`state\`) and why (\`reason\`); the same stands on its
commit at the Git host as \`sluice/<pipeline>/<stage>\`.
`;

/** docs/reference/conditions.md. Headings are what `addressOf.reason` links to. */
export function conditionsText(): string {
  const kinds = Object.keys(reasons) as KindWithReasons[];
  return [
    intro,
    ...kinds.map((kind) => section(kind, reasons[kind])),
    `## Release\n\n${releaseIntro}\n${Object.entries(releaseStates)
      .map(([state, entry]) => `### Release ${state}\n\n${explanationText(entry)}`)
      .join('\n')}`,
  ].join('\n');
}

function section(kind: string, entries: Readonly<Record<string, Reason>>): string {
  const texts = Object.entries(entries).map(
    ([reason, entry]) => `### ${kind} ${reason}\n\nStanding: ${standingText[entry.standing]}\n\n${explanationText(entry)}`,
  );
  return `## ${kind}\n\n${texts.join('\n')}`;
}

const standingText: Readonly<Record<Standing, string>> = {
  ready: 'ready (Ready is True).',
  reconciling: 'reconciling (Ready is Unknown, Reconciling is True).',
  failing: 'failing (Ready is False, Reconciling is True).',
  held: 'held (Ready is False).',
  stalled: 'stalled (Ready is False, Stalled is True).',
};

export const explanationText = ({ meaning, toDo, next }: Explanation): string => `- **Means:** ${meaning}\n- **To do:** ${toDo}\n- **Next:** ${next}\n`;
