//! `portcullis schema`: JSON Schemas, so that an editor completes and explains while one types.

use std::collections::BTreeMap;

use clap::ValueEnum;
use serde_json::{Map, Value, json};

use super::terminal::Terminal;
use super::{Outcome, TEMPLATE};
use crate::policy::schema;
use crate::settings::{ALL, Setting};

/// Print the JSON Schema of a file, for editors
#[derive(Debug, clap::Args)]
#[command(help_template = TEMPLATE, before_help = "Examples:
  portcullis schema policy > policy.schema.json
  portcullis schema tests > policy_test.schema.json
  portcullis schema settings > portcullis.schema.json

", after_help = "With the YAML language server, the first line of a policy then reads:
  # yaml-language-server: $schema=./policy.schema.json")]
pub struct Arguments {
    /// Of which file
    #[arg(value_enum)]
    of: Of,
}

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Of {
    /// A policy
    Policy,
    /// Its tests, *_test.yaml
    #[value(alias = "test")]
    Tests,
    /// The file of `serve --config`
    Settings,
}

pub fn run(arguments: &Arguments, terminal: &Terminal) -> anyhow::Result<Outcome> {
    let schema = match arguments.of {
        Of::Policy => schema::policies(),
        Of::Tests => schema::tests(),
        Of::Settings => settings(),
    };
    terminal.print(&schema::text(&schema))?;
    Ok(Outcome::Yes)
}

/// Every setting, in the tree that a file has.
fn settings() -> Value {
    let mut members = Map::new();
    let mut sections: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for setting in ALL {
        match setting.key.split_once('.') {
            None => {
                members.insert(setting.key.to_owned(), one(setting));
            }
            Some((section, name)) => {
                sections.entry(section).or_default().insert(name.to_owned(), one(setting));
            }
        }
    }
    for (section, inner) in sections {
        let inner = json!({ "type": "object", "additionalProperties": false, "properties": inner });
        members.insert(section.to_owned(), inner);
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Settings of portcullis serve",
        "type": "object",
        "additionalProperties": false,
        "properties": members,
    })
}

/// Values are texts; YAML may write them as numbers, booleans or, where several are meant, lists.
fn one(setting: &Setting) -> Value {
    json!({
        "description": setting.help,
        "default": setting.default,
        "anyOf": [
            { "type": ["string", "number", "boolean", "null"] },
            { "type": "array", "items": { "type": "string" } },
        ],
    })
}
