//! Random requests: such as satisfy a rule, varied.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::super::random::Random;
use super::super::target::{Place, Sent, patterns};
use super::{FLAWS, HOSTS, METHODS, SEGMENTS, World};

/// What a request is made of before it is varied.
struct Draft {
    method: String,
    host: String,
    segments: Vec<String>,
    headers: Vec<(String, String)>,
    query: Vec<String>,
}

impl Draft {
    fn any(random: &mut Random) -> Self {
        Self {
            method: random.pick(&METHODS).to_owned(),
            host: random.pick(&HOSTS).to_owned(),
            segments: (0..random.below(4)).map(|_| random.pick(&SEGMENTS).to_owned()).collect(),
            headers: Vec::new(),
            query: Vec::new(),
        }
    }

    /// One that satisfies a match of some rule, most often.
    fn of_a_rule(world: &World, random: &mut Random) -> Self {
        let section =
            if world.set.get("forbid").is_some() && random.chance(15) { "forbid" } else { "routes" };
        let rules = world.set.get(section).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if rules.is_empty() {
            return Self::any(random);
        }
        let rule = &rules[random.below(rules.len())];
        let patterns = patterns(rule.get("match"));
        let pattern = &patterns[random.below(patterns.len())];
        let segments = match &pattern.path {
            Place::Regex(_) => vec!["a".to_owned(), "7".to_owned()],
            Place::Template(pieces) => pieces.iter().flat_map(|piece| concrete(piece, random)).collect(),
        };
        let value = |(name, matcher): &(String, Value)| {
            (matcher.get("present") != Some(&Value::Bool(false))).then(|| (name.clone(), "1".to_owned()))
        };
        let method = match &pattern.methods {
            None => random.pick(&METHODS).to_owned(),
            Some(methods) => methods[random.below(methods.len())].clone(),
        };
        let host = match pattern.host.as_deref() {
            None => random.pick(&HOSTS).to_owned(),
            Some("*.one.test") => "x.one.test".to_owned(),
            Some("*.test") => random.pick(&["one.test", "x.one.test"]).to_owned(),
            Some(host) => host.to_owned(),
        };
        let query =
            pattern.query.iter().filter_map(value).map(|(name, value)| format!("{name}={value}")).collect();
        Self { method, host, segments, headers: pattern.headers.iter().filter_map(value).collect(), query }
    }
}

/// Segments that a piece of a template matches.
fn concrete(piece: &str, random: &mut Random) -> Vec<String> {
    if piece == "**" || piece.ends_with("=**}") {
        return (0..random.below(3)).map(|_| random.pick(&SEGMENTS).to_owned()).collect();
    }
    let value = random.pick(&["7", "x", "a", "rest"]);
    match piece.split_once('{') {
        None if piece == "*" => vec![value.to_owned()],
        None => vec![piece.to_owned()],
        Some((before, after)) => {
            let (_, after) = after.split_once('}').expect("a capture");
            vec![format!("{before}{value}{after}")]
        }
    }
}

/// A request, and perhaps a token or two in it.
pub fn request(world: &World, random: &mut Random) -> Sent {
    let draft = if random.chance(93) { Draft::of_a_rule(world, random) } else { Draft::any(random) };
    let mut target = String::new();
    for segment in &draft.segments {
        let spelt = match random.below(60) {
            0 | 1 => segment.replace('a', "%61"),
            2 => segment.to_ascii_uppercase(),
            3 => format!("{segment};v=1"),
            4 => format!("{segment}%2F{}", random.pick(&SEGMENTS)),
            5 => format!("a{segment}b"),
            6 => segment.replace('s', "%C5%BF"),
            _ => segment.clone(),
        };
        target = format!("{target}/{spelt}");
    }
    match random.below(100) {
        0 => target = format!("/{target}"),
        1 => target.push_str("/../a"),
        2 => target.push_str("/%2e%2e"),
        3 => target.push_str("/a%00"),
        4 => target.push_str("/%252e"),
        5 => target.push_str("/a%5c"),
        6 => target.push_str("/%ef%bc%8e%ef%bc%8e"),
        7 => target.push_str("/;x"),
        8 => target.push_str("//b"),
        9..=12 => target.push('/'),
        13 => target = format!("/{}{target}", random.pick(&["index.php", "x.PHP", "app.phpx", "a/b.cgi"])),
        14 => target.push_str(random.pick(&[
            "/index.php",
            "/x.php5",
            "/index.phpa",
            "/index.php/b",
            "/index.php.html",
            "/app.phps",
        ])),
        _ => {}
    }
    if target.is_empty() {
        target.push('/');
    }
    let mut query = draft.query;
    for name in ["q", "r"] {
        for _ in 0..random.below(5).saturating_sub(3) + usize::from(random.chance(10)) {
            query.push(format!(
                "{name}={}",
                random.pick(&[
                    "1",
                    "2",
                    "x",
                    "%31",
                    "1+2",
                    "2,1",
                    "+1",
                    "1%00x",
                    "%001",
                    "1%E2%80%8B",
                    "%zz",
                    "x%0A1"
                ])
            ));
        }
    }
    if random.chance(12) {
        query.push(
            random
                .pick(&[
                    "Q=1",
                    "q[]=1",
                    "r[a]=x",
                    "+q=1",
                    "%20r=1",
                    "q%00=2",
                    "z=1;q=1",
                    "q=1;r=2",
                    "r=1;z",
                    "T[]",
                    "r[a]y=1",
                    "r[+a]=2",
                    "R[0]=1",
                    "r[a][b]=1",
                    "r[]=1",
                    "r[b]=1",
                    "[q]=1",
                    "q]=2",
                    "!q=1",
                    "r.a=1",
                    "r['a']=2",
                    "[r][a]=1",
                    "[r][]=1",
                    "[]q=1",
                    "_q=1",
                    "r=2",
                    "r[]=1&r=",
                    "%u0071=1",
                    "r.a[b]=1",
                ])
                .to_owned(),
        );
    }
    let mut headers = draft.headers;
    for name in ["x-a", "x-b", "X-A", "x-b", "referer", "x_a", "x.b", "x+b", "x_token"] {
        if random.chance(if name.contains('-') || name == "referer" { 15 } else { 4 }) {
            headers.push((
                name.to_owned(),
                random.pick(&["1", "1", "2", "x", "12", "1,2", "2, 1", "12,2"]).to_owned(),
            ));
        }
    }
    if random.chance(10) {
        headers.push(("x-client".to_owned(), random.pick(&["10.0.0.1", "192.0.2.1", "junk"]).to_owned()));
    }
    if random.chance(10) {
        headers.push((
            "x-forwarded-for".to_owned(),
            random.pick(&["10.0.0.1, 192.0.2.1", "192.0.2.1", "9.9.9.9,10.0.0.1,1.1.1.1"]).to_owned(),
        ));
    }
    let mut method = draft.method;
    match random.below(150) {
        0 => method = "get".to_owned(),
        1 => headers.push(("x-http-method-override".to_owned(), "DELETE".to_owned())),
        2 => {
            method = "POST".to_owned();
            let spelt = random.pick(&["_method=PUT", "a=1;_method=PUT", "+_Method[]=PUT"]);
            query.push(spelt.to_owned());
        }
        3 => headers.push(("x-pad".to_owned(), "p".repeat(130 * 1024))),
        4 => headers.push(("authorization".to_owned(), "Basic dTpw".to_owned())),
        5 => headers.push(("authorization".to_owned(), "Bearer".to_owned())),
        13 => headers.push((random.pick(&["SCRIPT_NAME", "path-info"]).to_owned(), "/a".to_owned())),
        14 | 15 => headers.push((
            random.pick(&["x-forwarded-host", "X_Forwarded_Host"]).to_owned(),
            random.pick(&["one.test", "two.test:80", "one.test, one.test"]).to_owned(),
        )),
        16 => headers.push((
            "forwarded".to_owned(),
            random.pick(&["for=1.2.3.4", "for=a;host=one.test", "Host=\"two.test\", for=a"]).to_owned(),
        )),
        17 => query.push(format!("{}q=1", "&".repeat(1000))),
        18 => query.insert(0, "&".repeat(990 + random.below(20))),
        6..=12 => {
            method = "OPTIONS".to_owned();
            headers.push(("origin".to_owned(), "https://app.test".to_owned()));
            headers.push(("access-control-request-method".to_owned(), random.pick(&METHODS).to_owned()));
        }
        _ => {}
    }
    let mut sent = Sent {
        method,
        host: host(draft.host, random),
        target,
        headers,
        address: [None, Some([10, 0, 0, 1].into()), Some([192, 0, 2, 1].into())][random.below(3)]
            .map(|octets: [u8; 4]| IpAddr::from(octets)),
        principal: random.pick(&["", "", "spiffe://t/x", "spiffe://t/y", "spiffe://u/x"]).to_owned(),
    };
    let tokens = match random.below(20) {
        0..=3 => 0,
        4 => 2,
        _ => 1,
    };
    for _ in 0..tokens {
        let good = random.chance(80);
        let per_issuer = 8 + FLAWS.len();
        let issuer = random.below(world.signers.len());
        let index = if good { random.below(8) } else { 8 + random.below(FLAWS.len()) };
        let (token, place) = &world.tokens[issuer * per_issuer + index];
        carry(&mut sent, &mut query, token, place, random);
    }
    if !query.is_empty() {
        let fragment = if random.chance(1) { "#x" } else { "" };
        sent.target = format!("{}?{}{fragment}", sent.target, query.join("&"));
    }
    sent
}

fn host(host: String, random: &mut Random) -> String {
    match random.below(50) {
        0 => format!("{host}:8443"),
        1 => host.to_ascii_uppercase(),
        2 => format!("{host}."),
        3 => random.pick(&["", "a b", "u@one.test", "one.test:1:2", "one..test"]).to_owned(),
        _ => host,
    }
}

fn carry(sent: &mut Sent, query: &mut Vec<String>, token: &str, place: &Value, random: &mut Random) {
    let usual = json!([{ "header": "authorization", "scheme": "Bearer" }]);
    let places = if place.is_null() { &usual } else { place };
    let places = places.as_array().expect("a list");
    let place = &places[random.below(places.len())];
    let word = |key: &str| place.get(key).and_then(Value::as_str).map(str::to_owned);
    match (word("header"), word("cookie"), word("query")) {
        (Some(header), _, _) => {
            let value = word("scheme").map_or_else(|| token.to_owned(), |scheme| format!("{scheme} {token}"));
            sent.headers.push((header, value));
        }
        (_, Some(cookie), _) => {
            let spelt = if random.chance(85) { cookie } else { format!("{cookie}[]") };
            sent.headers.push(("cookie".to_owned(), format!("z=1; {spelt}={token}")));
        }
        (_, _, name) => query.push(format!("{}={token}", name.expect("a place"))),
    }
}
