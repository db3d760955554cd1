//! Ten thousand routes: they load, and every request finds its own. What that costs, `cargo bench --bench engine`
//! says.

#[path = "../support/many_routes.rs"]
mod many;

use std::sync::Arc;

use portcullis::decision::{Decision, Denied};
use portcullis::engine::{self, Snapshot};
use portcullis::policy::compile;
use portcullis::policy::diagnostic::SourceFile;
use portcullis::request::{Headers, Incoming, Source};
use portcullis::time::UnixTime;
use portcullis::token::Attempt;
use portcullis::token::cache::{CacheSettings, TokenCache};
use portcullis::token::trust::{SourceKeys, Trust};

const ROUTES: usize = 10_000;

#[test]
fn ten_thousand_routes_load_and_every_request_finds_its_own() {
    let file = SourceFile { name: "policy.yaml".into(), text: many::policy(ROUTES).into() };
    let began = std::time::Instant::now();
    let policy = Arc::new(compile(&[file]).expect("a policy"));
    let took = began.elapsed();
    assert_eq!(policy.routes.len(), ROUTES);
    let keys = vec![vec![SourceKeys { set: None, fetched_at: None, remote: true }]];
    let cache = Arc::new(TokenCache::new(CacheSettings::default()));
    let snapshot = Snapshot { trust: Trust::new(policy.issuers.clone(), keys, cache), policy };
    for number in 0..ROUTES {
        let (method, host, path) = many::request(number);
        let incoming = Incoming {
            method,
            host: &host,
            target: &path,
            headers: Headers::default(),
            source: Source::default(),
        };
        let request = engine::read(&snapshot, &incoming).expect("well formed");
        let judgement =
            engine::authorize(&snapshot, &request, UnixTime::from_seconds(1_800_000_000), Attempt::Final)
                .expect("final");
        let route = judgement.route.and_then(|id| snapshot.policy.route(id)).map(|route| &*route.meta.name);
        assert_eq!(route, Some(&*format!("r{number}")), "{method} {host}{path}");
        let is_open = matches!(number % many::GROUP, 7 | 9);
        match judgement.decision {
            Decision::Allow(_) => assert!(is_open, "{method} {host}{path}"),
            Decision::Deny(denial) => {
                assert_eq!((denial.reason, is_open), (Denied::MissingToken, false), "{method} {host}{path}");
            }
        }
    }
    crate::figures::saw(
        19,
        format_args!("{ROUTES} routes compiled in {took:.1?}, {ROUTES} answers, each by its route"),
    );
}
