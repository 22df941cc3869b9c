/** Where Kubernetes puts a pod's own credentials. Source: Kubernetes docs, "Accessing the Kubernetes API from a Pod". */
const folder = '/var/run/secrets/kubernetes.io/serviceaccount';

/** The kubeconfig of the pod's own service account; its token file is renewed by the kubelet. */
export function inClusterKubeconfig(host: string, port: string): string {
  const address = host.includes(':') ? `[${host}]` : host;
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'pod',
    clusters: [{ name: 'pod', cluster: { server: `https://${address}:${port}`, 'certificate-authority': `${folder}/ca.crt` } }],
    users: [{ name: 'pod', user: { tokenFile: `${folder}/token` } }],
    contexts: [{ name: 'pod', context: { cluster: 'pod', user: 'pod' } }],
  });
}
