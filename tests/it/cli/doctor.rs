//! What `doctor` says to people.

use crate::snapshots::Program;

const ENVOY: &str = "static_resources:
  listeners:
  - name: ingress
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          \"@type\": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: ingress
          route_config: { virtual_hosts: [{ name: all, domains: [\"*\"], routes: [{ match: { prefix: / }, route: { cluster: app } }] }] }
          http_filters:
          - name: envoy.filters.http.ext_authz
            typed_config:
              \"@type\": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz
              transport_api_version: V3
              grpc_service: { envoy_grpc: { cluster_name: portcullis } }
              failure_mode_allow: true
";

#[test]
fn every_problem_is_shown_with_its_place_and_mend() {
    let program =
        Program::with(&[("envoy.yaml", ENVOY), ("nothing.yaml", "a: 1\n"), ("broken.yaml", "a: [\n")]);
    program.run("doctor envoy envoy.yaml").exits(1).is("doctor-envoy");
    program.run("doctor envoy nothing.yaml").exits(1).is("doctor-envoy-nothing");
    program.run("doctor envoy broken.yaml").exits(1).is("doctor-envoy-broken");
    program.run("doctor kubernetes nothing.yaml").exits(1).is("doctor-kubernetes-nothing");
    assert_eq!(program.run_with("doctor envoy -", ENVOY).exits(1).out.matches("failed").count(), 1);
}

#[test]
fn what_cannot_be_looked_at_is_no_answer() {
    let program = Program::with(&[("envoy.yaml", ENVOY)]);
    program.run("doctor envoy elsewhere.yaml").exits(2).is("doctor-nowhere");
    program.run("doctor envoy envoy.yaml --allow E9999").exits(2).is("doctor-no-code");
    program.run("doctor").exits(2);
}

#[test]
fn what_is_well_is_summed_up() {
    let root = env!("CARGO_MANIFEST_DIR");
    let program = Program::with(&[]);
    for (about, file) in
        [("envoy", "deploy/envoy/envoy.yaml"), ("kubernetes", "deploy/kubernetes/native.yaml")]
    {
        let text = std::fs::read_to_string(std::path::Path::new(root).join(file)).expect(file);
        program.write("shipped.yaml", &text);
        program.run(&format!("doctor {about} shipped.yaml")).exits(0).is(&format!("doctor-{about}-well"));
    }
}
