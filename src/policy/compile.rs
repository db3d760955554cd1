//! From a policy as written to a policy as run: whole or not at all, all problems at once.

mod caller;
mod cycle;
mod forbid;
mod guard;
mod issuer;
mod requirement;
mod route;
mod settings;

use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::sync::Arc;

use aws_lc_rs::digest;

use super::diagnostic::{At, Diagnostics, SourceFile, Spanned, codes};
use super::document::{Document, Match, Matcher, Operand, PathMatch, Scalar, Text};
use super::guard::Guards;
use super::matcher::host::HostPattern;
use super::matcher::index::RouteIndex;
use super::matcher::request::RequestMatch;
use super::requirement::Requirement;
use super::route::Ask;
use super::upstream::Removals;
use super::{Policy, RuleMeta, answer, lint, reader};
use crate::request::Reading;
use caller::Families;
use requirement::{Scope, guard_names};

/// Compiles the files of a set.
///
/// # Errors
/// Everything that is wrong with it, in the order of files and lines; warnings among it.
pub fn compile(files: &[SourceFile]) -> Result<Policy, Diagnostics> {
    let mut problems = Diagnostics::default();
    let document = reader::read(files, &mut problems);
    let (policy, unused) = build(&document, files, &mut problems);
    problems.sort();
    if problems.has_errors() {
        return Err(problems);
    }
    lint::report(&policy, &document, &unused, &mut problems);
    problems.sort();
    Ok(Policy { warnings: problems.problems, ..policy })
}

/// Compiles what was read already. Places point into `files`. What is probably not meant is not looked for:
/// a document that was changed on purpose is compiled so, many times over.
///
/// # Errors
/// As [`compile`].
pub fn compile_document(document: &Document, files: &[SourceFile]) -> Result<Policy, Diagnostics> {
    let mut problems = Diagnostics::default();
    let (policy, _) = build(document, files, &mut problems);
    if problems.has_errors() {
        problems.sort();
        return Err(problems);
    }
    Ok(policy)
}

/// The policy, and the requirements that no rule uses.
fn build(document: &Document, files: &[SourceFile], problems: &mut Diagnostics) -> (Policy, Vec<Text>) {
    let issuers: Vec<_> =
        issuer::compile(&document.issuers, files, problems).into_iter().map(Arc::new).collect();
    let issuer_guards = Guards::new(issuers.clone(), Vec::new());
    let declared = guard::compile(&document.guards, &issuer_guards, problems);
    let only_one = issuers.len() == 1 && declared.is_empty();
    let guards = Guards::new(issuers.clone(), declared);
    let default_guards = document
        .defaults
        .as_ref()
        .and_then(|defaults| defaults.guard.as_ref())
        .map(|names| guard_names(&guards, names, problems))
        .unwrap_or_default();
    cycle::report(&document.requirements, problems);
    let named: HashMap<&str, _> =
        document.requirements.iter().map(|(name, written)| (&*name.value, written)).collect();
    let mut scope = Scope { guards: &guards, named, used: HashSet::new(), checks: 0, before_rule: 0 };
    let families = Families { guards: &guards, default: &default_guards, only_one };
    let mut reading = settings::reading(document);
    let places = Places { files };
    // A fence may name what is refused anyhow: it costs nothing, and stays when a route admits it.
    let of_fences = Reading { admit_scripts: true, ..reading.clone() };
    let forbids = forbid::compile(document, &mut scope, &families, &of_fences, &places, problems);
    let routes = route::compile(document, &mut scope, &families, &reading, &places, problems);
    let is_unused = |(name, _): &&(Text, _)| !scope.used.contains(&*name.value);
    let unused = document.requirements.iter().filter(is_unused).map(|(name, _)| name.clone()).collect();
    scope.compile_unused(problems);
    let index = |shadow: bool, problems: &mut Diagnostics| {
        let entries = routes.iter().enumerate().filter(|(_, (route, _))| route.shadow == shadow);
        let entries = entries.flat_map(|(id, (_, matches))| {
            matches.iter().map(move |one| (u32::try_from(id).unwrap_or(u32::MAX), one.clone()))
        });
        RouteIndex::build(entries.collect(), &reading, problems)
    };
    let (enforced, shadows) = (index(false, problems), index(true, problems));
    let enforced_matches =
        || routes.iter().filter(|(route, _)| !route.shadow).flat_map(|(_, matches)| matches);
    reading.names_hosts = {
        let routes = routes.iter().map(|(route, _)| route).filter(|route| !route.shadow);
        let fences = || forbids.iter().filter(|forbid| !forbid.shadow);
        let asked = routes.filter_map(|route| match &route.ask {
            Ask::Require(requirement) => Some(requirement),
            Ask::Anyone | Ask::Nobody => None,
        });
        let fenced = fences().flat_map(|forbid| forbid.condition.all());
        enforced_matches().chain(fenced).any(|one| one.host != HostPattern::Any)
            || asked.chain(fences().filter_map(|forbid| forbid.unless.as_ref())).any(Requirement::sees_host)
    };
    let routes: Vec<_> = routes.into_iter().map(|(route, _)| route).collect();
    let has_shadows = routes.iter().any(|route| route.shadow) || forbids.iter().any(|forbid| forbid.shadow);
    // A shadow changes nothing, not even what is kept from the upstream.
    let enforcing = routes.iter().filter(|route| !route.shadow);
    let identity_headers = enforcing.flat_map(|route| route.upstream.header_names());
    let removals =
        Removals::of(identity_headers.chain(reading.overrides.headers_to_remove().iter().copied()));
    let policy = Policy {
        revision: revision(files),
        files: files.iter().map(|file| file.name.clone()).collect(),
        default_guards: default_guards.clone(),
        preflights_pass: document.preflight.as_ref().is_some_and(|text| &*text.value == "allow"),
        client_address: settings::client_address(document.client_address.as_ref(), problems),
        answers: answer::compile(document.responses.as_ref(), problems),
        index: enforced,
        shadow_index: shadows,
        issuers,
        routes,
        forbids,
        has_shadows,
        reading,
        removals,
        warnings: Vec::new(),
        guards,
    };
    (policy, unused)
}

/// Names of files for places in them.
struct Places<'f> {
    files: &'f [SourceFile],
}

impl Places<'_> {
    fn meta(&self, name: Box<str>, at: At) -> RuleMeta {
        let file = usize::try_from(at.file).ok().and_then(|index| self.files.get(index));
        let file = file.map_or_else(Default::default, |file| file.name.clone());
        RuleMeta { name, file, line: at.line, at }
    }
}

/// Reports names that stand twice, each where it stands again.
fn report_twice<'d>(kind: &str, names: impl Iterator<Item = (&'d str, At)>, problems: &mut Diagnostics) {
    let mut first: HashMap<&str, At> = HashMap::new();
    for (name, at) in names {
        if let Some(before) = first.get(name) {
            problems
                .error(codes::NAME_TWICE, at, format!("{kind} `{name}` is there twice"))
                .see(*before, "the first one")
                .hint("give one of them another `name`");
        } else {
            first.insert(name, at);
        }
    }
}

/// Captures that every match of a rule makes: a name that only some make cannot be relied on.
fn common_captures<'m>(mut matches: impl Iterator<Item = &'m RequestMatch>) -> Vec<Box<str>> {
    let mut common = matches.next().map(RequestMatch::captures).unwrap_or_default();
    for other in matches {
        let captures = other.captures();
        common.retain(|name| captures.contains(name));
    }
    common
}

/// A match as one would say it: the default name of a route.
#[must_use]
pub fn words(written: &Match) -> String {
    let map = match written {
        Match::Text(text) => return text.value.trim().to_owned(),
        Match::Map(map) => map,
    };
    let join = |list: &Option<Vec<super::document::Text>>| {
        list.iter().flatten().map(|text| &*text.value).collect::<Vec<_>>().join(",")
    };
    let mut said = String::new();
    let methods = join(&map.methods);
    if !methods.is_empty() {
        let _ = write!(said, "{methods} ");
    }
    said.push_str(&join(&map.hosts));
    match (&map.path, &map.grpc) {
        (Some(PathMatch::Template(path)), _) => said.push_str(&path.value),
        (Some(PathMatch::Regex(regex)), _) => {
            let _ = write!(said, "~{}", regex.value);
        }
        (None, Some(grpc)) => {
            let _ = write!(
                said,
                "grpc /{}/{}",
                grpc.service.value,
                grpc.method.as_ref().map_or("*", |method| &method.value)
            );
        }
        (None, None) => said.push_str("/**"),
    }
    for (kind, conditions) in [("header", &map.headers), ("query", &map.query)] {
        for (name, matcher) in conditions.iter().flatten() {
            let _ = write!(said, " [{kind} {}: {}]", name.value, matcher_words(matcher));
        }
    }
    said
}

/// A matcher in few words: routes that only their values tell apart have names that are apart, too.
fn matcher_words(matcher: &Matcher) -> String {
    let scalar = |scalar: &Scalar| match scalar {
        Scalar::Text(text) => text.to_string(),
        Scalar::Integer(number) => number.to_string(),
        Scalar::Float(number) => number.to_string(),
        Scalar::Bool(truth) => truth.to_string(),
    };
    let list = |several: &[Spanned<Scalar>]| {
        let several: Vec<String> = several.iter().map(|one| scalar(&one.value)).collect();
        format!("[{}]", several.join(", "))
    };
    match matcher {
        Matcher::Scalar(one) => scalar(&one.value),
        Matcher::List(_, several) => list(several),
        Matcher::Operator { name, operand, ignore_case, .. } => {
            let operand = match operand {
                Operand::One(one) => scalar(&one.value),
                Operand::Many(_, several) => list(several),
            };
            let any_case = ignore_case.as_ref().is_some_and(|flag| flag.value);
            format!("{} {operand}{}", name.value, if any_case { " in any case" } else { "" })
        }
    }
}

/// The first 16 hexadecimal digits of the SHA-256 of all names and texts.
fn revision(files: &[SourceFile]) -> Box<str> {
    let mut context = digest::Context::new(&digest::SHA256);
    for file in files {
        for part in [&file.name, &file.text] {
            context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(part.as_bytes());
        }
    }
    let mut text = String::with_capacity(16);
    for byte in context.finish().as_ref().iter().take(8) {
        let _ = write!(text, "{byte:02x}");
    }
    text.into()
}
