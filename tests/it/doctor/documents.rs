//! `docs/doctor.md` is complete, and every example in it does what it says.

use std::collections::BTreeSet;
use std::fs;

use portcullis::doctor;
use portcullis::doctor::codes::ALL;
use serde_json::Value;

use super::{project, said, source};

struct Paragraph {
    code: String,
    title: String,
    examples: Vec<(String, String)>,
}

fn paragraphs() -> Vec<Paragraph> {
    let text = fs::read_to_string(project().join("docs/doctor.md")).expect("docs/doctor.md");
    let mut found: Vec<Paragraph> = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some((code, title)) = line.strip_prefix("### ").and_then(|line| line.split_once(' ')) {
            found.push(Paragraph { code: code.into(), title: title.into(), examples: Vec::new() });
        }
        let Some(kind) = line.strip_prefix("```yaml ") else { continue };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        let paragraph = found.last_mut().expect("an example below a code");
        paragraph.examples.push((kind.into(), block.join("\n") + "\n"));
    }
    found
}

/// A pod that is well: the pieces of the examples about Kubernetes replace what stands in it.
const POD: &str = r#"{
  "kind": "Pod",
  "spec": {
    "initContainers": [
      {
        "name": "portcullis", "image": "portcullis:0.1.0", "restartPolicy": "Always", "args": ["serve"],
        "env": [{ "name": "PORTCULLIS_LISTEN_GRPC", "value": "unix:/run/portcullis/portcullis.sock" }],
        "volumeMounts": [{ "name": "socket", "mountPath": "/run/portcullis" }],
        "resources": { "limits": { "memory": "192Mi" }, "requests": { "cpu": "50m", "memory": "48Mi" } },
        "startupProbe": { "exec": { "command": ["/portcullis", "healthcheck"] } },
        "readinessProbe": { "exec": { "command": ["/portcullis", "healthcheck"] } },
        "livenessProbe": { "exec": { "command": ["/portcullis", "healthcheck", "--live"] } },
        "securityContext": {
          "runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532, "readOnlyRootFilesystem": true,
          "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] },
          "seccompProfile": { "type": "RuntimeDefault" }
        }
      },
      {
        "name": "envoy", "image": "envoyproxy/envoy:v1.40.0", "restartPolicy": "Always",
        "volumeMounts": [{ "name": "socket", "mountPath": "/run/portcullis", "readOnly": true }],
        "securityContext": { "runAsUser": 65533, "runAsGroup": 65532 }
      }
    ],
    "containers": [{ "name": "application", "image": "application:1.0.0" }],
    "volumes": [{ "name": "socket", "emptyDir": {} }, { "name": "policies", "configMap": { "name": "policies" } }]
  }
}"#;

/// Where an example of a kind belongs: in `deploy/envoy/envoy.yaml`, or in the pod above.
fn pointer(kind: &str) -> &'static str {
    match kind {
        "bootstrap" => "",
        "listener" => "/static_resources/listeners/0",
        "manager" => "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config",
        "filter" => {
            "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters/0/typed_config"
        }
        "entry" => "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters/0",
        "cluster" => "/static_resources/clusters/0",
        "pod" => "/spec",
        "container" => "/spec/initContainers/0",
        _ => panic!("`{kind}` is no piece that an example may be"),
    }
}

/// The shipped bootstrap, or the pod, with the keys of an example in their place; `null` takes one out.
fn placed(kind: &str, example: &str) -> String {
    if kind == "whole" {
        return example.to_owned();
    }
    let read = |text: &str| -> Value { serde_saphyr::from_str(text).expect("YAML") };
    let bootstrap = fs::read_to_string(project().join("deploy/envoy/envoy.yaml")).expect("a bootstrap");
    let mut whole = read(if matches!(kind, "pod" | "container") { POD } else { &bootstrap });
    let target =
        whole.pointer_mut(pointer(kind)).expect("the place of the example").as_object_mut().expect("a map");
    for (key, value) in read(example).as_object().expect("a map") {
        if value.is_null() {
            target.remove(key);
        } else {
            target.insert(key.clone(), value.clone());
        }
    }
    serde_json::to_string_pretty(&whole).expect("JSON")
}

#[test]
fn every_code_has_its_paragraph_and_its_examples() {
    let paragraphs = paragraphs();
    let written: Vec<(&str, &str)> = paragraphs.iter().map(|one| (&*one.code, &*one.title)).collect();
    let known: Vec<(&str, &str)> = ALL.iter().map(|code| (code.code, code.title)).collect();
    assert_eq!(written, known);
    for Paragraph { code, examples, .. } in &paragraphs {
        let kinds: Vec<&str> = examples.iter().filter_map(|(kind, _)| kind.split(' ').next()).collect();
        assert_eq!(kinds, ["bad", "good"], "{code}");
    }
}

#[test]
fn every_bad_example_gives_its_code_and_every_good_one_none() {
    let mut wrong = Vec::new();
    for Paragraph { code, examples, .. } in paragraphs() {
        for (kind, example) in examples {
            let (quality, place) = kind.split_once(' ').expect("`bad filter`, `good manager`");
            let examine = if code.starts_with("E1") { doctor::kubernetes } else { doctor::envoy };
            let found = examine(&[source(&placed(place, &example))]);
            let codes: BTreeSet<&str> = found.problems.problems.iter().map(|problem| problem.code).collect();
            let expected: BTreeSet<&str> = (quality == "bad").then_some(code.as_str()).into_iter().collect();
            if codes != expected {
                wrong.push(format!("{code} {kind}: {codes:?}\n{}", said(&found)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
