//! What applications cut off the ends of a value.

/// What is seen of a value by who trims it, and by who ends it at a NUL; nothing where that is the value itself.
pub fn trimmed(value: &str) -> impl Iterator<Item = &str> {
    let until_nul = value.split('\0').next().unwrap_or_default();
    let seen = [value, until_nul].map(|text| text.trim_matches(is_cut));
    seen.into_iter().filter(move |seen| seen.len() != value.len())
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
