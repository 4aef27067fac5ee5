{{- define "workmail-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /* RELEASE-CHART, or RELEASE where that has the chart's name in it; without the dots that a release
       may have and a Service may not. */}}
{{- define "workmail-operator.fullname" -}}
{{- $release := .Release.Name | replace "." "-" }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- $name := include "workmail-operator.name" . }}
{{- if contains $name $release }}
{{- $release | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" $release $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{- /* What no upgrade may change. */}}
{{- define "workmail-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "workmail-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "workmail-operator.ownLabels" -}}
{{ include "workmail-operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /* The chart's own win. */}}
{{- define "workmail-operator.labels" -}}
{{- merge (include "workmail-operator.ownLabels" . | fromYaml) .Values.commonLabels | toYaml }}
{{- end }}

{{- define "workmail-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "workmail-operator.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- required "serviceAccount.name is needed when serviceAccount.create is false" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "workmail-operator.image" -}}
{{- with .Values.image }}
{{- $repository := required "Set image.repository: there is no public image. Build the Dockerfile, push the image to your registry, and name it there." .repository }}
{{- if .digest }}
{{- printf "%s@%s" $repository .digest }}
{{- else }}
{{- printf "%s:%s" $repository (default $.Chart.AppVersion .tag) }}
{{- end }}
{{- end }}
{{- end }}

{{- /* What the operator does in the namespaces that it watches. */}}
{{- define "workmail-operator.rules" -}}
- apiGroups: [workmail-operator.dev]
  resources: [workmailorganizations]
  # patch: the finalizer, and nothing else of the resource.
  verbs: [get, list, watch, patch]
- apiGroups: [workmail-operator.dev]
  resources: [workmailorganizations/status]
  # It is replaced whole.
  verbs: [update]
# patch: the finalizer; create and delete: those of an organization export.
- apiGroups: [workmail-operator.dev]
  resources: [workmailmailboxexports]
  verbs: [list, watch, create, patch, delete]
- apiGroups: [workmail-operator.dev]
  resources: [workmailorganizationexports]
  verbs: [list, watch]
- apiGroups: [workmail-operator.dev]
  resources: [workmailmailboxexports/status, workmailorganizationexports/status]
  verbs: [update]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
# The records of the mail domains, where spec.dns.endpoint asks for them.
- apiGroups: [externaldns.k8s.io]
  resources: [dnsendpoints]
  verbs: [get, list, create, patch, delete]
{{- end }}

{{- define "workmail-operator.subjects" -}}
- kind: ServiceAccount
  name: {{ include "workmail-operator.serviceAccountName" . | quote }}
  namespace: {{ .Release.Namespace | quote }}
{{- end }}

{{- /* How a monitor asks. */}}
{{- define "workmail-operator.scrape" -}}
path: /metrics
{{- with .interval }}
interval: {{ . }}
{{- end }}
{{- with .scrapeTimeout }}
scrapeTimeout: {{ . }}
{{- end }}
{{- end }}

{{- /* Which roles people get: view, all or none. It was a boolean before. */}}
{{- define "workmail-operator.userRoles" -}}
{{- $asked := toString .Values.rbac.userRoles -}}
{{- get (dict "true" "all" "false" "none") $asked | default $asked -}}
{{- end }}
