import type { LiveObject } from '../model/manifest.ts';
import { degraded, type Health, healthy, progressing, unknownHealth } from './health.ts';
import { shortMessage, textAt } from './live-fields.ts';

/** A Workflow of Argo Workflows. Source: Argo CD's rule. */
export function workflowHealth(live: LiveObject): Health {
  const phase = shortMessage(textAt(live, 'status', 'phase'));
  const message = shortMessage(textAt(live, 'status', 'message'));
  const text = [`the Workflow is ${phase === '' ? 'not started' : phase}`, message].filter((part) => part !== '').join(': ');
  switch (phase) {
    case '':
    case 'Pending':
    case 'Running':
      return progressing(text);
    case 'Succeeded':
      return healthy;
    case 'Failed':
    case 'Error':
      return degraded(text);
    default:
      return unknownHealth(text);
  }
}
