import { harmless } from '../../model/harmless.ts';
import { tableText } from '../printing.ts';
import type { Finding, Verdict } from './finding.ts';

const order: readonly Verdict[] = ['fail', 'warn', 'skipped', 'ok'];

/** A table of all findings as they were made, then what to mend, the worst first. */
export function reportText(findings: readonly Finding[]): string {
  const rows = findings.map(({ verdict, check, about, says }) => [verdict, check, about, says]);
  const table = tableText(['VERDICT', 'CHECK', 'ABOUT', 'WHAT WAS SEEN'], rows);
  const toMend = findings.filter(({ mend }) => mend !== undefined).toSorted((a, b) => order.indexOf(a.verdict) - order.indexOf(b.verdict));
  const steps = toMend.map(({ verdict, check, about, mend = '' }, index) => `${index + 1}. ${verdict}, ${check}, ${harmless(about)}: ${harmless(mend)}\n`);
  return `${table}${steps.length === 0 ? '' : `\nWhat to mend:\n${steps.join('')}`}\n${summary(findings)}\n`;
}

function summary(findings: readonly Finding[]): string {
  const count = (verdict: Verdict) => findings.filter((finding) => finding.verdict === verdict).length;
  return `${count('ok')} ok, ${count('warn')} to look at, ${count('fail')} to mend, ${count('skipped')} skipped`;
}
