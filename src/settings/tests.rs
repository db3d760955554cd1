//! Precedence, units, and mistakes.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;

fn values(flags: &[(&str, &str)], environment: &[(&str, &str)], file: &str) -> Result<Values, Vec<Problem>> {
    let find = |list: &[(&str, &str)], key: &str| {
        list.iter().find(|(known, _)| *known == key).map(|(_, text)| (*text).to_owned())
    };
    let file = read_file(file).expect("a file");
    Values::gather(|setting| find(flags, setting.key), |setting| find(environment, setting.key), &file)
}

#[test]
fn the_defaults_are_good() {
    let settings = values(&[], &[], "").expect("values").read().expect("settings");
    assert_eq!(settings.grpc, [Address::Tcp("127.0.0.1:9191".parse().expect("address"))]);
    assert_eq!(settings.limits.deadline, Duration::from_millis(200));
    assert_eq!(settings.cache.max_bytes, 64 << 20);
    assert_eq!(settings.socket, SocketOwner { mode: 0o660, owner: None, group: None });
}

#[test]
fn a_flag_beats_the_environment_beats_the_file() {
    let file = "shutdown:\n  drain: 1s\n  delay: 1s\nlog: { level: debug }\n";
    let values =
        values(&[("shutdown.drain", "3s")], &[("shutdown.drain", "2s"), ("shutdown.delay", "2s")], file);
    let settings = values.expect("values").read().expect("settings");
    assert_eq!(settings.shutdown_drain, Duration::from_secs(3));
    assert_eq!(settings.shutdown_delay, Duration::from_secs(2));
    assert_eq!(settings.log.level, tracing::Level::DEBUG);
}

#[test]
fn a_mistyped_setting_is_named_with_its_neighbour() {
    let problems = values(&[], &[], "shutdown: { drian: 1s }").expect_err("unknown");
    assert_eq!(problems[0].message, "there is no setting `shutdown.drian`");
    assert_eq!(problems[0].hint, "did you mean `shutdown.drain`?");
}

#[test]
fn every_wrong_value_is_reported_at_once() {
    let flags =
        [("listen.grpc", "nowhere"), ("cache.tokens", "yes"), ("log.sample", "2"), ("limits.in_flight", "0")];
    let problems = values(&flags, &[], "").expect("values").read().expect_err("wrong");
    let named: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(
        named,
        [
            "setting `listen.grpc` cannot be `nowhere`",
            "setting `cache.tokens` cannot be `yes`",
            "setting `limits.in_flight` cannot be `0`",
            "setting `log.sample` cannot be `2`",
        ]
    );
}

#[test]
fn what_is_printed_can_be_read_again() {
    let values = values(&[("listen.grpc", "unix:@a,127.0.0.1:1")], &[], "").expect("values");
    let file: BTreeMap<String, String> = read_file(&values.print()).expect("a file");
    let again = Values::gather(|_| None, |_| None, &file).expect("values");
    assert_eq!(again.read(), values.read());
}
