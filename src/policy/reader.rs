//! From files to a document: shapes are judged here, meaning by the compiler. Every problem of every file
//! is reported at once.

mod answer;
mod issuer;
mod matching;
mod requirement;
mod rule;

use std::collections::HashMap;

use super::diagnostic::{At, Diagnostics, SourceFile, codes};
use super::document::{ClientAddress, Defaults, Document, Text};
use super::yaml::fields::{Fields, list};
use super::yaml::{self, Budget, Kind, Node};

/// Reads the files of a set.
pub fn read(files: &[SourceFile], problems: &mut Diagnostics) -> Document {
    let mut reader = Reader { document: Document::default(), seen: HashMap::new(), problems };
    if files.is_empty() {
        reader
            .problems
            .error(codes::NO_FILES, At::default(), "no policy files were found")
            .hint("name a file or directory that holds `*.yaml`");
    }
    let mut budget = Budget::default();
    for (index, file) in files.iter().enumerate() {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        if let Some(root) = yaml::parse_within(file, index, &mut budget, reader.problems) {
            reader.file(&root);
        }
    }
    reader.document
}

struct Reader<'p> {
    document: Document,
    /// Names and single keys seen so far, by kind.
    seen: HashMap<(&'static str, Box<str>), At>,
    problems: &'p mut Diagnostics,
}

impl Reader<'_> {
    fn file(&mut self, root: &Node) {
        if let Some(hint) = foreign(root) {
            self.problems.error(codes::UNKNOWN_VERSION, root.at, "this is no policy").hint(hint);
            return;
        }
        let Some(mut keys) = Fields::of(root, "a policy", self.problems) else { return };
        self.version(&mut keys, root.at);
        for (name, node) in keys.entries("issuers", self.problems).into_iter().flatten() {
            self.name("issuer or guard", &name);
            self.document.issuers.extend(issuer::read(name, node, self.problems));
        }
        for (name, node) in keys.entries("guards", self.problems).into_iter().flatten() {
            self.name("issuer or guard", &name);
            self.document.guards.extend(rule::guard(name, node, self.problems));
        }
        for (name, node) in keys.entries("requirements", self.problems).into_iter().flatten() {
            self.name("requirement", &name);
            let requirement = requirement::read(node, "a requirement", self.problems);
            self.document.requirements.extend(requirement.map(|requirement| (name, requirement)));
        }
        for node in
            keys.take("forbid").and_then(|node| list(node, "forbid", self.problems)).into_iter().flatten()
        {
            self.document.forbid.extend(rule::forbid(node, self.problems));
        }
        for node in
            keys.take("routes").and_then(|node| list(node, "routes", self.problems)).into_iter().flatten()
        {
            self.document.routes.extend(rule::route(node, self.problems));
        }
        self.singles(&mut keys);
        keys.finish(self.problems);
    }

    /// What stands once in a set.
    fn singles(&mut self, keys: &mut Fields<'_>) {
        if let Some(node) = self.once(keys, "defaults") {
            self.document.defaults = defaults(node, self.problems);
        }
        if let Some(node) = self.once(keys, "responses") {
            self.document.responses = answer::responses(node, self.problems);
        }
        if let Some(node) = self.once(keys, "paths") {
            self.document.paths = rule::paths(node, true, self.problems);
        }
        if let Some(node) = self.once(keys, "client_address") {
            self.document.client_address = client_address(node, self.problems);
        }
        if let Some(node) = self.once(keys, "preflight") {
            self.document.preflight =
                yaml::fields::word(node, "preflight", &["route", "allow"], self.problems);
        }
        if let Some(node) = self.once(keys, "overrides") {
            self.document.overrides =
                yaml::fields::word(node, "overrides", &["reject", "remove", "pass"], self.problems);
        }
    }

    fn once<'n>(&mut self, keys: &mut Fields<'n>, name: &'static str) -> Option<&'n Node> {
        let node = keys.take(name)?;
        if let Some(first) = self.seen.insert(("key", name.into()), node.at) {
            self.problems
                .error(codes::SECTION_TWICE, node.at, format!("`{name}` stands once in a set"))
                .see(first, "the first one")
                .hint("keep one of them");
        }
        Some(node)
    }

    fn version(&mut self, keys: &mut Fields<'_>, at: At) {
        let Some(node) = keys.take("version") else {
            self.problems
                .error(codes::UNKNOWN_VERSION, at, "`version` is missing")
                .hint("begin every file with `version: 1`");
            return;
        };
        if node.kind != Kind::Integer(1) {
            self.problems
                .error(codes::UNKNOWN_VERSION, node.at, "this version of the policy language is not known")
                .hint("write `version: 1`");
        }
    }

    fn name(&mut self, kind: &'static str, name: &Text) {
        if matches!(&*name.value, "any" | "none") {
            self.problems
                .error(codes::RESERVED_NAME, name.at, format!("`{}` is reserved", name.value))
                .hint("choose another name");
        }
        if let Some(first) = self.seen.insert((kind, name.value.clone()), name.at) {
            self.problems
                .error(codes::NAME_TWICE, name.at, format!("{kind} `{}` is there twice", name.value))
                .see(first, "the first one")
                .hint("give one of them another name");
        }
    }
}

/// What to do with a file that has no key of a policy: it is of another program.
fn foreign(root: &Node) -> Option<&'static str> {
    const OURS: [&str; 12] = [
        "version",
        "issuers",
        "guards",
        "requirements",
        "forbid",
        "routes",
        "defaults",
        "responses",
        "paths",
        "client_address",
        "preflight",
        "overrides",
    ];
    let Kind::Mapping(entries) = &root.kind else { return None };
    let has = |names: &[&str]| {
        entries.iter().filter_map(|(key, _)| yaml::fields::as_text(key)).any(|key| names.contains(&key))
    };
    if entries.len() < 2 || has(&OURS) {
        return None;
    }
    Some(if has(&["static_resources", "dynamic_resources", "resources", "configs"]) {
        "it looks like a configuration of Envoy: `portcullis doctor envoy` looks at those"
    } else if has(&["apiVersion"]) {
        "it looks like a manifest: `portcullis doctor kubernetes` looks at those; name the policy's own files"
    } else {
        "a policy begins with `version: 1`, then `issuers:` and `routes:`"
    })
}

fn defaults(node: &Node, problems: &mut Diagnostics) -> Option<Defaults> {
    let mut keys = Fields::of(node, "`defaults`", problems)?;
    let guard = keys.text_or_texts("guard", problems);
    let upstream = keys.take("upstream").and_then(|node| answer::upstream(node, problems));
    keys.finish(problems);
    Some(Defaults { at: node.at, guard, upstream })
}

fn client_address(node: &Node, problems: &mut Diagnostics) -> Option<ClientAddress> {
    let mut keys = Fields::of(node, "`client_address`", problems)?;
    let header = keys
        .need("header", "header: x-envoy-external-address", problems)
        .and_then(|node| yaml::fields::text(node, "header", problems));
    let trusted_hops = keys.number("trusted_hops", problems);
    keys.finish(problems);
    Some(ClientAddress { at: node.at, header: header?, trusted_hops })
}
