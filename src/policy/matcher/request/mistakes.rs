//! What a match looks like to who comes from another program, and how it is said here.

const EXAMPLE: &str = "`[METHOD ][host]/path`: `GET /customers`, `GET,POST api.example.com/v1/**`";

/// What to write instead of a text that is no match.
pub(super) fn of_text(written: &str) -> Option<String> {
    let words: Vec<&str> = written.split_whitespace().collect();
    let path = words.last().copied().unwrap_or_default();
    if let Some((_, after)) = written.split_once("://") {
        let methods =
            words.first().filter(|_| words.len() > 1).map_or(String::new(), |first| format!("{first} "));
        return Some(format!("leave the scheme out: `{methods}{after}`"));
    }
    // `GET, POST /a`: what stands before the last word are methods.
    let before = words.split_last().map(|(_, before)| before).unwrap_or_default();
    let is_method =
        |word: &&str| word.bytes().all(|byte| byte.is_ascii_uppercase() || b"-,|".contains(&byte));
    let has_gap = before.len() > 1 || before.first().is_some_and(|first| first.ends_with(','));
    if has_gap && before.iter().all(is_method) && path.contains('/') {
        return Some(format!("methods stand without blanks: `{} {path}`", list(&before.join(","))));
    }
    (!written.contains('/')).then(|| EXAMPLE.to_owned())
}

/// What to write instead of something that is no method.
pub(super) fn of_method(written: &str) -> String {
    if written == "CONNECT" {
        return "CONNECT is refused: it has no path to judge".to_owned();
    }
    if written == "*" {
        return "leave the method out to match every one: `/customers`".to_owned();
    }
    if written.contains(['|', ';', '+']) {
        return format!("methods stand with commas between them: `{}`", list(written));
    }
    format!("methods are upper-case: `{}`", list(written))
}

/// Method names, however they were set apart.
fn list(written: &str) -> String {
    let names = written.split(|letter: char| !letter.is_ascii_alphabetic() && letter != '-');
    let names: Vec<String> = names.filter(|name| !name.is_empty()).map(str::to_ascii_uppercase).collect();
    names.join(",")
}

/// What to write instead of something that is no host.
pub(super) fn of_host(written: &str) -> String {
    if let Some((_, after)) = written.split_once("://") {
        let host = after.split(['/', ':']).next().unwrap_or(after);
        return format!("leave the scheme and what follows the host out: `{host}`");
    }
    if let Some((host, _)) = written.split_once('/') {
        return format!("the path stands under `path`: `{host}`");
    }
    if written == "*" {
        return "leave the host out to match every one".to_owned();
    }
    "`api.example.com`, or `*.example.com` for all below".to_owned()
}

/// What to write instead of something that is no template.
pub(super) fn of_template(written: &str) -> String {
    let inside = written.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(inside, _)| inside);
    let inside = inside.unwrap_or_default();
    let name: String =
        inside.chars().take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '_').collect();
    if inside.ends_with('?') {
        return format!("a segment that may be missing takes two matches: `[/a, \"/a/{{{name}}}\"]`");
    }
    if inside.contains(':') {
        return format!(
            "`{{{name}}}` takes any one segment; for a pattern: `path: {{ regex: '/a/[0-9]+' }}`"
        );
    }
    if inside.starts_with('*') || inside.ends_with("...") {
        return "`**`, or `{name=**}`, stands for the rest of a path".to_owned();
    }
    if written.contains('?') {
        return "what follows the `?` is matched under `query`: `{ path: /a, query: { page: \"1\" } }`"
            .to_owned();
    }
    let with_star = |segment: &&str| segment.contains('*') && !segment.trim_matches('*').is_empty();
    if let Some(segment) = written.split('/').find(with_star).filter(|_| !written.contains('{')) {
        return format!("text may stand around a capture: `{}`", segment.replacen('*', "{name}", 1));
    }
    "literal segments, `{name}`, `*`, `{id}:delete`, and `**` at the end".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_match_of_another_program_is_said_in_words_of_this_one() {
        for (written, meant) in [
            ("https://api.example.com/a", "`api.example.com/a`"),
            ("GET https://api.example.com/a", "`GET api.example.com/a`"),
            ("GET, POST /a", "`GET,POST /a`"),
            ("GET POST /a", "`GET,POST /a`"),
            ("GET, /a", "`GET /a`"),
            ("customers", "[METHOD ]"),
        ] {
            let hint = of_text(written).unwrap_or_default();
            assert!(hint.contains(meant), "{written}: {hint}");
        }
        for written in ["GET /a", "/a", "GET a.example/b", "GET /a b", "GET,POST /A B/c", "GET  /a"] {
            assert_eq!(of_text(written), None, "{written}");
        }
    }

    #[test]
    fn so_is_a_method() {
        assert!(of_method("GET|POST").contains("`GET,POST`"));
        assert!(of_method("get").contains("`GET`"));
        assert!(of_method("*").contains("leave the method out"));
    }

    #[test]
    fn so_is_a_host() {
        assert!(of_host("https://a.example:8443/b").contains("`a.example`"));
        assert!(of_host("a.example/b").contains("`a.example`"));
    }

    #[test]
    fn so_is_a_template() {
        assert!(of_template("/users/{user?}").contains("/a/{user}"));
        assert!(of_template("/users/{id:[0-9]+}").contains("`{id}`"));
        assert!(of_template("/files/{path...}").contains("`**`"));
        assert!(of_template("/files/*.php").contains("`{name}.php`"));
        assert!(of_template("/a?b=1").contains("query"));
    }
}
