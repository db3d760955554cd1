//! What applications cut off the ends of a value.

/// What is seen of a value by who trims it, and by who ends it at a NUL; nothing where that is the value itself.
pub fn trimmed(value: &str) -> impl Iterator<Item = &str> {
    let seen = [without_ends(value), until_nul(value)];
    seen.into_iter().filter(move |seen| seen.len() != value.len())
}

/// Without blanks at its ends.
pub fn without_ends(value: &str) -> &str {
    value.trim_matches(is_cut)
}

/// The same of what stands before a NUL.
pub fn until_nul(value: &str) -> &str {
    without_ends(value.split('\0').next().unwrap_or_default())
}

/// White space and control characters, and what Laravel's `Str::trim` cuts as invisible.
fn is_cut(character: char) -> bool {
    character.is_whitespace()
        || character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}'
            | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{1d159}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0020}')
}
