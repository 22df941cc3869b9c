{{- define "payments.labels" -}}
app.kubernetes.io/name: payments
app.kubernetes.io/part-of: shop
stage: {{ required "stage is not set: name values-staging.yaml or values-production.yaml" .Values.stage }}
{{- end }}
