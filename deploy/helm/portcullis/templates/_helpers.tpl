{{- define "portcullis.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "portcullis.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains (include "portcullis.name" .) .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "portcullis.name" .) | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "portcullis.selector" -}}
app.kubernetes.io/name: {{ include "portcullis.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "portcullis.labels" -}}
{{ include "portcullis.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: authorization
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "portcullis.image" -}}
{{- with .Values.image }}
{{- if .digest }}{{ .repository }}@{{ .digest }}
{{- else }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end }}
{{- end }}
{{- end }}

{{- define "portcullis.policies" -}}
{{- if and .Values.policies .Values.existingPolicies }}
{{- fail "`policies` and `existingPolicies` are both set; one of them must be empty" }}
{{- end }}
{{- .Values.existingPolicies | default (printf "%s-policies" (include "portcullis.fullname" .)) }}
{{- end }}

{{- define "portcullis.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- .Values.serviceAccount.name | default (include "portcullis.fullname" .) }}
{{- else }}
{{- .Values.serviceAccount.name | default "default" }}
{{- end }}
{{- end }}

{{/* What the level `restricted` of Pod Security asks of a container. */}}
{{- define "portcullis.securityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{/* The file that `portcullis serve --config` reads. */}}
{{- define "portcullis.settings" -}}
{{- $listen := dict "grpc" "0.0.0.0:9191" "metrics" "0.0.0.0:9192" }}
{{- $settings := deepCopy .Values.settings }}
{{- if .Values.http.enabled }}
{{- $_ := set $listen "http" "0.0.0.0:9190" }}
{{- $_ := set $settings "http" (mergeOverwrite (dict) ($settings.http | default dict) (dict "target" .Values.http.target)) }}
{{- end }}
{{- $_ := set $settings "listen" (mergeOverwrite (dict) ($settings.listen | default dict) $listen) }}
{{- $_ := set $settings "policies" (list "/etc/portcullis/policies") }}
{{- $_ := set $settings "workers" (.Values.workers | int) }}
{{- $_ := set $settings "key_cache" "/var/cache/portcullis" }}
{{- $_ := set $settings "shutdown" (dict "delay" .Values.shutdown.delay "drain" .Values.shutdown.drain) }}
{{- if .Values.tls.secret }}
{{- $tls := dict "cert" "/etc/portcullis/tls/tls.crt" "key" "/etc/portcullis/tls/tls.key" }}
{{- if .Values.tls.clientAuthorities }}
{{- $_ := set $tls "client_ca" "/etc/portcullis/tls/ca.crt" }}
{{- end }}
{{- $_ := set $settings "tls" $tls }}
{{- end }}
{{- toYaml $settings }}
{{- end }}
