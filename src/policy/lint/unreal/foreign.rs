//! Captures as Express (`:id`), Flask (`<int:id>`), Next.js (`[id]`, `[...slug]`) and Remix (`$id`) write them.

/// How a segment that looks like one of theirs is written here.
pub(super) fn hint(text: &str) -> Option<String> {
    let between = |open: &str, close: &str| text.strip_prefix(open)?.strip_suffix(close);
    if let Some(name) = between("[[...", "]]").or_else(|| between("[...", "]")).filter(|name| is_name(name)) {
        return Some(format!(
            "`{{{name}=**}}` at the end captures all below; `**` takes it without a capture"
        ));
    }
    let names = after_colons(text);
    if names.len() > 1 {
        let captures: Vec<String> = names.iter().map(|name| format!("`{{{name}}}`")).collect();
        return Some(format!(
            "a segment holds one capture, not {}: capture all of it, or write `path: {{ regex: '/a/[^/]+-[^/]+' }}`",
            captures.join(" and ")
        ));
    }
    let inside = between("<", ">").or_else(|| between("[", "]"));
    let inside = inside.map(|inside| inside.rsplit(':').next().unwrap_or(inside).trim_end_matches('?'));
    let by_dollar = || text.strip_prefix('$').filter(|name| is_of_one(name));
    let name = names.first().copied().or(inside).or_else(by_dollar).filter(|name| is_name(name));
    let is_expression = || text.contains("[0-9]") || between("(", ")").is_some();
    let name = name.or_else(|| is_expression().then_some("name"))?;
    let with_rest = text.replacen(&format!(":{name}"), &format!("{{{name}}}"), 1);
    let is_plain = |letter: char| letter.is_alphanumeric() || "-._~@{}".contains(letter);
    let written =
        if with_rest != text && with_rest.chars().all(is_plain) { with_rest } else { format!("{{{name}}}") };
    Some(format!("`{written}` captures a segment; for a pattern: `path: {{ regex: '/a/[0-9]+' }}`"))
}

/// Names after colons that begin a segment or a part of it. `users:batch` is a verb, not a capture.
fn after_colons(text: &str) -> Vec<&str> {
    let begins = |before: &str| before.is_empty() || before.ends_with(['-', '.', '~', '@']);
    let name = |(at, _): (usize, &str)| {
        let (before, after) = text.split_at_checked(at)?;
        let after = after.strip_prefix(':').filter(|_| begins(before))?;
        let end = after.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        after.get(..end.unwrap_or(after.len())).filter(|name| is_name(name))
    };
    text.match_indices(':').filter_map(name).collect()
}

fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Whether `$name` stands for one of many: `/$metadata` (OASIS) and `/$everything` (FHIR) begin so, too.
fn is_of_one(name: &str) -> bool {
    matches!(name, "id" | "slug" | "uuid" | "name") || name.ends_with("Id") || name.ends_with("_id")
}
