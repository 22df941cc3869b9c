import { describe } from 'vitest';
import type { JsonObject } from '../../src/model/json.ts';
import { judges, live } from './objects.ts';

const workflow = (status: JsonObject) => live('argoproj.io/v1alpha1', 'Workflow', { spec: { entrypoint: 'migrate' }, status });

describe('a Workflow', () => {
  judges([
    ['has not started is Progressing', workflow({}), 'Progressing', 'the Workflow is not started'],
    ['is pending is Progressing', workflow({ phase: 'Pending' }), 'Progressing', 'the Workflow is Pending'],
    ['runs is Progressing', workflow({ phase: 'Running', message: 'step 2 of 3' }), 'Progressing', 'the Workflow is Running: step 2 of 3'],
    ['succeeded is Healthy', workflow({ phase: 'Succeeded', message: 'done' }), 'Healthy', ''],
    ['failed is Degraded', workflow({ phase: 'Failed', message: 'child failed' }), 'Degraded', 'the Workflow is Failed: child failed'],
    ['could not be carried out is Degraded', workflow({ phase: 'Error' }), 'Degraded', 'the Workflow is Error'],
    ['has a phase of the future is Unknown', workflow({ phase: 'Parked' }), 'Unknown', 'the Workflow is Parked'],
  ]);
});
