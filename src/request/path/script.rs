//! Scripts in a path. What stands behind one is the path to whoever goes by CGI (RFC 3875, section 4.1.5): to Laravel and
//! Symfony `/index.php/admin` is `/admin`, and `/index.phpadmin` is, too.

use std::borrow::Cow;

use memchr::memrchr;

use super::Segment;

/// Names that take all requests of an application.
const FRONT_CONTROLLERS: [&str; 2] = ["index.php", "app.php"];

/// Endings of names that servers run, with whatever stands behind them.
const ENDINGS: [&str; 5] = [".php", ".phtml", ".phar", ".cgi", ".fcgi"];

/// Whether a segment names one.
pub(super) fn is_one(segment: &str) -> bool {
    first(&[Cow::Borrowed(segment)]).is_some()
}

/// The segment with the first script that has something behind it.
pub(super) fn followed<'p>(segments: &'p [Segment<'_>]) -> Option<&'p str> {
    let (at, script, behind) = first(segments)?;
    (!behind.is_empty() || at + 1 < segments.len()).then_some(script)
}

/// What stands behind the first script.
pub(super) fn behind<'a>(segments: &[Segment<'a>]) -> Option<Vec<Segment<'a>>> {
    let (at, script, behind) = first(segments)?;
    let is_page = at + 1 == segments.len() && behind.is_empty();
    if is_page && !FRONT_CONTROLLERS.iter().any(|name| script.eq_ignore_ascii_case(name)) {
        return None;
    }
    let own = Some(behind).filter(|own| !own.is_empty()).map(|own| Cow::Owned(own.to_owned()));
    Some(own.into_iter().chain(segments.get(at + 1..)?.iter().cloned()).collect())
}

/// Where the first script stands, its segment, and what of that stands behind its name.
fn first<'p>(segments: &'p [Segment<'_>]) -> Option<(usize, &'p str, &'p str)> {
    segments.iter().enumerate().find_map(|(at, segment)| {
        let dot = memrchr(b'.', segment.as_bytes())?;
        let (_, ending) = segment.split_at_checked(dot)?;
        let is_version = |ending: &str| {
            ending.len() == 5
                && starts_with(ending, ".php")
                && ending.ends_with(|digit: char| digit.is_ascii_digit())
        };
        if ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)) || is_version(ending) {
            return Some((at, &**segment, ""));
        }
        let controller = FRONT_CONTROLLERS.iter().find(|name| starts_with(segment, name))?;
        Some((at, &**segment, segment.get(controller.len()..)?))
    })
}

fn starts_with(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|found| found.eq_ignore_ascii_case(start))
}
