{{- define "flatfile-exporter.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- /* 52 characters: a StatefulSet adds a hash of eleven to the name in the label of a revision. */ -}}
{{- define "flatfile-exporter.fullname" -}}
{{- $name := include "flatfile-exporter.name" . -}}
{{- $made := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) -}}
{{- default $made .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- define "flatfile-exporter.selector" -}}
app.kubernetes.io/name: {{ include "flatfile-exporter.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "flatfile-exporter.labels" -}}
{{ include "flatfile-exporter.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "flatfile-exporter.image" -}}
{{- $image := .Values.image -}}
{{- $path := $image.repository -}}
{{- if $image.registry }}{{ $path = printf "%s/%s" $image.registry $path }}{{ end -}}
{{- if $image.digest -}}
{{ printf "%s@%s" $path $image.digest }}
{{- else -}}
{{ printf "%s:%s" $path (default .Chart.AppVersion $image.tag) }}
{{- end -}}
{{- end -}}

{{- define "flatfile-exporter.serviceAccount" -}}
{{- $own := .Values.serviceAccount.create | ternary (include "flatfile-exporter.fullname" .) "default" -}}
{{- default $own .Values.serviceAccount.name -}}
{{- end -}}

{{- /* Name of the Secret with the credential; empty for the demo. */ -}}
{{- define "flatfile-exporter.secret" -}}
{{- $auth := .Values.auth -}}
{{- $inline := or $auth.token $auth.clientId $auth.clientSecret -}}
{{- if .Values.demo -}}
{{- if or $auth.existingSecret $inline }}{{ fail "demo: the demo takes no credential; set demo or auth, not both" }}{{ end -}}
{{- else if $auth.existingSecret -}}
{{- if $inline }}{{ fail "auth: existingSecret is given together with a credential; keep one" }}{{ end -}}
{{ $auth.existingSecret }}
{{- else if $auth.token -}}
{{- if or $auth.clientId $auth.clientSecret }}{{ fail "auth: token is given together with clientId or clientSecret; keep one credential" }}{{ end -}}
{{ include "flatfile-exporter.fullname" . }}
{{- else if and $auth.clientId $auth.clientSecret -}}
{{ include "flatfile-exporter.fullname" . }}
{{- else if $inline -}}
{{ fail "auth: clientId and clientSecret are a pair; give both" }}
{{- else -}}
{{ fail "auth: there is no credential; set auth.existingSecret to a Secret with the keys client-id and client-secret, or demo=true for an emulated account" }}
{{- end -}}
{{- end -}}

{{- /* Whether the credential is a pat_ token: its key in the Secret, or empty. */ -}}
{{- define "flatfile-exporter.tokenKey" -}}
{{- if .Values.auth.existingSecret -}}
{{ .Values.auth.tokenKey }}
{{- else if .Values.auth.token -}}
token
{{- end -}}
{{- end -}}

{{- define "flatfile-exporter.clientIdKey" -}}
{{ empty .Values.auth.existingSecret | ternary "client-id" .Values.auth.clientIdKey }}
{{- end -}}

{{- define "flatfile-exporter.clientSecretKey" -}}
{{ empty .Values.auth.existingSecret | ternary "client-secret" .Values.auth.clientSecretKey }}
{{- end -}}

{{- define "flatfile-exporter.scheme" -}}
{{ or (empty .Values.webConfig.existingSecret) (not .Values.webConfig.tls) | ternary "http" "https" }}
{{- end -}}

{{- /*
A probe of the endpoint (healthy, ready) with the times of its kind. The kubelet can show neither a
password nor a certificate, so where there is a web configuration the exporter asks itself.
*/ -}}
{{- define "flatfile-exporter.probe" -}}
{{- $root := index . 0 -}}
{{- $endpoint := index . 1 -}}
{{- if $root.Values.webConfig.existingSecret -}}
exec:
  command:
    - /opt/flatfile-exporter/bin/python3
    - -m
    - exporter.probe
    {{- if eq $endpoint "ready" }}
    - --ready
    {{- end }}
{{- else -}}
httpGet:
  path: /-/{{ $endpoint }}
  port: http
{{- end }}
{{ toYaml (index . 2) }}
{{- end -}}
