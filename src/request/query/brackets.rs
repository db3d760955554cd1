//! Names with brackets, as PHP, Rails and others take them apart: `filter[trashed]` is an entry of `filter`.

use super::same_folded;

/// Whether a decoded name would be filed under `name`, which has brackets, or below it. What stands after the last
/// bracket counts for nothing, and an empty one stands for the next free number.
pub(super) fn is_filed_under(present: &str, name: &str) -> bool {
    let Some((start, mut wanted)) = split(name) else { return false };
    let Some((present_start, keys)) = split(present) else { return false };
    let mut keys = keys.map(str::trim);
    same_folded(present_start.trim_end(), start.trim_end())
        && wanted.all(|wanted| keys.next().is_some_and(|key| is_entry(key, wanted.trim())))
}

fn is_entry(key: &str, wanted: &str) -> bool {
    let may_be_numbered = wanted.bytes().all(|byte| byte.is_ascii_digit());
    wanted.is_empty() || (key.is_empty() && may_be_numbered) || same_folded(key, wanted)
}

/// Whether a text is brackets, each closed, and nothing else.
pub(super) fn are_closed(mut text: &str) -> bool {
    while !text.is_empty() {
        let Some((_, after)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) else {
            return false;
        };
        text = after;
    }
    true
}

/// What stands before the brackets, and in each; nothing where none is closed.
fn split(name: &str) -> Option<(&str, impl Iterator<Item = &str>)> {
    let (start, mut rest) = name.split_at_checked(name.find('[')?)?;
    rest.contains(']').then_some(())?;
    let keys = std::iter::from_fn(move || {
        let (key, after) = rest.strip_prefix('[')?.split_once(']')?;
        rest = after;
        Some(key)
    });
    Some((start, keys))
}
