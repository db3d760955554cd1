//! `docs/testing-policies.md`: its files are there, and its commands print what stands below them.

use std::fs;
use std::path::Path;

use crate::snapshots::Program;

/// Blocks of code: what stands behind the fence, and the text.
fn blocks(page: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(kind) = line.strip_prefix("```").filter(|kind| !kind.is_empty()) else { continue };
        let text: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        blocks.push((kind.to_owned(), text.join("\n") + "\n"));
    }
    blocks
}

#[test]
fn every_example_of_the_page_works_and_prints_what_it_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/testing-policies.md");
    let page = fs::read_to_string(path).expect("the page");
    let program = Program::with(&[]);
    let mut commands = 0;
    for (kind, text) in blocks(&page) {
        if let Some((_, name)) = kind.split_once(' ') {
            program.write(name, &text);
            continue;
        }
        assert_eq!(kind, "console", "a block is a file with its name, or a console");
        let mut examples = text.split("$ portcullis ");
        assert_eq!(examples.next(), Some(""), "a console begins with a command");
        for example in examples {
            let (command, output) = example.split_once('\n').expect("a command");
            let said = program.run(command).timeless();
            // Times differ; everything else is compared.
            let output = crate::snapshots::timeless(output);
            assert_eq!(said.out.trim_end(), output.trim_end(), "$ portcullis {command}");
            commands += 1;
        }
    }
    assert!(commands >= 5, "{commands} commands");
}
