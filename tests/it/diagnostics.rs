//! `docs/diagnostics.md` is complete, and every example in it does what it says.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use portcullis::cases;
use portcullis::policy::compile;
use portcullis::policy::diagnostic::codes::ALL;
use portcullis::policy::diagnostic::{Diagnostic, Diagnostics, SourceFile, codes};
use portcullis::policy::yaml::MOST_BYTES;

use super::policy::{root, shown};

/// What cannot be shown as a text: files that cannot be read, and sizes. The document says why, and each has a
/// test of its own.
const SHOWN_ELSEWHERE: [&str; 5] =
    [codes::UNREADABLE_FILE, codes::NOT_UTF8, codes::TOO_LARGE, codes::NO_FILES, codes::TEST_FILE];

struct Paragraph {
    code: String,
    title: String,
    examples: Vec<(String, String)>,
}

/// Takes the document apart: the preamble, and a paragraph for each code.
fn document() -> (String, Vec<Paragraph>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/diagnostics.md");
    let text = fs::read_to_string(path).expect("docs/diagnostics.md");
    let mut preamble = String::new();
    let mut paragraphs: Vec<Paragraph> = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some((code, title)) = line.strip_prefix("### ").and_then(|line| line.split_once(' ')) {
            paragraphs.push(Paragraph { code: code.into(), title: title.into(), examples: Vec::new() });
        }
        let Some(kind) = line.strip_prefix("```yaml ") else { continue };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        let block = block.join("\n") + "\n";
        match paragraphs.last_mut() {
            Some(paragraph) => paragraph.examples.push((kind.into(), block)),
            None if kind == "preamble" => preamble = block,
            None => panic!("an example before the first code"),
        }
    }
    (preamble, paragraphs)
}

/// Every example: its code, its kind and its text, which begins with a version unless it is a test.
pub fn documented() -> Vec<(String, String, String)> {
    let of = |paragraph: Paragraph| {
        let code = paragraph.code;
        paragraph.examples.into_iter().map(move |(kind, text)| {
            let is_whole =
                kind.ends_with("tests") || text.starts_with("version: ") || text.starts_with("# file: ");
            let text = if is_whole { text } else { format!("version: 1\n{text}") };
            (code.clone(), kind, text)
        })
    };
    document().1.into_iter().flat_map(of).collect()
}

/// The files of an example: several where it says so, and the preamble where it does not begin with a version.
fn files(example: &str, preamble: &str) -> Vec<SourceFile> {
    let file = |name: &str, text: &str| SourceFile { name: name.into(), text: text.into() };
    if example.starts_with("# file: ") {
        let parts = example.split("# file: ").filter(|part| !part.is_empty());
        return parts
            .map(|part| {
                let (name, text) = part.split_once('\n').expect("a name and a text");
                file(name, text)
            })
            .collect();
    }
    if example.starts_with("version: ") {
        return vec![file("policy.yaml", example)];
    }
    vec![file("policy.yaml", &format!("version: 1\n{example}")), file("preamble.yaml", preamble)]
}

/// Everything that is said of a policy, warnings among it.
pub fn said(files: &[SourceFile]) -> Vec<Diagnostic> {
    match compile(files) {
        Ok(policy) => policy.warnings,
        Err(problems) => problems.problems,
    }
}

#[test]
fn every_code_has_its_paragraph_and_is_said_somewhere() {
    let (_, paragraphs) = document();
    let written: Vec<(&str, &str)> =
        paragraphs.iter().map(|paragraph| (&*paragraph.code, &*paragraph.title)).collect();
    let known: Vec<(&str, &str)> = ALL.iter().map(|code| (code.code, code.title)).collect();
    assert_eq!(written, known);

    let source = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    for code in ALL {
        assert!(source.contains(&format!("codes::{}", code.constant)), "nothing says {}", code.constant);
    }
}

fn sources(directory: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(directory).expect("src") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            text.push_str(&sources(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            text.push_str(&fs::read_to_string(path).expect("a source file"));
        }
    }
    text
}

#[test]
fn every_bad_example_gives_its_code_and_every_good_one_none() {
    let (preamble, paragraphs) = document();
    let mut wrong = Vec::new();
    for Paragraph { code, examples, .. } in &paragraphs {
        let kinds: Vec<&str> = examples.iter().map(|(kind, _)| kind.as_str()).collect();
        if SHOWN_ELSEWHERE.contains(&code.as_str()) {
            continue;
        }
        if kinds != ["bad", "good"] && kinds != ["bad tests", "good tests"] {
            wrong.push(format!("{code}: one bad and one good example, not {kinds:?}"));
        }
        for (kind, example) in examples {
            let found = if kind.ends_with("tests") {
                let mut problems = Diagnostics::default();
                let file = SourceFile { name: "a_test.yaml".into(), text: example.as_str().into() };
                let suite = cases::read(&file, 0, &mut problems);
                let policy = compile(&files(&preamble, "")).expect("the preamble");
                cases::verify(&suite, &policy, &mut problems);
                problems.problems
            } else {
                said(&files(example, &preamble))
            };
            let found_codes: BTreeSet<&str> = found.iter().map(|problem| problem.code).collect();
            let expected: BTreeSet<&str> =
                kind.starts_with("bad").then_some(code.as_str()).into_iter().collect();
            if found_codes != expected {
                let problems = shown(&Diagnostics { problems: found });
                wrong.push(format!("{code} {kind}: {found_codes:?}\n{problems}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The first line of a broken policy says what is wrong with it, and where: `# P0102 4:7`. Several are
/// separated by commas.
#[test]
fn every_broken_policy_is_told_what_is_wrong_and_where() {
    let mut count = 0;
    let mut wrong = Vec::new();
    let mut paths: Vec<_> = fs::read_dir(root().join("broken"))
        .expect("broken")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    for path in paths {
        let text = fs::read_to_string(&path).expect("a broken policy");
        let expected =
            text.lines().next().and_then(|line| line.strip_prefix("# ")).expect("`# P0102 4:7`").to_owned();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let started = Instant::now();
        let found = said(&[SourceFile { name: name.as_str().into(), text: text.into() }]);
        let took = started.elapsed();
        let actual: Vec<String> = found
            .iter()
            .map(|problem| match problem.at {
                Some(at) => format!("{} {}:{}", problem.code, at.line, at.column),
                None => problem.code.to_owned(),
            })
            .collect();
        if actual.join(", ") != expected {
            wrong.push(format!(
                "{name}: wanted {expected}, got\n{}",
                shown(&Diagnostics { problems: found.clone() })
            ));
        }
        for problem in &found {
            wrong.extend(
                ill_said(problem)
                    .map(|cause| format!("{name}: {cause}: {} ({:?})", problem.message, problem.hint)),
            );
        }
        // Generous: the point is that nothing grows without bound.
        assert!(took < Duration::from_secs(5), "{name} took {took:?}");
        count += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count >= 50, "{count} broken policies");
}

/// What no message may hold: a type of the program, a parser's dialect, or no hint.
pub fn ill_said(problem: &Diagnostic) -> Option<&'static str> {
    let text = format!("{} {}", problem.message, problem.hint.as_deref().unwrap_or_default());
    let types = [
        "Option<", "Vec<", "String", "u16", "i64", "f64", "usize", "serde", "::", "struct", "enum", "Some(",
        "None",
    ];
    let is_type = |word: &&str| text.contains(word) && !(**word == *"None" || **word == *"::");
    if types.iter().any(is_type) {
        return Some("the name of a Rust type");
    }
    if text.contains("invalid type") || text.contains("expected a sequence") {
        return Some("the parser's dialect");
    }
    if problem.hint.as_deref().unwrap_or_default().is_empty() {
        return Some("no hint");
    }
    let first = problem.message.chars().next().unwrap_or(' ');
    if first.is_uppercase() && !problem.message.starts_with("CONNECT") && !problem.message.starts_with("POST")
    {
        return Some("an upper-case beginning");
    }
    problem.message.ends_with('.').then_some("a full stop")
}

#[test]
fn size_is_looked_at_before_anything_is_read() {
    let huge = SourceFile { name: "huge.yaml".into(), text: "[".repeat(100 << 20).into() };
    let started = Instant::now();
    let found = said(std::slice::from_ref(&huge));
    assert_eq!(found.iter().map(|problem| problem.code).collect::<Vec<_>>(), [codes::TOO_LARGE]);
    assert!(started.elapsed() < Duration::from_secs(2));

    let large = SourceFile {
        name: "large.yaml".into(),
        text: format!("version: 1 #{}", " ".repeat(MOST_BYTES - 20)).into(),
    };
    let found = said(&vec![large; 9]);
    assert!(
        found.iter().any(|problem| problem.code == codes::TOO_LARGE),
        "nine files of 8 MiB are over 64 MiB"
    );
}

#[test]
fn requirements_that_add_up_to_too_much_are_refused() {
    let mut text = String::from("version: 1\nrequirements:\n  r0: { query: { a: b } }\n");
    for level in 1..34 {
        text += &format!("  r{level}: {{ use: r{} }}\n", level - 1);
    }
    text += "routes: [{ match: /a, require: r33 }]\n";
    let codes = |text: &str| {
        let found = said(&[SourceFile { name: "a.yaml".into(), text: text.into() }]);
        found.iter().map(|problem| problem.code).collect::<BTreeSet<_>>()
    };
    assert_eq!(codes(&text), BTreeSet::from([codes::TOO_MANY_CHECKS]));

    let mut text = String::from("version: 1\nrequirements:\n  r0: { query: { a: b } }\n");
    for level in 1..8 {
        let uses = vec![format!("r{}", level - 1); 10].join(", ");
        text += &format!("  r{level}: {{ any: [{uses}] }}\n");
    }
    text += "routes: [{ match: /a, require: r7 }]\n";
    assert_eq!(codes(&text), BTreeSet::from([codes::TOO_MANY_CHECKS]));
}

#[test]
fn a_chain_or_circle_as_long_as_a_file_costs_no_stack() {
    let mut text = String::from("version: 1\nrequirements:\n");
    for index in 0..20_000 {
        text += &format!("  r{index}: {{ use: r{} }}\n", (index + 1) % 20_000);
    }
    let found = said(&[SourceFile { name: "a.yaml".into(), text: text.into() }]);
    assert!(found.iter().any(|problem| problem.code == codes::CYCLE));
}

#[test]
fn all_problems_of_all_files_are_reported_at_once_in_their_order() {
    let file = |name: &str, text: &str| SourceFile { name: name.into(), text: text.into() };
    let files = [
        file(
            "a.yaml",
            "version: 1\nroutes:\n  - { match: GET /a, allow: everyone }\n  - { match: get /b, allow: anyone }\n",
        ),
        file("b.yaml", "version: 1\nroutes: [\n"),
        file("c.yaml", "versoin: 1\nroutes: [{ match: /c, require: { scopes: [] } }]\n"),
    ];
    let found = said(&files);
    let places: Vec<(&str, u32, u32)> = found
        .iter()
        .map(|problem| (problem.code, problem.at.expect("a place").file, problem.at.expect("a place").line))
        .collect();
    assert_eq!(
        places,
        [
            (codes::UNKNOWN_WORD, 0, 3),
            (codes::METHOD, 0, 4),
            (codes::UNCLOSED, 1, 2),
            (codes::UNKNOWN_VERSION, 2, 1),
            (codes::UNKNOWN_KEY, 2, 1),
            (codes::EMPTY, 2, 2),
        ]
    );
}
