//! What Ruby's `inspect` makes of parameters whose shape is not the expected one: some refusals show it.

use std::fmt::Write;

use super::query_string::{Fields, Value};

/// How the keys of maps look: they are text until the controller symbolizes them.
#[derive(Clone, Copy, Debug)]
pub enum Keys {
    Text,
    Symbols,
}

/// `["READY"]`, `{:a=>"docker"}`; a text as it is and null as nothing, as `to_s` has them.
pub fn to_s(value: &Value, keys: Keys) -> String {
    match value {
        Value::Null => String::new(),
        Value::Text(text) => text.clone(),
        value => {
            let mut out = String::new();
            inspect(&mut out, value, keys);
            out
        }
    }
}

/// `[:x, "org"]`: one entry of a map.
pub fn pair(name: &str, value: &Value) -> String {
    let mut out = "[".to_owned();
    symbol(&mut out, name);
    out.push_str(", ");
    inspect(&mut out, value, Keys::Symbols);
    out.push(']');
    out
}

fn inspect(out: &mut String, value: &Value, keys: Keys) {
    match value {
        Value::Null => out.push_str("nil"),
        Value::Text(text) => quoted(out, text),
        Value::Array(values) => {
            out.push('[');
            for (at, value) in values.iter().enumerate() {
                if at > 0 {
                    out.push_str(", ");
                }
                inspect(out, value, keys);
            }
            out.push(']');
        }
        Value::Map(fields) => map(out, fields, keys),
    }
}

fn map(out: &mut String, fields: &Fields, keys: Keys) {
    out.push('{');
    for (at, (name, value)) in fields.iter().enumerate() {
        if at > 0 {
            out.push_str(", ");
        }
        match keys {
            Keys::Text => quoted(out, name),
            Keys::Symbols => symbol(out, name),
        }
        out.push_str("=>");
        inspect(out, value, keys);
    }
    out.push('}');
}

/// `:name`, or `:"another name"`.
fn symbol(out: &mut String, name: &str) {
    out.push(':');
    let word = name.strip_suffix(['?', '!', '=']).unwrap_or(name);
    let plain = word.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && word
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if plain {
        out.push_str(name);
    } else {
        quoted(out, name);
    }
}

fn quoted(out: &mut String, text: &str) {
    out.push('"');
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let escape = match character {
            '"' => "\\\"",
            '\\' => "\\\\",
            '\n' => "\\n",
            '\r' => "\\r",
            '\t' => "\\t",
            '\x0c' => "\\f",
            '\x0b' => "\\v",
            '\x08' => "\\b",
            '\x07' => "\\a",
            '\x1b' => "\\e",
            '\x7f' => "\\x7F",
            '#' if matches!(characters.peek(), Some('{' | '$' | '@')) => "\\#",
            control if control.is_control() => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{:04X}", u32::from(control));
                continue;
            }
            other => {
                out.push(other);
                continue;
            }
        };
        out.push_str(escape);
    }
    out.push('"');
}
