{{- define "persona-host.labels" -}}
app.kubernetes.io/name: persona-host
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
{{- define "persona-host.claim" -}}
{{ .Values.persistence.existingClaim | default .Release.Name }}
{{- end }}
