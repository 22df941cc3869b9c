import { describe } from 'vitest';
import type { JsonObject } from '../../src/model/json.ts';
import { condition, judges, live } from './objects.ts';

const ingress = (ingress: readonly JsonObject[], spec: JsonObject = {}, apiVersion = 'networking.k8s.io/v1') =>
  live(apiVersion, 'Ingress', { spec, status: { loadBalancer: { ingress } } });

describe('an Ingress', () => {
  judges([
    ['has an address is Healthy', ingress([{ ip: '192.0.2.10' }]), 'Healthy', ''],
    ['has an empty entry is Healthy, as in Argo CD', ingress([{}]), 'Healthy', ''],
    [
      'has none is Progressing',
      ingress([], { ingressClassName: 'nginx' }),
      'Progressing',
      'no ingress controller has published an address (IngressClass nginx)',
    ],
    [
      'names its class in the old way is Progressing',
      live('networking.k8s.io/v1', 'Ingress', { metadata: { annotations: { 'kubernetes.io/ingress.class': 'traefik' } } }),
      'Progressing',
      'no ingress controller has published an address (IngressClass traefik)',
    ],
    [
      'is of the extensions group is Progressing',
      ingress([], {}, 'extensions/v1beta1'),
      'Progressing',
      'no ingress controller has published an address (no IngressClass is named)',
    ],
    ['is of the extensions group and has an address is Healthy', ingress([{ hostname: 'lb.example.org' }], {}, 'extensions/v1beta1'), 'Healthy', ''],
  ]);
});

const api = (...conditions: JsonObject[]) => live('apiregistration.k8s.io/v1', 'APIService', { status: { conditions } });

describe('an APIService', () => {
  judges([
    ['has no conditions is Progressing', api(), 'Progressing', 'the API waits to be looked at'],
    ['answers is Healthy', api(condition('Available', 'True', 'Passed', 'all checks passed')), 'Healthy', ''],
    [
      'does not answer is Progressing',
      api(condition('Available', 'False', 'MissingEndpoints', 'endpoints for service/metrics have no addresses')),
      'Progressing',
      'the API is not available: endpoints for service/metrics have no addresses',
    ],
  ]);
});
