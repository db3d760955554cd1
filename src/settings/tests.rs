//! Precedence, units, and mistakes.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;

fn values(flags: &[(&str, &str)], environment: &[(&str, &str)], file: &str) -> Result<Values, Vec<Problem>> {
    let find = |list: &[(&str, &str)], key: &str| {
        list.iter().find(|(known, _)| *known == key).map(|(_, text)| (*text).to_owned())
    };
    let file = read_file(file).expect("a file");
    let variable = |(key, text): &(&str, &str)| {
        let setting = ALL.iter().find(|setting| setting.key == *key);
        (setting.map_or_else(|| (*key).to_owned(), Setting::variable), (*text).to_owned())
    };
    Values::gather(|setting| find(flags, setting.key), &environment.iter().map(variable).collect(), &file)
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
            "setting `listen.grpc` cannot be `nowhere` (given as `--listen-grpc`)",
            "setting `cache.tokens` cannot be `yes` (given as `--cache-tokens`)",
            "setting `limits.in_flight` cannot be `0` (given as `--limits-in-flight`)",
            "setting `log.sample` cannot be `2` (given as `--log-sample`)",
        ]
    );
}

#[test]
fn what_is_printed_can_be_read_again() {
    let values = values(&[("listen.grpc", "unix:@a,127.0.0.1:1,systemd:grpc")], &[], "").expect("values");
    let file: BTreeMap<String, String> = read_file(&values.print()).expect("a file");
    let again = Values::gather(|_| None, &BTreeMap::new(), &file).expect("values");
    assert_eq!(again.read(), values.read());
}

fn problems(flags: &[(&str, &str)]) -> Vec<String> {
    let wrong = values(flags, &[], "").expect("values").read().err().unwrap_or_default();
    wrong
        .into_iter()
        .map(|problem| problem.message.split(" (given").next().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn a_certificate_comes_with_its_key() {
    let files = [("tls.cert", "/c.pem"), ("tls.key", "/k.pem"), ("tls.client_ca", "/a.pem")];
    let settings = values(&files, &[], "").expect("values").read().expect("settings");
    let wanted = TlsFiles { cert: "/c.pem".into(), key: "/k.pem".into(), client_ca: Some("/a.pem".into()) };
    assert_eq!(settings.tls, Some(wanted));
    assert_eq!(problems(&files[..1]), ["setting `tls.key` is missing"]);
    assert_eq!(problems(&files[1..2]), ["setting `tls.cert` is missing"]);
    assert_eq!(problems(&files[2..]), ["setting `tls.cert` is missing"]);
}

#[test]
fn what_was_to_be_filled_in_and_was_not_switches_no_encryption_off() {
    let files = [("tls.cert", "/c.pem"), ("tls.key", "/k.pem")];
    let file = "tls: { client_ca: /a.pem }";
    let read = |flags: &[(&str, &str)], environment: &[(&str, &str)], file: &str| {
        let wrong = values(flags, environment, file).expect("values").read().expect_err("it is refused");
        wrong.into_iter().map(|problem| problem.message).collect::<Vec<_>>()
    };
    let wanted = |given| [format!("setting `tls.client_ca` cannot be `` (given {given})")];
    let empty = [("tls.client_ca", "")];
    assert_eq!(read(&files, &empty, file), wanted("as `PORTCULLIS_TLS_CLIENT_CA`"));
    assert_eq!(read(&[&files[..], &empty].concat(), &[], file), wanted("as `--tls-client-ca`"));
    for nothing in ["tls:\n  client_ca:\n", "tls: { client_ca: \"\" }", "tls: { client_ca: null }"] {
        assert_eq!(read(&files, &[], nothing), wanted("in the file"), "{nothing}");
    }
    assert_eq!(read(&[("tls.cert", ""), ("tls.key", "")], &[], "").len(), 2);
}

#[test]
fn how_the_original_request_is_named_is_never_guessed() {
    let listen = ("listen.http", "127.0.0.1:9194");
    assert_eq!(problems(&[listen]), ["setting `http.target` is missing"]);
    assert_eq!(problems(&[listen, ("http.target", "any")]), ["setting `http.target` cannot be `any`"]);
    let prefix = ("http.path_prefix", "/authz");
    assert_eq!(
        problems(&[listen, ("http.target", "x-original"), prefix]),
        ["setting `http.path_prefix` cannot be `/authz`"]
    );
    for wrong in ["authz", "/authz/", "/", "/a?b"] {
        let flags = [listen, ("http.target", "request"), ("http.path_prefix", wrong)];
        assert_eq!(problems(&flags), [format!("setting `http.path_prefix` cannot be `{wrong}`")]);
    }
    let flags = [listen, ("http.target", "request"), prefix];
    let http = values(&flags, &[], "").expect("values").read().expect("settings").http.expect("http");
    assert_eq!(http.target, Target::Request { path_prefix: "/authz".into() });
}

#[test]
fn a_mistyped_variable_is_named_and_those_of_kubernetes_are_not_ours() {
    let mistyped = [("PORTCULLIS_LISTEN_GPRC", "x"), ("PORTCULLIS_LOG_COLOUR", "x")];
    let problems = values(&[], &mistyped, "").expect_err("unknown");
    assert_eq!(problems[0].message, "there is no setting `PORTCULLIS_LISTEN_GPRC` (in the environment)");
    assert_eq!(problems[0].hint, "did you mean `PORTCULLIS_LISTEN_GRPC`?");
    assert_eq!(problems[1].message, "there is no setting `PORTCULLIS_LOG_COLOUR` (in the environment)");
    let of_others = [
        ("PORTCULLIS_SERVICE_HOST", "10.0.0.1"),
        ("PORTCULLIS_PORT", "tcp://10.0.0.1:9191"),
        ("PORTCULLIS_PORT_9191_TCP", "tcp://10.0.0.1:9191"),
        ("PORTCULLIS_LOG_SERVICE_PORT_HTTP", "80"),
        ("PORTCULLIS_CONFIG", "portcullis.yaml"),
        ("PORTCULLIS_IMAGE", "portcullis:1"),
    ];
    assert!(values(&[], &of_others, "").is_ok());
}

#[test]
fn what_no_machine_can_give_is_refused() {
    let flags = [
        ("reload.interval", "1ms"),
        ("limits.deadline", "0s"),
        ("keepalive.interval", "0s"),
        ("shutdown.drain", "1000000h"),
        ("log.queue", "1000000000000"),
        ("workers", "5000"),
    ];
    let problems = values(&flags, &[], "").expect("values").read().expect_err("wrong");
    assert_eq!(problems.len(), flags.len(), "{problems:?}");
    let queue = problems.iter().find(|problem| problem.message.contains("log.queue"));
    assert_eq!(queue.map(|problem| &*problem.hint), Some("it is a number from 1 to 1000000"));
}

#[test]
fn a_server_that_nobody_can_ask_is_refused() {
    let problems = values(&[("listen.grpc", "")], &[], "").expect("values").read().expect_err("wrong");
    assert_eq!(problems[0].message, "setting `listen.grpc` is missing");
    let http = [("listen.grpc", ""), ("listen.http", "127.0.0.1:1"), ("http.target", "request")];
    assert!(values(&http, &[], "").expect("values").read().is_ok());
}

#[test]
fn sockets_of_systemd_have_names_that_systemd_takes() {
    let settings = values(&[("listen.admin", "systemd:portcullis.socket")], &[], "").expect("values").read();
    let wanted = Address::Systemd("portcullis.socket".to_owned());
    assert_eq!(settings.expect("settings").admin, Some(wanted));
    let long = format!("systemd:{}", "x".repeat(256));
    for wrong in ["systemd:", "systemd:a:b", "systemd:a b", "systemd:ä", &long] {
        assert_eq!(
            problems(&[("listen.grpc", wrong)]),
            [format!("setting `listen.grpc` cannot be `{wrong}`")]
        );
    }
}

#[test]
fn a_mode_is_octal_however_yaml_reads_it() {
    for mode in ["0660", "\"0660\"", "660"] {
        let file = format!("listen: {{ socket_mode: {mode} }}");
        let settings = values(&[], &[], &file).expect("values").read().expect(mode);
        assert_eq!(settings.socket.mode, 0o660, "{mode}");
    }
    for mode in ["0o660", "0o600", "0o777", "0o640", "0", "0060", "1777", "rw"] {
        let file = format!("listen: {{ socket_mode: {mode} }}");
        assert!(values(&[], &[], &file).expect("values").read().is_err(), "{mode}");
    }
}
