#!/bin/sh
# Prints the kubeconfig of Sluice's own identity on the cluster of kubectl's current context, where deploy/destination is applied:
#   sh deploy/destination/kubeconfig.sh > production.kubeconfig
# Address and certificate are those of your own kubeconfig; Sluice must be able to reach that address. Keep the file secret.
set -eu

cluster() { kubectl config view --raw --minify --flatten --output "jsonpath={.clusters[0].cluster.$1}"; }
token=$(kubectl --namespace sluice-destination get secret sluice-token --output 'jsonpath={.data.token}')
server=$(cluster server)
certificate=$(cluster certificate-authority-data)
if [ -z "$token" ]; then
  echo "Secret sluice-destination/sluice-token has no token yet: try again in a moment" >&2
  exit 1
fi
if [ -z "$certificate" ]; then
  echo "your kubeconfig names no certificate authority for $server: Sluice needs it, unless a public authority has signed the server's certificate" >&2
fi

cat <<END
apiVersion: v1
kind: Config
current-context: sluice
clusters:
  - name: sluice
    cluster:
      server: $server
${certificate:+      certificate-authority-data: $certificate}
contexts:
  - name: sluice
    context: { cluster: sluice, user: sluice }
users:
  - name: sluice
    user:
      token: $(printf %s "$token" | base64 -d)
END
