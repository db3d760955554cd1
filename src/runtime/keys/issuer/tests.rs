use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};

use super::{Context, Issuer, Signals};
use crate::policy::compile;
use crate::policy::diagnostic::SourceFile;
use crate::runtime::Options;
use crate::runtime::journal::Journal;
use crate::runtime::keys::{Roots, Wanted};
use crate::runtime::writer::Event;
use crate::telemetry::Metrics;

const POLICY: &str = "
version: 1
issuers:
  shaky: { issuer: https://shaky.example, audiences: [crm], keys: { jwks_url: 'http://127.0.0.1:1/' } }
routes: [{ match: /, allow: authenticated }]
";

#[tokio::test]
async fn a_key_task_that_panics_goes_on_and_answers_who_asked_before_it_did() {
    let policy = compile(&[SourceFile { name: "policy.yaml".into(), text: POLICY.into() }]).unwrap();
    let (events, mut heard) = mpsc::channel(16);
    let (_signals, signalled) = watch::channel(Signals::default());
    let metrics = Metrics::new();
    let context = Context {
        events,
        signals: signalled,
        roots: Arc::new(Roots::default()),
        store: None,
        options: Options::new(vec![PathBuf::from("policy.yaml")]),
        journal: Journal::new(metrics.clone()),
        handle: Handle::current(),
    };
    let issuer = Arc::new(Issuer {
        slot: 7,
        settings: Arc::clone(&policy.issuers[0]),
        wanted: Wanted::new(),
        context: Arc::new(context),
        panics: AtomicU32::new(2),
    });
    let asks = issuer.wanted.clone();
    let asked = tokio::spawn(async move { asks.answered().await });
    let _keeping = issuer.start();
    let mut reports = 0;
    while let Some(event) = heard.recv().await {
        match event {
            Event::Source { slot, source, report } => {
                assert_eq!((slot, source, report.result.is_err()), (7, 0, true));
                reports += 1;
            }
            Event::Answer(wanted, count) => {
                wanted.answer(count);
                break;
            }
            Event::Policy(_) => panic!("an issuer loads no policy"),
        }
    }
    asked.await.unwrap();
    assert_eq!(issuer.panics.load(Ordering::SeqCst), 0);
    assert!(reports > 0, "it was fetched after all");
    assert!(metrics.render(None).contains("portcullis_panics_total 2\n"));
}
