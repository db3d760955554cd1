//! Section 10 and the patterns of section 5, as plainly as they can be written.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::LazyLock;

use serde_json::Value;
use unicode_normalization::UnicodeNormalization;

/// A request as it arrives.
#[derive(Debug, Clone)]
pub struct Sent {
    pub method: String,
    pub host: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub address: Option<IpAddr>,
    pub principal: String,
}

/// What captures hold.
#[derive(Debug, Clone, Default)]
pub struct Captures {
    pub texts: BTreeMap<String, String>,
    /// The application does not tell letters of paths by their case.
    pub any_case: bool,
}

/// A request that can be read one way only.
#[derive(Debug, Clone)]
pub struct View {
    pub method: String,
    pub host: String,
    pub segments: Vec<String>,
    pub escaped_slash: bool,
    pub semicolon: bool,
    pub query: Vec<(String, String)>,
    /// The same to somebody who takes `;` for `&`, too.
    pub loose_query: Vec<(String, String)>,
    /// What nobody drops as malformed.
    pub sure_query: Vec<(String, String)>,
    pub raw_query: String,
}

/// How strictly a set reads.
#[derive(Debug, Clone, Default)]
pub struct Strictness {
    pub any_case: bool,
    pub merge: bool,
    pub slashes: bool,
    pub semicolons: bool,
    pub scripts: bool,
    pub names_hosts: bool,
    pub overrides: String,
}

pub fn look_alike(one: &str, other: &str) -> bool {
    fold(one) == fold(other)
}

/// Whatever is no letter or digit is one sign.
fn fold(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'0'..=b'9' => char::from(byte),
            b'A'..=b'Z' => char::from(byte.to_ascii_lowercase()),
            _ => '-',
        })
        .collect()
}

/// Whether PHP, or another, would file a parameter under this name.
pub fn parameter_alike(sent: &str, name: &str) -> bool {
    let sent = as_seen(sent);
    let starts =
        sent.char_indices().filter(|(_, letter)| *letter == '[').map(|(at, _)| sent[..at].trim_end());
    starts.chain([sent.as_str()]).any(|one| fold(one) == fold(name)) || entry_of(&sent, name, 0)
}

fn as_seen(sent: &str) -> String {
    let seen = sent.split('\0').next().expect("a part").trim();
    seen.replace('\u{17f}', "s").replace('\u{212a}', "k")
}

/// Whether an entry is meant, or what it is an entry of: `a[b]`, `[a][b]`, `a.b`, `a[b`, `a['b']`, `a[b]rest`; and any
/// entry where a number is left out. With a `depth`, whether something that many steps above is meant.
fn entry_of(sent: &str, name: &str, depth: usize) -> bool {
    static NUMBERLESS: LazyLock<regex::Regex> =
        LazyLock::new(|| regex::Regex::new(r"\[\s*\]").expect("a regex"));
    let bare = sent.trim_start_matches(['[', ']', '!']);
    let keys = |text: &str, signs: &str| -> Vec<String> {
        let marked = NUMBERLESS.replace_all(text, "[\0]");
        let parts = marked.split(|sign| signs.contains(sign)).map(str::trim).filter(|part| !part.is_empty());
        parts.map(|part| if part == "\0" { String::new() } else { fold(part) }).collect()
    };
    ["[]", "[].'\""].iter().any(|signs| {
        let (found, mut wanted) = (keys(bare, signs), keys(name, signs));
        let Some(left) = wanted.len().checked_sub(depth).filter(|left| *left > 0) else { return false };
        wanted.truncate(left);
        let is_number = |text: &String| text.chars().all(|letter| letter.is_ascii_digit());
        let is_long_enough = if depth > 0 { found.len() == left } else { found.len() >= left };
        is_long_enough
            && wanted.iter().zip(&found).all(|(wanted, found)| {
                wanted.is_empty() || wanted == found || (found.is_empty() && is_number(wanted))
            })
    })
}

impl Sent {
    pub fn values(&self, name: &str) -> Vec<String> {
        let is_meant = |(known, _): &&(String, String)| known.eq_ignore_ascii_case(name);
        self.headers.iter().filter(is_meant).map(|(_, value)| value.clone()).collect()
    }

    pub fn alike(&self, name: &str) -> Vec<String> {
        let is_meant = |(known, _): &&(String, String)| look_alike(known, name);
        self.headers.iter().filter(is_meant).map(|(_, value)| value.clone()).collect()
    }

    /// The view of it, or the reason why there is none.
    pub fn view(&self, strict: &Strictness) -> Result<View, &'static str> {
        let is_method = self.method.starts_with(|first: char| first.is_ascii_uppercase())
            && self.method.chars().all(|letter| letter.is_ascii_uppercase() || letter == '-')
            && self.method != "CONNECT";
        if !is_method {
            return Err("bad_request");
        }
        let host = host(&self.host).ok_or("bad_request")?;
        let authorizations = self.values("authorization");
        if authorizations.len() > 1 || authorizations.iter().any(|value| value.contains(',')) {
            return Err("bad_request");
        }
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let has_fragment = query.contains('#');
        let raw_query = query.to_owned();
        let loose_query = loose_pairs(query);
        let sure_query = query
            .split('&')
            .filter(|pair| !pair.contains(';') && unescape(pair, false).is_some())
            .flat_map(pairs)
            .collect();
        let query = pairs(query);
        if strict.overrides == "reject" {
            let names = ["x-http-method-override", "x-http-method", "x-method-override"];
            let by_header =
                self.headers.iter().any(|(name, _)| names.iter().any(|known| look_alike(name, known)));
            let by_query = loose_query.iter().any(|(name, _)| parameter_alike(name, "_method"))
                || untold(&raw_query, "_method");
            let by_path = self
                .headers
                .iter()
                .any(|(name, _)| ["script-name", "path-info"].iter().any(|known| look_alike(name, known)));
            let by_host = strict.names_hosts && self.names_another_host(&host);
            if by_header || (self.method == "POST" && by_query) || by_path || by_host {
                return Err("bad_request");
            }
        }
        let (segments, escaped_slash, semicolon) = path_of(path, strict).ok_or("bad_path")?;
        if has_fragment {
            return Err("bad_path");
        }
        if self.headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() > 128 * 1024 {
            return Err("too_large");
        }
        Ok(View {
            method: self.method.clone(),
            host,
            segments,
            escaped_slash,
            semicolon,
            query,
            loose_query,
            sure_query,
            raw_query,
        })
    }
}

impl Sent {
    fn names_another_host(&self, judged: &str) -> bool {
        static PARAMETER: LazyLock<regex::Regex> =
            LazyLock::new(|| regex::Regex::new(r#"(?i)^\s*host\s*=\s*"?([^"]*?)"?\s*$"#).expect("a regex"));
        let is_other = |text: &str| host(text.trim()).as_deref() != Some(judged);
        let by_list = self.alike("x-forwarded-host").iter().any(|value| value.split(',').any(is_other));
        by_list
            || self
                .values("forwarded")
                .iter()
                .flat_map(|value| value.split([',', ';']))
                .any(|element| PARAMETER.captures(element).is_some_and(|found| is_other(&found[1])))
    }
}

fn host(text: &str) -> Option<String> {
    let (name, port) = text.split_once(':').map_or((text, None), |(name, port)| (name, Some(port)));
    if port.is_some_and(|port| port.parse::<u16>().is_err() || port.starts_with('+')) {
        return None;
    }
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_label = |label: &str| {
        !label.is_empty()
            && label.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_".contains(letter))
    };
    name.split('.').all(is_label).then(|| name.to_ascii_lowercase())
}

/// Names and values, decoded once.
fn pairs(query: &str) -> Vec<(String, String)> {
    let decode = |text: &str| {
        String::from_utf8_lossy(&unescape(&text.replace('+', " "), true).unwrap_or_default()).into_owned()
    };
    let split = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    };
    query.split('&').filter(|pair| !pair.is_empty()).map(split).collect()
}

fn loose_pairs(query: &str) -> Vec<(String, String)> {
    let of_pair = |pair: &str| {
        let parts = if pair.contains(';') { pair.split(';').flat_map(pairs).collect() } else { Vec::new() };
        pairs(pair).into_iter().chain(parts).collect::<Vec<_>>()
    };
    query.split('&').flat_map(of_pair).collect()
}

/// Bytes with escapes undone; `None` for a broken escape, which `lenient` leaves as it is.
fn unescape(text: &str, lenient: bool) -> Option<Vec<u8>> {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] != b'%' {
            out.push(bytes[at]);
            at += 1;
            continue;
        }
        let digits = bytes.get(at + 1..at + 3).and_then(|two| std::str::from_utf8(two).ok());
        let digits = digits.filter(|two| two.chars().all(|digit| digit.is_ascii_hexdigit()));
        match digits.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None if lenient => {
                out.push(b'%');
                at += 1;
            }
            None => return None,
        }
    }
    Some(out)
}

fn path_of(path: &str, strict: &Strictness) -> Option<(Vec<String>, bool, bool)> {
    let rest = path.strip_prefix('/')?;
    if !path.bytes().all(|byte| (0x21..=0x7e).contains(&byte)) || path.contains(['\\', '#']) {
        return None;
    }
    let pieces: Vec<&str> = rest.split('/').collect();
    let mut segments = Vec::new();
    let (mut escaped_slash, mut semicolon) = (false, false);
    for (index, piece) in pieces.iter().enumerate() {
        if piece.is_empty() {
            if index + 1 < pieces.len() && !strict.merge {
                return None;
            }
            continue;
        }
        let decoded = unescape(piece, false)?;
        if decoded.iter().any(|byte| *byte < 0x20 || *byte == 0x7f || *byte == b'\\') {
            return None;
        }
        let segment = String::from_utf8(decoded).ok()?;
        escaped_slash |= segment.contains('/');
        semicolon |= segment.contains(';');
        if strict.any_case && segment.contains(['\u{17f}', '\u{212a}']) {
            return None;
        }
        segments.push(segment);
    }
    if (escaped_slash && !strict.slashes) || (semicolon && !strict.semicolons) {
        return None;
    }
    // Dots, gaps and escapes must not appear to anybody, and nothing that separates to who folds.
    let readings = others(&segments);
    for reading in readings.iter().chain([&segments]) {
        let last = reading.len().saturating_sub(1);
        for (index, segment) in reading.iter().enumerate() {
            let folded: String = segment.nfkc().collect();
            let before_semicolon = folded.split(';').next().unwrap_or_default();
            let names = [segment.as_str(), &folded, before_semicolon];
            let is_gap = segment.is_empty() && index != last && !strict.merge;
            let is_split = |sign: char| folded.matches(sign).count() != segment.matches(sign).count();
            if names.iter().any(|name| *name == "." || *name == ".." || holds_escape(name))
                || is_gap
                || is_split('/')
                || is_split('\\')
            {
                return None;
            }
        }
        let plain = without_gaps(reading);
        if script_has_more(&plain) && (!strict.scripts || without_scripts(&plain).len() > 64) {
            return None;
        }
    }
    Some((segments, escaped_slash, semicolon))
}

/// Where scripts stand, and what of the segment stands behind each name.
fn scripts(segments: &[String]) -> Vec<(usize, String)> {
    static FRONT: LazyLock<regex::Regex> =
        LazyLock::new(|| regex::Regex::new(r"(?is)^(?:index|app)\.php($|[^.].*)").expect("a regex"));
    static ANY: LazyLock<regex::Regex> =
        LazyLock::new(|| regex::Regex::new(r"(?is)\.(?:php[0-9]?|phtml|phar|f?cgi)$").expect("a regex"));
    static VERSION: LazyLock<regex::Regex> =
        LazyLock::new(|| regex::Regex::new(r"^(?:s|[0-9]+)$").expect("a regex"));
    let mut found = Vec::new();
    for (at, segment) in segments.iter().enumerate() {
        let own = FRONT.captures(segment).map(|more| more[1].to_owned());
        let own = own.filter(|own| at + 1 < segments.len() || !VERSION.is_match(own));
        let is_bare = own.as_deref() == Some("");
        found.extend(own.map(|own| (at, own)));
        if ANY.is_match(segment) && !is_bare {
            found.push((at, String::new()));
        }
    }
    found
}

fn without_gaps(segments: &[String]) -> Vec<String> {
    segments.iter().filter(|segment| !segment.is_empty()).cloned().collect()
}

fn script_has_more(segments: &[String]) -> bool {
    scripts(segments).iter().any(|(at, own)| at + 1 < segments.len() || !own.is_empty())
}

fn is_directory(segments: &[String]) -> bool {
    segments.last().is_some_and(|last| ["index.php", "app.php"].contains(&&*last.to_ascii_lowercase()))
}

/// Without scripts, however many: what stands behind one, alone and below what stands before it.
fn without_scripts(segments: &[String]) -> BTreeSet<Vec<String>> {
    let mut found = BTreeSet::new();
    let mut left = vec![segments.to_vec()];
    while let Some(path) = left.pop() {
        if !found.insert(path.clone()) || found.len() > 200 {
            continue;
        }
        for (at, own) in scripts(&path) {
            let own = Some(own).filter(|own| !own.is_empty());
            let behind: Vec<String> = own.into_iter().chain(path[at + 1..].iter().cloned()).collect();
            if is_directory(&path) || !behind.is_empty() {
                left.push([&path[..at], &behind].concat());
            }
            if !behind.is_empty() {
                left.push(behind);
            }
        }
    }
    found
}

/// Whether nobody can say what is found under a name.
fn untold(raw_query: &str, name: &str) -> bool {
    if raw_query.split(['&', ';']).count() > 1000 {
        return true;
    }
    let is_broken = |text: &str| unescape(text, false).is_none();
    let mut whole: Vec<&str> = raw_query.split('&').collect();
    whole.extend(raw_query.split(['&', ';']));
    whole.retain(|pair| !pair.is_empty());
    let named: Vec<(&str, &str)> =
        whole.iter().map(|pair| pair.split_once('=').unwrap_or((pair, ""))).collect();
    if named.iter().any(|(name, _)| is_broken(name)) {
        return true;
    }
    let sent = |raw: &str| pairs(raw).first().map_or(String::new(), |(name, _)| name.clone());
    let alike: Vec<&(&str, &str)> =
        named.iter().filter(|(raw, _)| parameter_alike(&sent(raw), name)).collect();
    let is_marker =
        |raw: &str| as_seen(&sent(raw)).strip_prefix('_').is_some_and(|marked| parameter_alike(marked, name));
    let depth_of = |raw: &str| {
        let sent = as_seen(&sent(raw));
        let is_below = (1..8).any(|depth| entry_of(name, &sent, depth));
        let is_above = (1..8).any(|depth| entry_of(&sent, name, depth));
        match parameter_alike(&sent, name) {
            true if is_below => Some(1),
            true => Some(0),
            false if is_above => Some(-1),
            false => None,
        }
    };
    let depths: BTreeSet<i32> = named.iter().filter_map(|(raw, _)| depth_of(raw)).collect();
    alike.iter().any(|(_, value)| is_broken(value))
        || named.iter().any(|(raw, _)| is_marker(raw))
        || depths.len() > 1
}

fn holds_escape(text: &str) -> bool {
    let is_escape = |three: &[u8]| three[0] == b'%' && three[1..].iter().all(u8::is_ascii_hexdigit);
    text.as_bytes().windows(3).any(is_escape)
}

/// Split at escaped slashes, parameters cut, and both in either order; gaps still in them.
fn others(segments: &[String]) -> Vec<Vec<String>> {
    let cut = |segments: &[String]| -> Vec<String> {
        segments.iter().map(|segment| segment.split(';').next().unwrap_or_default().to_owned()).collect()
    };
    let split = |segments: &[String]| -> Vec<String> {
        segments.iter().flat_map(|segment| segment.split('/')).map(str::to_owned).collect()
    };
    vec![cut(segments), split(segments), cut(&split(segments)), split(&cut(segments))]
}

impl View {
    /// Every way in which someone may read the path, the literal one first.
    pub fn readings(&self) -> Vec<View> {
        let mut readings = vec![self.clone()];
        if self.escaped_slash || self.semicolon {
            for reading in others(&self.segments) {
                let segments = reading.into_iter().filter(|segment| !segment.is_empty()).collect();
                readings.push(View { segments, ..self.clone() });
            }
        }
        // One that ends with a front controller and has no other script is treated apart.
        let has_more = self.script();
        let apart = |view: &&View| has_more || view.segments != self.segments;
        let without: Vec<Vec<String>> =
            readings.iter().filter(apart).flat_map(|view| without_scripts(&view.segments)).collect();
        readings.extend(without.into_iter().map(|segments| View { segments, ..self.clone() }));
        readings
    }

    pub fn joined(&self) -> String {
        format!("/{}", self.segments.join("/"))
    }

    pub fn parameter(&self, name: &str) -> Vec<String> {
        self.query.iter().filter(|(known, _)| known == name).map(|(_, value)| value.clone()).collect()
    }

    pub fn sure_parameter(&self, name: &str) -> Vec<String> {
        self.sure_query.iter().filter(|(known, _)| known == name).map(|(_, value)| value.clone()).collect()
    }

    /// What a front controller at its end takes the requests of.
    pub fn directory(&self) -> Option<View> {
        let (_, before) = self.segments.split_last().filter(|_| is_directory(&self.segments))?;
        Some(View { segments: before.to_vec(), ..self.clone() })
    }

    /// Whether some script has more behind it, in whatever reading.
    pub fn script(&self) -> bool {
        let mut readings = others(&self.segments);
        readings.push(self.segments.clone());
        readings.iter().any(|reading| script_has_more(&without_gaps(reading)))
    }

    pub fn untold(&self, name: &str) -> bool {
        untold(&self.raw_query, name)
    }

    pub fn parameter_alike(&self, name: &str) -> Vec<String> {
        let is_meant = |(known, _): &&(String, String)| parameter_alike(known, name);
        self.loose_query.iter().filter(is_meant).map(|(_, value)| value.clone()).collect()
    }
}

/// One match for one host.
#[derive(Debug, Clone)]
pub struct Pattern {
    pub methods: Option<Vec<String>>,
    pub host: Option<String>,
    pub path: Place,
    pub headers: Vec<(String, Value)>,
    pub query: Vec<(String, Value)>,
    pub token: Option<String>,
}

#[derive(Debug, Clone)]
pub enum Place {
    Template(Vec<String>),
    Regex(String),
}

fn strings(value: Option<&Value>) -> Vec<String> {
    value
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|item| item.as_str().expect("a text").to_owned())
        .collect()
}

fn template(text: &str) -> Place {
    Place::Template(text.split('/').filter(|piece| !piece.is_empty()).map(str::to_owned).collect())
}

/// All patterns of a `match` or `except`.
pub fn patterns(written: Option<&Value>) -> Vec<Pattern> {
    match written {
        None => Vec::new(),
        Some(Value::Array(items)) => items.iter().flat_map(|item| patterns(Some(item))).collect(),
        Some(Value::String(text)) => vec![from_text(text)],
        Some(map) => from_map(map),
    }
}

fn from_text(text: &str) -> Pattern {
    let (methods, place) =
        text.split_once(' ').map_or((None, text), |(methods, place)| (Some(methods), place));
    let slash = place.find('/').expect("a path");
    let (host, path) = place.split_at(slash);
    Pattern {
        methods: methods.map(|names| names.split(',').map(str::to_owned).collect()),
        host: (!host.is_empty()).then(|| host.to_owned()),
        path: template(path),
        headers: Vec::new(),
        query: Vec::new(),
        token: None,
    }
}

fn from_map(map: &Value) -> Vec<Pattern> {
    let conditions = |key: &str| -> Vec<(String, Value)> {
        let found = map.get(key).and_then(Value::as_object);
        found.into_iter().flatten().map(|(name, matcher)| (name.clone(), matcher.clone())).collect()
    };
    let (path, methods) = match (map.get("path"), map.get("grpc")) {
        (_, Some(grpc)) => {
            let service = grpc["service"].as_str().expect("a service");
            let method = grpc.get("method").and_then(Value::as_str).unwrap_or("*");
            (template(&format!("/{service}/{method}")), Some(vec!["POST".to_owned()]))
        }
        (Some(Value::String(text)), _) => (template(text), None),
        (Some(regex), _) => (Place::Regex(regex["regex"].as_str().expect("a regex").to_owned()), None),
        (None, None) => (template("/**"), None),
    };
    let named = map.get("methods").map(|methods| strings(Some(methods)));
    let one = Pattern {
        methods: methods.or(named),
        host: None,
        path,
        headers: conditions("headers"),
        query: conditions("query"),
        token: map.get("token").and_then(Value::as_str).map(str::to_owned),
    };
    match map.get("hosts") {
        None => vec![one],
        hosts => strings(hosts).into_iter().map(|host| Pattern { host: Some(host), ..one.clone() }).collect(),
    }
}

impl Pattern {
    pub fn takes_method(&self, method: &str) -> bool {
        self.methods.as_ref().is_none_or(|methods| {
            methods.iter().any(|known| known == method || (known == "GET" && method == "HEAD"))
        })
    }

    pub fn takes_host(&self, host: &str) -> bool {
        match &self.host {
            None => true,
            Some(pattern) => match pattern.strip_prefix('*') {
                Some(suffix) => host.ends_with(suffix) && host.len() > suffix.len(),
                None => pattern == host,
            },
        }
    }

    /// What the path captures, where it matches. `fence` says what an expression makes of an escaped slash, and
    /// of a trailing one, which never makes a difference.
    pub fn take_path(&self, view: &View, any_case: bool, fence: bool) -> Option<Captures> {
        let none = Captures { any_case, ..Captures::default() };
        match &self.path {
            Place::Regex(_) if view.escaped_slash => fence.then_some(none),
            Place::Regex(source) => {
                let flag = if any_case { "(?i)" } else { "" };
                let regex = regex::Regex::new(&format!("^{flag}(?:{source})$")).expect("a regex");
                let path = view.joined();
                (regex.is_match(&path) || (fence && path != "/" && regex.is_match(&format!("{path}/"))))
                    .then_some(none)
            }
            Place::Template(pieces) => take_template(pieces, &view.segments, any_case),
        }
    }

    /// How specific it is: the smallest wins.
    pub fn rank(&self) -> impl Ord + Clone + use<> {
        let host = match &self.host {
            None => (2, 0),
            Some(host) if host.starts_with('*') => (1, usize::MAX - host.len()),
            Some(_) => (0, 0),
        };
        let path: Vec<(u8, usize)> = match &self.path {
            Place::Regex(_) => Vec::new(),
            Place::Template(pieces) => {
                let mut ranks: Vec<(u8, usize)> = pieces.iter().map(|piece| piece_rank(piece)).collect();
                if !pieces.last().is_some_and(|piece| is_rest(piece)) {
                    ranks.push((3, 0));
                }
                ranks
            }
        };
        let conditions = self.headers.len() + self.query.len();
        let is_regex = matches!(self.path, Place::Regex(_));
        (host, is_regex, path, self.methods.is_none(), usize::MAX - conditions)
    }

    pub fn names_head(&self) -> bool {
        self.methods.as_ref().is_some_and(|methods| methods.iter().any(|method| method == "HEAD"))
    }
}

fn is_rest(piece: &str) -> bool {
    piece == "**" || piece.ends_with("=**}")
}

/// Literal, literal text with a capture (more text first), capture, end, rest.
fn piece_rank(piece: &str) -> (u8, usize) {
    if is_rest(piece) {
        return (4, 0);
    }
    match piece.split_once('{') {
        None if piece == "*" => (2, 0),
        None => (0, 0),
        Some((before, after)) => {
            let (_, after) = after.split_once('}').expect("a capture");
            let text = before.len() + after.len();
            if text == 0 { (2, 0) } else { (1, usize::MAX - text) }
        }
    }
}

fn take_template(pieces: &[String], segments: &[String], any_case: bool) -> Option<Captures> {
    let same = |one: &str, other: &str| if any_case { one.eq_ignore_ascii_case(other) } else { one == other };
    let mut captures = Captures { any_case, ..Captures::default() };
    for (index, piece) in pieces.iter().enumerate() {
        if is_rest(piece) {
            if let Some(name) = piece.strip_prefix('{').and_then(|piece| piece.strip_suffix("=**}")) {
                captures.texts.insert(name.to_owned(), segments.get(index..).unwrap_or_default().join("/"));
            }
            return Some(captures);
        }
        let segment = segments.get(index)?;
        match piece.split_once('{') {
            None if piece == "*" => {}
            None => {
                if !same(piece, segment) {
                    return None;
                }
            }
            Some((before, after)) => {
                let (name, after) = after.split_once('}').expect("a capture");
                if segment.len() <= before.len() + after.len() {
                    return None;
                }
                let start = segment.get(..before.len())?;
                let middle = segment.get(before.len()..segment.len() - after.len())?;
                let end = segment.get(segment.len() - after.len()..)?;
                if !same(before, start) || !same(after, end) {
                    return None;
                }
                captures.texts.insert(name.to_owned(), middle.to_owned());
            }
        }
    }
    (segments.len() == pieces.len()).then_some(captures)
}
