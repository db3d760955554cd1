//! Envoy's matchers of texts, as far as one name is concerned.

use regex::RegexBuilder;

use crate::doctor::look::Look;

/// Whether a `StringMatcher` matches a text in lower case. One that is not known matches nothing.
pub fn matches(matcher: Look<'_>, text: &str) -> bool {
    let ignores_case = matcher.get("ignore_case").is_true();
    let wanted = |key: &str| {
        let value = matcher.get(key).text()?;
        Some(if ignores_case { value.to_ascii_lowercase() } else { value.into_owned() })
    };
    if let Some(expression) = matcher.get("safe_regex.regex").text() {
        return whole(&expression, text);
    }
    wanted("exact").is_some_and(|value| text == value)
        || wanted("prefix").is_some_and(|value| text.starts_with(&value))
        || wanted("suffix").is_some_and(|value| text.ends_with(&value))
        || wanted("contains").is_some_and(|value| text.contains(&value))
}

/// Envoy's expressions match a whole text.
fn whole(expression: &str, text: &str) -> bool {
    let built = RegexBuilder::new(&format!("^(?:{expression})$")).size_limit(1 << 20).build();
    built.is_ok_and(|built| built.is_match(text))
}
