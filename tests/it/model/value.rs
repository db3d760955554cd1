//! Section 7: matchers, and Kleene's three values.

use std::sync::LazyLock;

use serde_json::Value;

use super::target::Captures;

/// Yes, no, unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tri {
    Yes,
    No,
    Unknown,
}

pub use Tri::{No, Unknown, Yes};

pub fn tri(holds: bool) -> Tri {
    if holds { Yes } else { No }
}

pub fn all(several: impl IntoIterator<Item = Tri>) -> Tri {
    let several: Vec<Tri> = several.into_iter().collect();
    if several.contains(&No) {
        No
    } else if several.contains(&Unknown) {
        Unknown
    } else {
        Yes
    }
}

pub fn any(several: impl IntoIterator<Item = Tri>) -> Tri {
    not(all(several.into_iter().map(not)))
}

pub fn not(one: Tri) -> Tri {
    match one {
        Yes => No,
        No => Yes,
        Unknown => Unknown,
    }
}

/// A text with captures put in, and whether other captures make the same one; `None` where it equals nothing.
pub fn filled(text: &str, captures: &Captures) -> Option<(String, bool)> {
    let mut out = String::new();
    let mut is_ambiguous = false;
    let mut rest = text;
    while let Some(brace) = rest.find(['{', '}']) {
        let (before, after) = rest.split_at(brace);
        out.push_str(before);
        if let Some(after) = after.strip_prefix("{{") {
            out.push('{');
            rest = after;
        } else if let Some(after) = after.strip_prefix('}') {
            out.push('}');
            rest = after;
        } else {
            let (name, after) =
                after.strip_prefix('{').and_then(|after| after.split_once('}')).expect("a capture");
            let value = captures.texts.get(name).expect("a known capture");
            if value.is_empty() {
                return None;
            }
            is_ambiguous |= value.contains('/') && after.contains('{');
            out.push_str(value);
            rest = after;
        }
    }
    out.push_str(rest);
    Some((out, is_ambiguous))
}

/// Whether a text of the policy, captures put in, is one of these. Letters of a path that the application does not
/// tell apart may be meant in another case, and what two ways of capturing make alike may be meant otherwise.
pub fn is_one_of(text: &str, several: &[String], captures: &Captures, any_case: bool) -> Tri {
    let Some((filled, is_ambiguous)) = filled(text, captures) else { return No };
    let found = |any_case: bool| {
        let same = |one: &String| if any_case { filled.eq_ignore_ascii_case(one) } else { filled == *one };
        several.iter().any(same)
    };
    let has_captures = text.replace("{{", "").contains('{');
    match (found(any_case), is_ambiguous) {
        (true, false) => Yes,
        (true, true) => Unknown,
        (false, _) if captures.any_case && has_captures && found(true) => Unknown,
        (false, _) => No,
    }
}

fn is_one_capture(text: &str) -> bool {
    text.starts_with('{') && text.ends_with('}') && text.matches('{').count() == 1 && text.len() > 2
}

/// Whether a scalar of the policy equals a value of a token.
fn equal(scalar: &Value, value: &Value, captures: &Captures, any_case: bool) -> Tri {
    match (scalar, value) {
        (Value::String(text), Value::String(value)) => {
            is_one_of(text, std::slice::from_ref(value), captures, any_case)
        }
        (Value::String(text), Value::Number(number)) if is_one_capture(text) && !number.is_f64() => {
            is_one_of(text, &[number.to_string()], captures, false)
        }
        (Value::Number(one), Value::Number(other)) => tri(one.as_f64() == other.as_f64()),
        (Value::Bool(one), Value::Bool(other)) => tri(one == other),
        _ => No,
    }
}

/// Judges a claim.
pub fn holds(matcher: &Value, value: Option<&Value>, captures: &Captures) -> Tri {
    let Some(value) = value.filter(|value| !value.is_null()) else {
        return tri(matcher.get("present") == Some(&Value::Bool(false)));
    };
    let one_of = |scalars: &[Value], value: &Value, any_case: bool| {
        any(scalars.iter().map(|scalar| equal(scalar, value, captures, any_case)))
    };
    let items = |value: &Value| match value {
        Value::Array(items) => items.clone(),
        single => vec![single.clone()],
    };
    match matcher {
        Value::Object(map) => {
            let any_case = map.get("ignore_case") == Some(&Value::Bool(true));
            let (operator, operand) = map.iter().find(|(name, _)| *name != "ignore_case").expect("a matcher");
            let list = operand.as_array().cloned().unwrap_or_else(|| vec![operand.clone()]);
            let text = |value: &Value, judge: &dyn Fn(&str, &str) -> bool| match value.as_str() {
                None => Unknown,
                Some(text) => {
                    let wanted = operand.as_str().expect("a text");
                    let fold =
                        |text: &str| if any_case { text.to_ascii_lowercase() } else { text.to_owned() };
                    tri(judge(&fold(text), &fold(wanted)))
                }
            };
            match operator.as_str() {
                "present" => tri(operand == &Value::Bool(true)),
                "equals" => match (operand, value) {
                    (Value::Array(wanted), Value::Array(found)) if wanted.len() == found.len() => all(wanted
                        .iter()
                        .zip(found)
                        .map(|(one, other)| equal(one, other, captures, any_case))),
                    (Value::Array(_), _) => No,
                    (scalar, value) => equal(scalar, value, captures, any_case),
                },
                "one_of" => one_of(&list, value, any_case),
                "contains" | "contains_any" => {
                    any(items(value).iter().map(|item| one_of(&list, item, any_case)))
                }
                "contains_all" => {
                    let has = |scalar: &Value| {
                        any(items(value).iter().map(|item| equal(scalar, item, captures, any_case)))
                    };
                    all(list.iter().map(has))
                }
                "prefix" => text(value, &|text, wanted| text.starts_with(wanted)),
                "suffix" => text(value, &|text, wanted| text.ends_with(wanted)),
                "matches" => {
                    let flag = if any_case { "(?i)" } else { "" };
                    let source = format!("^{flag}(?:{})$", operand.as_str().expect("a text"));
                    let regex = regex::Regex::new(&source).expect("a regex");
                    any(items(value).iter().map(|item| match item.as_str() {
                        Some(text) if text.contains(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']) => {
                            Unknown
                        }
                        Some(text) => tri(regex.is_match(text)),
                        None => Unknown,
                    }))
                }
                "at_least" => value
                    .as_f64()
                    .map_or(Unknown, |number| tri(number >= operand.as_f64().expect("a number"))),
                "at_most" => value
                    .as_f64()
                    .map_or(Unknown, |number| tri(number <= operand.as_f64().expect("a number"))),
                other => panic!("matcher {other}"),
            }
        }
        Value::Array(scalars) => any(items(value).iter().map(|item| one_of(scalars, item, false))),
        scalar => any(items(value).iter().map(|item| equal(scalar, item, captures, false))),
    }
}

/// What hangs on a condition on headers or query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// A route, a requirement, or the hole in a fence.
    Opening,
    /// A fence, or a route that may be meant.
    Fence,
}

/// Values that every server finds under a name, and those that some server would, the former among them.
pub struct Values {
    pub own: Vec<String>,
    pub alike: Vec<String>,
    /// There may be others that nobody sees.
    pub cut_off: bool,
    /// The name, where it is a header's.
    pub header: Option<String>,
}

/// Judges the values of a header or parameter. What opens must hold in both readings, a fence in one.
pub fn texts_hold(matcher: &Value, values: &Values, purpose: Use, captures: &Captures) -> Tri {
    if values.cut_off {
        return Unknown;
    }
    let read = |several: &[String]| match &values.header {
        Some(name) => headers_hold(matcher, name, several, purpose, captures),
        None => parameters_hold(matcher, several, purpose, captures),
    };
    let (own, alike) = (read(&values.own), read(&values.alike));
    let is_absence = matcher.get("present") == Some(&Value::Bool(false));
    match purpose {
        Use::Opening if own == alike => own,
        Use::Opening => Unknown,
        Use::Fence if is_absence => own,
        Use::Fence => any([own, alike]),
    }
}

/// Of those that are sent here: one value, commas and all.
const NO_LISTS: [&str; 2] = ["referer", "cookie"];

/// Two headers may have become one on the way, with a comma.
fn headers_hold(matcher: &Value, name: &str, values: &[String], purpose: Use, captures: &Captures) -> Tri {
    let is_one = purpose != Use::Fence && NO_LISTS.contains(&name);
    if asks_for_elements(matcher) && !is_one {
        return elements_hold(matcher, values, captures);
    }
    let list_holds = |value: &str| {
        if is_one {
            holds(matcher, Some(&Value::from(value)), captures)
        } else {
            list_holds(matcher, value, purpose, captures)
        }
    };
    let judged: Vec<Tri> = values.iter().map(|value| list_holds(value)).collect();
    let each = of_all(&judged, matcher, purpose);
    if each == Yes || values.len() < 2 {
        return each;
    }
    of_all(&[each, list_holds(&values.join(","))], matcher, purpose)
}

/// Without what applications trim.
pub fn without_ends(text: &str) -> String {
    static ENDS: LazyLock<regex::Regex> = LazyLock::new(|| {
        regex::Regex::new(r"^[\s\p{Cc}\p{Cf}\u{34F}\u{115F}\u{1160}\u{17B4}\u{17B5}\u{2800}\u{3164}\u{FFA0}]+|[\s\p{Cc}\p{Cf}\u{34F}\u{115F}\u{1160}\u{17B4}\u{17B5}\u{2800}\u{3164}\u{FFA0}]+$").expect("a regex")
    });
    ENDS.replace_all(text, "").into_owned()
}

fn parameters_hold(matcher: &Value, values: &[String], purpose: Use, captures: &Captures) -> Tri {
    let one = |value: &String| match holds(matcher, Some(&Value::from(value.as_str())), captures) {
        Yes => Yes,
        _ => list_holds(matcher, value, purpose, captures),
    };
    let mut values = values.to_vec();
    let seen =
        |value: &String| [without_ends(value), without_ends(value.split('\0').next().expect("a part"))];
    values.extend(values.iter().flat_map(seen).collect::<Vec<_>>());
    let mut judged: Vec<Tri> = values.iter().map(one).collect();
    if asks_for_elements(matcher) && !values.is_empty() && of_all(&judged, matcher, purpose) != Yes {
        judged.push(elements_hold(matcher, &values, captures));
    }
    of_all(&judged, matcher, purpose)
}

fn asks_for_elements(matcher: &Value) -> bool {
    ["contains", "contains_any", "contains_all"].iter().any(|name| matcher.get(name).is_some())
}

/// All texts are one list, and any text that stands between commas, or has some, may be an element.
fn elements_hold(matcher: &Value, values: &[String], captures: &Captures) -> Tri {
    let joined = values.join(",");
    let mut elements: Vec<Value> = joined.split(',').map(|part| Value::from(part.trim())).collect();
    elements.extend(values.iter().map(|value| Value::from(value.as_str())));
    elements.push(Value::from(joined.as_str()));
    if values.is_empty() { No } else { holds(matcher, Some(&Value::Array(elements)), captures) }
}

fn of_all(judged: &[Tri], matcher: &Value, purpose: Use) -> Tri {
    match judged.first() {
        None => tri(matcher.get("present") == Some(&Value::Bool(false))),
        Some(_) if purpose == Use::Fence => any(judged.iter().copied()),
        Some(first) if judged.iter().all(|verdict| verdict == first) => *first,
        Some(_) => Unknown,
    }
}

/// A value with commas may be a list, and what looks at a part of a text says nothing of every element.
fn list_holds(matcher: &Value, value: &str, purpose: Use, captures: &Captures) -> Tri {
    let one = |text: &str| holds(matcher, Some(&Value::from(text)), captures);
    let parts: Vec<Tri> = value.split(',').map(|part| one(part.trim())).collect();
    let whole = one(value);
    let is_partial = ["prefix", "suffix", "matches"].iter().any(|name| matcher.get(name).is_some());
    match whole {
        _ if parts.len() == 1 => whole,
        _ if purpose == Use::Fence => any([whole, any(parts)]),
        Yes if is_partial && all(parts.iter().copied()) != Yes => Unknown,
        No if any(parts) != No => Unknown,
        _ => whole,
    }
}
