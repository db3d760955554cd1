{{/* Made by `make charts` of deploy/kubernetes/envoy/envoy.yaml. */}}
{{- define "portcullis-sidecar.envoy" -}}
# Envoy in a pod, in front of the application on 127.0.0.1:8081: deploy/envoy/envoy.yaml, which says why of each line,
# with a listener for the cluster, one upstream, and a page for probes and metrics. A test holds that they differ in
# nothing else. To make it yours: the application's port, and IDENTITY HEADERS if your policy sets others than x-user-*.
node: { id: sidecar, cluster: sidecar }

admin:
  # Loopback only: whoever reaches this port can read the configuration, drain listeners and stop Envoy.
  address: { socket_address: { address: 127.0.0.1, port_value: 9901 } }

# No `layered_runtime`: without an admin layer nobody can switch authorization off with POST /runtime_modify.

overload_manager:
  # An Envoy without a bound accepts connections until it has no memory or descriptors left.
  resource_monitors:
  - name: envoy.resource_monitors.global_downstream_max_connections
    typed_config:
      "@type": type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig
      max_active_downstream_connections: 10000

static_resources:
  listeners:
  - name: ingress
    address: { socket_address: { address: 0.0.0.0, port_value: 8080 } } # the pod's address: the Service leads here
    per_connection_buffer_limit_bytes: 32768           # a slow reader does not cost a megabyte
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: ingress
          codec_type: AUTO                             # HTTP/1.1 and HTTP/2, by the connection's first bytes or ALPN

          # Who is asking. At the edge: the peer is the client, and whatever it says in x-forwarded-for, x-envoy-* and
          # x-forwarded-proto is replaced. Behind another trusted proxy: set xff_num_trusted_hops to their number.
          use_remote_address: true
          xff_num_trusted_hops: 0
          forward_client_cert_details: SANITIZE        # drops an x-forwarded-client-cert that a client made up
          server_header_transformation: OVERWRITE      # clients need not know what runs behind

          # One reading of a path, for Envoy's routes, for Portcullis and for your application. Portcullis refuses
          # what these leave ambiguous; these keep harmless spellings working.
          normalize_path: true                         # /a/./b and /a/../b become what they mean
          merge_slashes: true                          # //admin is /admin
          path_with_escaped_slashes_action: REJECT_REQUEST # %2F is a slash for some servers and none for others
          strip_any_host_port: true                    # api.example.com:443 is api.example.com, for routes and policy
          strip_trailing_host_dot: true                # and so is `api.example.com.`

          common_http_protocol_options:
            headers_with_underscores_action: REJECT_REQUEST # PHP, CGI and WSGI read x_user_id as x-user-id
            idle_timeout: 300s                         # a connection nobody uses is closed
            max_headers_count: 100
          http2_protocol_options:
            max_concurrent_streams: 100                # per connection; the default lets one client open 2^29
            initial_stream_window_size: 65536          # memory that one stream may claim
            initial_connection_window_size: 1048576    # and one connection
          request_headers_timeout: 10s                 # a client that drips its headers is cut off
          request_timeout: 60s                         # and one that drips its body; raise it for long uploads
          stream_idle_timeout: 300s                    # raise it for long polling and quiet WebSockets

          early_header_mutation_extensions:
          # Runs before routes and filters: what Portcullis (or Envoy) says to the services cannot come from a client,
          # not even on a route where the filter is off. Portcullis removes the same by itself; two locks, two keys.
          - name: envoy.http.early_header_mutation.header_mutation
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation
              mutations:
              - remove_on_match: { key_matcher: { safe_regex: { regex: "^x[-_.]user[-_.].*" } } } # IDENTITY HEADERS, and what PHP reads as them
              - remove: x-envoy-auth-failure-mode-allowed # says "let through undecided"; only Envoy may say it
              - remove: x-original-url                 # some frameworks route by these two
              - remove: x-rewrite-url                  # instead of the path that was judged

          access_log:
          - name: envoy.access_loggers.stdout
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog
              log_format:
                json_format:
                  time: "%START_TIME%"
                  method: "%REQ(:METHOD)%"
                  host: "%REQ(:AUTHORITY)%"
                  path: "%PATH(NQ)%"                   # without the query: tokens have been seen there
                  status: "%RESPONSE_CODE%"
                  flags: "%RESPONSE_FLAGS%"            # UAEX: refused by the authorizer, or it could not be asked
                  details: "%RESPONSE_CODE_DETAILS%"   # ext_authz_denied or ext_authz_error: which of the two
                  duration_ms: "%DURATION%"
                  upstream: "%UPSTREAM_CLUSTER%"
                  request_id: "%REQ(X-REQUEST-ID)%"
                  # What Portcullis said of it. The same id stands in Portcullis' own log.
                  decision_id: "%DYNAMIC_METADATA(envoy.filters.http.ext_authz:decision_id)%"
                  outcome: "%DYNAMIC_METADATA(envoy.filters.http.ext_authz:outcome)%"
                  reason: "%DYNAMIC_METADATA(envoy.filters.http.ext_authz:reason)%"
                  route: "%DYNAMIC_METADATA(envoy.filters.http.ext_authz:route)%"
                  guard: "%DYNAMIC_METADATA(envoy.filters.http.ext_authz:guard)%"
                  subject: "%DYNAMIC_METADATA(envoy.filters.http.ext_authz:subject)%"
                  authorization_us: "%FILTER_STATE(envoy.filters.http.ext_authz:FIELD:latency_us)%" # what asking took

          http_filters:
          - name: envoy.filters.http.ext_authz         # per-route settings and the access log above refer to this name
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz
              stat_prefix: portcullis                  # http.ingress.ext_authz.portcullis.{ok,denied,error}
              transport_api_version: V3
              grpc_service:
                envoy_grpc: { cluster_name: portcullis }
                timeout: 0.25s                         # for the whole call, retries included
                retry_policy:                          # a restart of Portcullis is not seen by clients
                  num_retries: 1
                  retry_on: connect-failure,refused-stream,unavailable
                  # max_interval is the timeout of one try as well; the default (10 times base_interval) would cut
                  # tries short, and the default base_interval of 1 s would wait longer than the whole call may last.
                  retry_back_off: { base_interval: 0.005s, max_interval: 0.25s }

              failure_mode_allow: false                # an authorizer that cannot be asked opens nothing
              status_on_error: { code: ServiceUnavailable } # 503: could not be decided; 403 then always means: denied

              encode_raw_headers: true                 # repeated headers stay apart, bytes stay as they came
              disallowed_headers:                      # what the policy does not look at need not leave Envoy
                patterns:
                - { exact: cookie, ignore_case: true } # remove this line if tokens come in a cookie
              include_peer_certificate: false          # the client's identity (`source.principal`) is sent anyway
              include_tls_session: true                # the name that a TLS client asked for

              # What an answer of Portcullis may change, so that even a mistake in it (or somebody else on its socket)
              # cannot set the path, the host or a header that is nobody's identity.
              validate_mutations: true                 # no line breaks, no malformed names: 500 instead
              decoder_header_mutation_rules:
                disallow_all: true
                disallow_is_error: true                # a surprise is loud, not skipped
                # IDENTITY HEADERS (set, or removed in every spelling), the override headers that Portcullis removes, and
                # the credential (`remove_token`).
                allow_expression:
                  regex: "^(x[-_.]user[-_.][a-z0-9._-]+|x[-_.](http[-_.]method|http[-_.]method[-_.]override|method[-_.]override|original[-_.]url|rewrite[-_.]url)|authorization)$"
              enforce_response_header_limits: true
              max_denied_response_body_bytes: 4096
              clear_route_cache: false                 # the route that was judged is the route that is taken
              enable_dynamic_metadata_ingestion: true  # decision id, reason and route for the access log
              emit_filter_state_stats: true            # and what asking took
              # Two more ways to switch a filter off at run time, both shut.
              filter_enabled: { runtime_key: ext_authz.enabled, default_value: { numerator: 100, denominator: HUNDRED } }
              deny_at_disable: { runtime_key: ext_authz.deny_at_disable, default_value: true }

          - name: envoy.filters.http.router
            typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }

          route_config:
            name: ingress
            # No route switches the filter off: open paths are open because the policy says so, and are logged.
            virtual_hosts:
            - name: application
              domains: ["*"]
              routes:
              - match: { prefix: / }
                route: { cluster: application, timeout: 15s }

  - name: probes
    # Of the admin pages these two, exactly and for reading only: the rest can stop Envoy and show its configuration.
    address: { socket_address: { address: 0.0.0.0, port_value: 9902 } }
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: probes
          # Nobody judges these two pages; what else a request says is read as strictly as above.
          use_remote_address: true
          normalize_path: true
          merge_slashes: true
          path_with_escaped_slashes_action: REJECT_REQUEST
          common_http_protocol_options: { headers_with_underscores_action: REJECT_REQUEST, idle_timeout: 60s }
          http_filters:
          - name: envoy.filters.http.router
            typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
          route_config:
            virtual_hosts:
            - name: probes
              domains: ["*"]
              routes:
              - match: { path: /ready, headers: [{ name: ":method", string_match: { exact: GET } }] }
                route: { cluster: admin }
              - match: { path: /stats/prometheus, headers: [{ name: ":method", string_match: { exact: GET } }] }
                route: { cluster: admin }

  clusters:
  - name: portcullis
    type: STATIC
    connect_timeout: 0.25s
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config:
          http2_protocol_options:                      # gRPC is HTTP/2
            connection_keepalive: { interval: 30s, timeout: 5s } # a peer that is gone is noticed
    circuit_breakers:
      # Questions at once. The defaults (1024) answer a burst with 503 while Portcullis has time to spare.
      thresholds: [ { max_connections: 1024, max_pending_requests: 4096, max_requests: 4096, max_retries: 64, track_remaining: true } ]
    track_cluster_stats: { timeout_budgets: true, request_response_sizes: true }
    # No active health checks: with one local endpoint they only delay recovery (5 s instead of at once).
    load_assignment:
      cluster_name: portcullis
      endpoints:
      - lb_endpoints:
        # A unix socket: reachable by this host or pod only, and cheaper than TCP. `portcullis serve --listen-grpc unix:/run/portcullis/portcullis.sock`
        - endpoint: { address: { pipe: { path: /run/portcullis/portcullis.sock } } }

  - name: application
    type: STATIC
    connect_timeout: 1s
    load_assignment:
      cluster_name: application
      endpoints:
      - lb_endpoints:
        - endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: 8081 } } }

  - name: admin                                        # Envoy itself, for the listener `probes`
    type: STATIC
    connect_timeout: 1s
    load_assignment:
      cluster_name: admin
      endpoints:
      - lb_endpoints:
        - endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: 9901 } } }
{{- end }}
