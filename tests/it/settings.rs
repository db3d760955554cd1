//! Settings of the real program: where they come from, and that a mistyped one is an error that says how to mend it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What `serve` says and how it ends, with flags, variables, and the text of a file.
fn serve(flags: &[&str], environment: &[(&str, &str)], file: Option<&str>) -> (Option<i32>, String, String) {
    let directory = tempfile::tempdir().expect("a directory");
    let config: PathBuf = directory.path().join("portcullis.yaml");
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.arg("serve").args(flags).envs(environment.iter().copied()).current_dir(directory.path());
    if let Some(text) = file {
        fs::write(&config, text).expect("a file");
        command.arg("--config").arg(&config);
    }
    let output = command.output().expect("the program");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn line<'t>(text: &'t str, start: &str) -> &'t str {
    text.lines()
        .map(str::trim)
        .find(|line| line.starts_with(start))
        .unwrap_or_else(|| panic!("{start}: {text}"))
}

#[test]
fn a_flag_beats_a_variable_beats_the_file_and_each_names_its_source() {
    let file = "limits: { in_flight: 1, connections: 1, deadline: 1s }\npolicies: [a, b]\n";
    let environment = [("PORTCULLIS_LIMITS_IN_FLIGHT", "2"), ("PORTCULLIS_LIMITS_CONNECTIONS", "2")];
    let (code, out, err) = serve(&["--print-config", "--limits-in-flight", "3"], &environment, Some(file));
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert_eq!(line(&out, "in_flight:"), "in_flight: 3 # flag");
    assert_eq!(line(&out, "connections:"), "connections: 2 # environment");
    assert_eq!(line(&out, "deadline:"), "deadline: 1s # file");
    assert_eq!(line(&out, "pending_resets:"), "pending_resets: 1000 # default");
    assert_eq!(line(&out, "policies:"), "policies: \"a,b\" # file");
}

#[test]
fn what_is_printed_is_a_file_that_says_the_same() {
    let (_, printed, _) = serve(&["--print-config", "--listen-grpc", "unix:@a"], &[], None);
    let (code, again, err) = serve(&["--print-config"], &[], Some(&printed));
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let values = |text: &str| -> Vec<String> {
        text.lines().map(|line| line.split(" # ").next().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(values(&printed), values(&again));
}

#[test]
fn a_mistyped_setting_is_an_error_with_its_neighbour() {
    for (flags, environment, file, wanted) in [
        (
            &[][..],
            &[][..],
            Some("log: { levle: info }"),
            ["there is no setting `log.levle`", "did you mean `log.level`?"],
        ),
        (
            &[],
            &[("PORTCULLIS_LOG_LEVLE", "info")],
            None,
            [
                "there is no setting `PORTCULLIS_LOG_LEVLE` (in the environment)",
                "did you mean `PORTCULLIS_LOG_LEVEL`?",
            ],
        ),
        (
            &["--log-level", "loud"],
            &[],
            None,
            [
                "setting `log.level` cannot be `loud` (given as `--log-level`)",
                "it is one of info, error, warn, debug, trace",
            ],
        ),
        (
            &[],
            &[("PORTCULLIS_RELOAD_INTERVAL", "2")],
            None,
            [
                "setting `reload.interval` cannot be `2` (given as `PORTCULLIS_RELOAD_INTERVAL`)",
                "it is a duration such as `250ms`",
            ],
        ),
        (&[], &[], Some("log: ["), ["is no file of settings", "--print-config"]),
    ] {
        let (code, out, err) = serve(flags, environment, file);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{err}");
        assert!(wanted.iter().all(|part| err.contains(part)), "{wanted:?}: {err}");
    }
    let (code, _, err) = serve(&["--log-levle", "info"], &[], None);
    assert_eq!(code, Some(2));
    assert!(err.contains("--log-level"), "{err}");
}

#[test]
fn every_wrong_setting_is_told_at_once() {
    let (code, _, err) =
        serve(&["--workers", "none", "--cache-max-bytes", "lots"], &[("PORTCULLIS_LOG_SAMPLE", "7")], None);
    assert_eq!(code, Some(2));
    for name in ["workers", "cache.max_bytes", "log.sample"] {
        assert!(err.contains(&format!("setting `{name}` cannot be")), "{err}");
    }
}

#[test]
fn the_documentation_names_every_setting_with_its_default() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations.md");
    let text = fs::read_to_string(page).expect("the page");
    for setting in portcullis::settings::ALL {
        let default =
            if setting.default.is_empty() { "–".to_owned() } else { format!("`{}`", setting.default) };
        let start = format!("| `{}` | {default} |", setting.key);
        assert!(text.contains(&start), "docs/operations.md lacks: {start}");
    }
}
