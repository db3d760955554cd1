//! The few shapes of which the schemas are made (JSON Schema draft 7, which editors know best).

use serde_json::{Map, Value, json};

/// A key of a map: its name, what it is for, and its shape.
pub(super) type Key = (&'static str, &'static str, Value);

/// A schema with its definitions.
pub(super) fn document(title: &str, description: &str, root: Value, definitions: &[(&str, Value)]) -> Value {
    let mut schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": title,
        "description": description,
    });
    if let (Value::Object(schema), Value::Object(root)) = (&mut schema, root) {
        schema.extend(root.into_iter().filter(|(name, _)| name != "description"));
        let definitions = definitions.iter().map(|(name, shape)| ((*name).to_owned(), shape.clone()));
        schema.insert("definitions".to_owned(), Value::Object(definitions.collect()));
    }
    schema
}

/// A map of these keys and no others, not empty.
pub(super) fn map(description: &str, required: &[&str], keys: &[Key]) -> Value {
    let describe = |(name, description, shape): &Key| {
        let mut shape = shape.clone();
        if let Value::Object(members) = &mut shape {
            // Draft 7 passes over what stands beside a `$ref`.
            if members.contains_key("$ref") {
                return ((*name).to_owned(), json!({ "description": description, "allOf": [shape] }));
            }
            members.insert("description".to_owned(), (*description).into());
        }
        ((*name).to_owned(), shape)
    };
    let properties: Map<String, Value> = keys.iter().map(describe).collect();
    json!({
        "description": description,
        "type": "object",
        "additionalProperties": false,
        "minProperties": 1,
        "required": required,
        "properties": properties,
    })
}

/// A map whose keys are names.
#[expect(clippy::needless_pass_by_value, reason = "shapes are made where they are named")]
pub(super) fn named(shape: Value) -> Value {
    json!({ "type": "object", "minProperties": 1, "additionalProperties": shape })
}

/// Something defined elsewhere in the schema.
pub(super) fn see(definition: &str) -> Value {
    json!({ "$ref": format!("#/definitions/{definition}") })
}

/// A text, not empty.
pub(super) fn text() -> Value {
    json!({ "type": "string", "minLength": 1 })
}

/// A text with an example.
pub(super) fn like(example: &str) -> Value {
    json!({ "type": "string", "minLength": 1, "examples": [example] })
}

/// One of these words.
pub(super) fn words(words: &[&str]) -> Value {
    json!({ "type": "string", "enum": words })
}

/// `true` or `false`.
pub(super) fn flag() -> Value {
    json!({ "type": "boolean" })
}

/// A whole number.
pub(super) fn number(least: i64, most: i64) -> Value {
    json!({ "type": "integer", "minimum": least, "maximum": most })
}

/// A duration as people write it.
pub(super) fn duration(default: &str) -> Value {
    json!({ "type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$", "default": default })
}

/// A list, not empty.
pub(super) fn list(shape: &Value) -> Value {
    json!({ "type": "array", "minItems": 1, "items": shape })
}

/// A list of different texts, not empty.
pub(super) fn texts() -> Value {
    json!({ "type": "array", "minItems": 1, "uniqueItems": true, "items": text() })
}

/// Either of these.
pub(super) fn either(shapes: &[Value]) -> Value {
    json!({ "anyOf": shapes })
}

/// A text, or a list of texts.
pub(super) fn text_or_texts() -> Value {
    either(&[text(), texts()])
}
