import { cliErrors } from '../../src/cli/errors.ts';
import { explanationText } from './conditions.ts';

const intro = `# Errors of the command line

<!-- Generated from src/cli/errors.ts by \`npm run generate\`. -->

Every command that does not end with what was asked for names its entry here on the last line of standard error, after the lines that name the place, the reason
and the next step. \`sluice explain NAME\` prints an entry in the terminal. The exit codes are in [cli.md](../cli.md#exit-codes).
`;

/** docs/reference/cli-errors.md. Headings are what `addressOf.cliError` links to. */
export const cliErrorsText = (): string =>
  [intro, ...Object.entries(cliErrors).map(([error, entry]) => `## ${error}\n\nExit code ${entry.exitCode}.\n\n${explanationText(entry)}`)].join('\n');
