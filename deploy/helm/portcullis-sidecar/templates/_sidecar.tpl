{{/*
Native sidecars (Kubernetes 1.29 and later) for a pod of your chart: deploy/kubernetes/sidecar as templates. In your
Deployment's pod, before init containers of your own:

    metadata:
      annotations:
        checksum/envoy: {{ include "portcullis-sidecar.checksum" . }}
    spec:
      initContainers:
      {{- include "portcullis-sidecar.initContainers" . | nindent 6 }}
      volumes:
      {{- include "portcullis-sidecar.volumes" . | nindent 6 }}
      terminationGracePeriodSeconds: 60

and in a file of its own: {{ include "portcullis-sidecar.envoyConfigMap" . }}

The application listens on 127.0.0.1:8081; its Service names the port `http`, which is Envoy's. `.Values.sidecar` of
your chart may set: image, envoyImage, resources, envoyResources, policies (a ConfigMap), keysSecret.
*/}}
{{- define "portcullis-sidecar.initContainers" -}}
{{- $given := .Values.sidecar | default dict -}}
- name: portcullis
  image: {{ $given.image | default "portcullis:0.1.0" }}
  restartPolicy: Always                          # this makes it a sidecar
  args: [serve]
  env:
  - { name: PORTCULLIS_POLICIES, value: /etc/portcullis/policies }
  # A unix socket that only this pod has: no other pod can ask, none can answer in its place.
  - { name: PORTCULLIS_LISTEN_GRPC, value: "unix:/run/portcullis/portcullis.sock" }
  # Metrics and probes for the cluster; they tell nothing of callers. The admin pages stay on loopback.
  - { name: PORTCULLIS_LISTEN_METRICS, value: "0.0.0.0:9192" }
  # The last good public keys: a container that starts again while the issuer is down has them.
  - { name: PORTCULLIS_KEY_CACHE, value: /var/cache/portcullis }
  # Without a limit of processor time it would take one thread for every core of the node.
  - { name: PORTCULLIS_WORKERS, value: "2" }
  # When it is told to end, Envoy has gone: nothing to wait for.
  - { name: PORTCULLIS_SHUTDOWN_DRAIN, value: 5s }
  ports:
  - { name: authz-metrics, containerPort: 9192 }
  # The kubelet runs the program itself: it reaches neither the socket nor loopback, and a mesh with strict mutual
  # TLS would refuse its plain HTTP.
  startupProbe:                                  # Envoy, and after it the application, wait for this
    exec: { command: [/portcullis, healthcheck] }
    periodSeconds: 1
    timeoutSeconds: 3
    failureThreshold: 120                        # an issuer that is slow to answer is no reason to start over
  readinessProbe:                                # a policy is live, keys were had once, not draining
    exec: { command: [/portcullis, healthcheck] }
    periodSeconds: 5
    timeoutSeconds: 3
  livenessProbe:                                 # it answers; neither issuers nor policies count
    exec: { command: [/portcullis, healthcheck, --live] }
    periodSeconds: 10
    timeoutSeconds: 3
  # The cache of tokens is bounded (64 MiB); no limit of processor time, which would turn a burst into time-outs.
  resources: {{- $given.resources | default (dict "requests" (dict "cpu" "50m" "memory" "48Mi") "limits" (dict "memory" "192Mi")) | toYaml | nindent 4 }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    allowPrivilegeEscalation: false
    readOnlyRootFilesystem: true
    capabilities: { drop: [ALL] }
    seccompProfile: { type: RuntimeDefault }
  volumeMounts:
  # The whole directory: a file mounted by `subPath` never changes again.
  - { name: portcullis-policies, mountPath: /etc/portcullis/policies, readOnly: true }
  - { name: portcullis-keys, mountPath: /etc/portcullis/keys, readOnly: true }
  - { name: portcullis-socket, mountPath: /run/portcullis }
  - { name: portcullis-key-cache, mountPath: /var/cache/portcullis }

- name: envoy
  image: {{ $given.envoyImage | default "envoyproxy/envoy:distroless-v1.40.0" }} # 1.39.1 or later: older ones read some paths differently
  restartPolicy: Always
  args:
  - --config-path
  - /etc/envoy/envoy.yaml
  - --disable-hot-restart                        # needs shared memory, and pods are replaced anyway
  - --concurrency
  - "2"                                          # else one thread, and one connection to Portcullis, for every core of the node
  ports:
  - { name: http, containerPort: 8080 }
  - { name: envoy-metrics, containerPort: 9902 }
  startupProbe:
    httpGet: { path: /ready, port: envoy-metrics }
    periodSeconds: 1
    failureThreshold: 60
  readinessProbe:
    httpGet: { path: /ready, port: envoy-metrics }
    periodSeconds: 5
  livenessProbe:
    tcpSocket: { port: envoy-metrics }
    periodSeconds: 10
  resources: {{- $given.envoyResources | default (dict "requests" (dict "cpu" "100m" "memory" "64Mi") "limits" (dict "memory" "256Mi")) | toYaml | nindent 4 }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 65533                             # not Portcullis' user,
    runAsGroup: 65532                            # but its group: the socket's mode is 0660
    allowPrivilegeEscalation: false
    readOnlyRootFilesystem: true
    capabilities: { drop: [ALL] }
    seccompProfile: { type: RuntimeDefault }
  volumeMounts:
  - { name: portcullis-envoy, mountPath: /etc/envoy, readOnly: true }
  - { name: portcullis-socket, mountPath: /run/portcullis, readOnly: true }
{{- end }}

{{- define "portcullis-sidecar.volumes" -}}
{{- $given := .Values.sidecar | default dict -}}
- name: portcullis-policies
  configMap: { name: {{ $given.policies | default "portcullis-policies" }} }
- name: portcullis-keys
  secret: { secretName: {{ $given.keysSecret | default "portcullis-keys" }}, optional: true, defaultMode: 0444 }
- name: portcullis-envoy
  configMap: { name: {{ include "portcullis-sidecar.envoyName" . }} }
- name: portcullis-socket
  emptyDir: { medium: Memory, sizeLimit: 1Mi }
- name: portcullis-key-cache
  emptyDir: { sizeLimit: 8Mi }
{{- end }}

{{- define "portcullis-sidecar.envoyName" -}}
{{- printf "%s-portcullis-envoy" .Release.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "portcullis-sidecar.envoyConfigMap" -}}
apiVersion: v1
kind: ConfigMap
metadata: { name: {{ include "portcullis-sidecar.envoyName" . }} }
data:
  envoy.yaml: |
    {{- include "portcullis-sidecar.envoy" . | nindent 4 }}
{{- end }}

{{/* Envoy reads its configuration once: a changed one must start the pods anew. */}}
{{- define "portcullis-sidecar.checksum" -}}
{{ include "portcullis-sidecar.envoy" . | sha256sum }}
{{- end }}
