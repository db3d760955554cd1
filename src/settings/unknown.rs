//! What was given and is no setting: most likely mistyped.

use std::collections::BTreeMap;

use crate::policy::diagnostic::closest;

use super::{ALL, Problem};

const PREFIX: &str = "PORTCULLIS_";

/// Variables that are not settings.
const OTHERS: [&str; 1] = ["PORTCULLIS_CONFIG"];

/// Unknown keys of a file.
pub(super) fn of_file(file: &BTreeMap<String, String>) -> impl Iterator<Item = Problem> {
    file.keys().filter(|key| !ALL.iter().any(|setting| setting.key == key.as_str())).map(|key| Problem {
        message: format!("there is no setting `{key}`"),
        hint: hint(closest(key, ALL.iter().map(|setting| setting.key))),
    })
}

/// Unknown variables that are meant for us: much like a setting's, or of its section. Others may be anybody's.
pub(super) fn of_environment(environment: &BTreeMap<String, String>) -> impl Iterator<Item = Problem> {
    let variables: Vec<String> = ALL.iter().map(super::Setting::variable).collect();
    environment.keys().filter_map(move |name| {
        let rest = name.strip_prefix(PREFIX)?;
        let is_known = variables.contains(name) || OTHERS.contains(&name.as_str());
        if is_known || is_of_kubernetes(name) {
            return None;
        }
        let known = || variables.iter().filter_map(|variable| variable.strip_prefix(PREFIX));
        let near = closest(rest, known()).map(|near| format!("{PREFIX}{near}"));
        let is_of_a_section = ALL.iter().any(|setting| {
            let section = setting.key.split_once('.').map(|(section, _)| section.to_ascii_uppercase());
            section
                .is_some_and(|section| rest.strip_prefix(&*section).is_some_and(|end| end.starts_with('_')))
        });
        let is_meant_for_us = near.is_some() || is_of_a_section;
        is_meant_for_us.then(|| Problem {
            message: format!("there is no setting `{name}` (in the environment)"),
            hint: hint(near.as_deref()),
        })
    })
}

/// Kubernetes sets these for every Service whose name begins with ours.
fn is_of_kubernetes(name: &str) -> bool {
    name.ends_with("_PORT")
        || ["_SERVICE_HOST", "_SERVICE_PORT", "_PORT_"].iter().any(|part| name.contains(part))
}

fn hint(near: Option<&str>) -> String {
    near.map_or_else(
        || "`portcullis serve --print-config` shows all".to_owned(),
        |near| format!("did you mean `{near}`?"),
    )
}
