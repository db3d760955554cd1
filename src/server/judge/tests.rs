//! A defect denies, and without a policy nobody is let in.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io;

use super::*;
use crate::decision::Block;
use crate::request::Source;
use crate::settings::Values;
use crate::telemetry::{Form, Lines};

fn judge() -> Judge {
    let metrics = Metrics::new();
    let lines = Lines::start(8, Box::new(io::sink()), metrics.clone()).expect("a thread");
    let values = Values::gather(|_| None, &BTreeMap::new(), &BTreeMap::new()).expect("no unknown setting");
    let settings = values.read().expect("the defaults");
    let log = DecisionLog::new(&settings.log, Form::Json, lines, None);
    Judge::new(Arc::default(), metrics, log)
}

#[track_caller]
fn denied(judged: &Judged<Told>) -> Told {
    match judged {
        Judged::Answer(told) => *told,
        Judged::NeedsKeys(_) => panic!("this is no denial"),
    }
}

/// What matters of a denial.
type Told = (Block, u16, &'static str);

/// A transport that says as much; the first that it is told to say, it may break on.
#[derive(Default)]
struct Words {
    breaks: Cell<bool>,
}

impl Transport for Words {
    type Said = Told;

    fn say(&self, answer: &Answer<'_>) -> Told {
        assert!(!self.breaks.take(), "a defect");
        match answer {
            Answer::Deny { block, status, metadata, .. } => (*block, *status, metadata.reason),
            Answer::Allow { .. } => panic!("this is no denial"),
        }
    }
}

#[test]
fn a_panic_denies_one_request_and_is_counted() {
    let judge = judge();
    for count in 1..=2 {
        let judged = judge.guarded(&Words::default(), &Arrival::now(), || panic!("a defect"));
        assert_eq!(denied(&judged), (Block::Unavailable, 503, "internal_error"));
        let told = format!("portcullis_panics_total {count}\n");
        assert!(judge.metrics().render(None).contains(&told), "{told}");
    }
}

#[test]
fn without_a_policy_nobody_is_let_in() {
    let incoming = Incoming {
        method: "GET",
        host: "crm.example.com",
        target: "/",
        headers: Headers::default(),
        source: Source::default(),
    };
    let judged = judge().judge(&Words::default(), Ok(&incoming), &Arrival::now(), Attempt::First);
    assert_eq!(denied(&judged), (Block::Unavailable, 503, "policy_unavailable"));
}

#[test]
fn a_panic_while_an_answer_is_written_denies_that_request_too() {
    let judge = judge();
    let words = Words { breaks: Cell::new(true) };
    let denial = Denial::because(Denied::BadPath, "it has a dot");
    let judged = judge.judge(&words, Err(&denial), &Arrival::now(), Attempt::First);
    assert_eq!(denied(&judged), (Block::Unavailable, 503, "internal_error"));
    assert!(judge.metrics().render(None).contains("portcullis_panics_total 1\n"));
}
