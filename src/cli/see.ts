import { addressOf } from '../model/explanation.ts';
import { type KindWithReasons, reasons } from '../resources/reasons.ts';
import type { CliError } from './errors.ts';

/** The line after an error that leads to its entry. */
export const seeError = (error: CliError): string => `see \`sluice explain ${error}\` or ${addressOf.cliError(error)}\n`;

type Conditions = readonly { readonly type: string; readonly status: string; readonly reason: string }[];

/** The lines that lead from resources that are not ready to the entries of their reasons, each once; nothing for what is on its way. */
export function seeReasons(
  kind: KindWithReasons,
  resources: readonly { readonly status?: { readonly conditions?: Conditions } | undefined }[],
): readonly string[] {
  const unready = resources.flatMap(({ status }) => status?.conditions?.filter(({ type, status: is }) => type === 'Ready' && is === 'False') ?? []);
  // A hub of another release may give reasons that have no entry here.
  const known = [...new Set(unready.map(({ reason }) => reason))].filter((reason) => Object.hasOwn(reasons[kind], reason));
  return known.map((reason) => `${kind} ${reason}: see \`sluice explain ${kind} ${reason}\` or ${addressOf.reason(kind, reason)}\n`);
}
