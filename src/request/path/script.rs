//! Scripts in a path. What stands behind one is the path to whoever goes by CGI (RFC 3875, section 4.1.5): to Laravel and
//! Symfony `/index.php/admin` is `/admin`, and `/index.phpadmin` is, too.

use std::borrow::Cow;

use memchr::memrchr;

use super::Segment;

/// Names that take all requests of an application.
const FRONT_CONTROLLERS: [&str; 2] = ["index.php", "app.php"];

/// Endings of names that servers run, with whatever stands behind them.
const ENDINGS: [&str; 5] = [".php", ".phtml", ".phar", ".cgi", ".fcgi"];

/// Most scripts in a path that is read in every way.
const MOST: usize = 4;

/// A script.
struct Script<'p> {
    /// Its segment.
    at: usize,
    /// What of the segment stands behind its name.
    own: &'p str,
    is_front: bool,
}

/// Whether a script has more of a path behind it.
pub(super) fn is_followed(segments: &[Segment<'_>]) -> bool {
    // `index.php.html` and `index.php5` are names of files.
    let is_more = |own: &str| {
        !own.is_empty()
            && own != "s"
            && !own.starts_with('.')
            && !own.bytes().all(|byte| byte.is_ascii_digit())
    };
    all(segments).any(|script| script.at + 1 < segments.len() || is_more(script.own))
}

/// Whether there are more than are looked behind.
pub(super) fn are_many(segments: &[Segment<'_>]) -> bool {
    all(segments).nth(MOST).is_some()
}

/// How the path reads without its scripts: what stands behind one, and that below what stands before it.
pub(super) fn readings<'a>(segments: &[Segment<'a>]) -> Vec<Vec<Segment<'a>>> {
    let mut readings = Vec::new();
    for script in all(segments).take(MOST) {
        let (before, rest) = segments.split_at(script.at);
        let own = Some(script.own).filter(|own| !own.is_empty()).map(|own| Cow::Owned(own.to_owned()));
        let behind: Vec<Segment<'a>> = own.into_iter().chain(rest.iter().skip(1).cloned()).collect();
        if behind.is_empty() && !script.is_front {
            continue;
        }
        readings.push(before.iter().chain(&behind).cloned().collect());
        if !behind.is_empty() && !before.is_empty() {
            readings.push(behind);
        }
    }
    readings
}

fn all<'p>(segments: &'p [Segment<'_>]) -> impl Iterator<Item = Script<'p>> {
    segments.iter().enumerate().filter_map(|(at, segment)| {
        let dot = memrchr(b'.', segment.as_bytes())?;
        let (_, ending) = segment.split_at_checked(dot)?;
        let front = FRONT_CONTROLLERS.iter().find(|name| starts_with(segment, name));
        let own = front.and_then(|name| segment.get(name.len()..));
        let is_version = |ending: &str| {
            ending.len() == 5
                && starts_with(ending, ".php")
                && ending.ends_with(|digit: char| digit.is_ascii_digit())
        };
        let is_script = ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)) || is_version(ending);
        (own.is_some() || is_script).then(|| Script {
            at,
            own: own.unwrap_or_default(),
            is_front: own.is_some(),
        })
    })
}

fn starts_with(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|found| found.eq_ignore_ascii_case(start))
}
