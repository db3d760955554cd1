//! Scripts in a path. What stands behind one is the path to whoever goes by CGI (RFC 3875, section 4.1.5): to Laravel and
//! Symfony `/index.php/admin` is `/admin`, and `/index.phpadmin` is, too.

use std::borrow::Cow;

use memchr::memrchr;

use super::Segment;

/// Names that take all requests of an application.
const FRONT_CONTROLLERS: [&str; 2] = ["index.php", "app.php"];

/// Endings of names that servers run, with whatever stands behind them.
const ENDINGS: [&str; 5] = [".php", ".phtml", ".phar", ".cgi", ".fcgi"];

/// Most readings of a path that are looked at.
const MOST: usize = 64;

/// A script.
struct Script<'p> {
    /// Its segment.
    at: usize,
    /// What of the segment stands behind its name.
    own: &'p str,
}

/// Whether a script has more of a path behind it.
pub(super) fn is_followed(segments: &[Segment<'_>]) -> bool {
    all(segments).any(|script| script.at + 1 < segments.len() || !script.own.is_empty())
}

/// Whether the path ends with what takes all requests of a directory.
pub(super) fn is_directory(segments: &[Segment<'_>]) -> bool {
    segments.last().is_some_and(|last| FRONT_CONTROLLERS.iter().any(|name| last.eq_ignore_ascii_case(name)))
}

/// How the path reads without one script or several: what stands behind one, alone and below what stands before it.
/// Nothing if these are too many.
pub(super) fn readings<'a>(segments: &[Segment<'a>]) -> Option<Vec<Vec<Segment<'a>>>> {
    let mut readings = vec![segments.to_vec()];
    let mut next = 0;
    while let Some(path) = readings.get(next).cloned() {
        for script in all(&path) {
            let (before, rest) = path.split_at(script.at);
            let own = Some(script.own).filter(|own| !own.is_empty()).map(|own| Cow::Owned(own.to_owned()));
            let behind: Vec<Segment<'a>> = own.into_iter().chain(rest.iter().skip(1).cloned()).collect();
            if behind.is_empty() && !is_directory(&path) {
                continue;
            }
            let below: Vec<Segment<'a>> = before.iter().chain(&behind).cloned().collect();
            let ways = [Some(below), Some(behind).filter(|behind| !behind.is_empty())];
            for way in ways.into_iter().flatten() {
                if readings.len() > MOST {
                    return None;
                }
                if !readings.contains(&way) {
                    readings.push(way);
                }
            }
        }
        next += 1;
    }
    readings.remove(0);
    (readings.len() < MOST).then_some(readings)
}

/// The scripts of a path, one of them perhaps in two ways: `index.phpa.php` is a script, and `index.php` with `a.php`.
fn all<'p>(segments: &'p [Segment<'_>]) -> impl Iterator<Item = Script<'p>> {
    segments.iter().enumerate().flat_map(|(at, segment)| {
        let is_last = at + 1 == segments.len();
        let dot = memrchr(b'.', segment.as_bytes());
        let own = dot.and_then(|_| behind_front_controller(segment, is_last));
        let is_script = own != Some("") && dot.is_some_and(|dot| is_script(segment, dot));
        [own, is_script.then_some("")].into_iter().flatten().map(move |own| Script { at, own })
    })
}

/// What stands behind a front controller. `index.php.html`, and at the end `index.php5` and `index.phps`, are names of files.
fn behind_front_controller(segment: &str, is_last: bool) -> Option<&str> {
    let name = FRONT_CONTROLLERS.iter().find(|name| starts_with(segment, name))?;
    let own = segment.get(name.len()..)?;
    let is_version = !own.is_empty() && (own == "s" || own.bytes().all(|byte| byte.is_ascii_digit()));
    let is_file = own.starts_with('.') || (is_last && is_version);
    (!is_file).then_some(own)
}

fn is_script(segment: &str, dot: usize) -> bool {
    let ending = segment.get(dot..).unwrap_or_default();
    let is_version = ending.len() == 5
        && starts_with(ending, ".php")
        && ending.ends_with(|digit: char| digit.is_ascii_digit());
    is_version || ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known))
}

fn starts_with(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|found| found.eq_ignore_ascii_case(start))
}
