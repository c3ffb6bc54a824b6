//! Ruby 3.3's `inspect` and `to_s`, which a Cloud Controller applies to a parameter that is an array or a hash where
//! text is expected. Error messages and links show the result.
//!
//! See `docs/reference/query-parameters.md#values-shown-as-ruby-writes-them`.

use std::fmt::Write;

use super::query_string::{QueryFields, QueryValue};

/// How the keys of a hash are written.
#[derive(Clone, Copy, Debug)]
pub enum HashKeys {
    /// As text, `{"a"=>"b"}`. A controller parses comma lists and timestamps before it turns keys into symbols.
    Strings,
    /// As symbols, `{:a=>"b"}`. A controller parses all other parameters afterwards.
    Symbols,
}

/// Returns Ruby's `value.to_s`: text as it is, null as nothing, an array or a hash as `inspect` writes it.
pub fn to_s(value: &QueryValue, keys: HashKeys) -> String {
    match value {
        QueryValue::Null => String::new(),
        QueryValue::Text(text) => text.clone(),
        value => {
            let mut out = String::new();
            inspect(&mut out, value, keys);
            out
        }
    }
}

/// Returns `[:name, "value"]`: how one entry of a hash is written if the hash is treated as an array.
pub fn inspect_pair(name: &str, value: &QueryValue) -> String {
    let mut out = "[".to_owned();
    symbol(&mut out, name);
    out.push_str(", ");
    inspect(&mut out, value, HashKeys::Symbols);
    out.push(']');
    out
}

fn inspect(out: &mut String, value: &QueryValue, keys: HashKeys) {
    match value {
        QueryValue::Null => out.push_str("nil"),
        QueryValue::Text(text) => string(out, text),
        QueryValue::Array(values) => {
            out.push('[');
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                inspect(out, value, keys);
            }
            out.push(']');
        }
        QueryValue::Map(fields) => hash(out, fields, keys),
    }
}

fn hash(out: &mut String, fields: &QueryFields, keys: HashKeys) {
    out.push('{');
    for (index, (name, value)) in fields.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        match keys {
            HashKeys::Strings => string(out, name),
            HashKeys::Symbols => symbol(out, name),
        }
        out.push_str("=>");
        inspect(out, value, keys);
    }
    out.push('}');
}

/// Appends `:name`, or `:"a name"` if the name is not a plain word.
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
        string(out, name);
    }
}

fn string(out: &mut String, text: &str) {
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
                // Writing to a `String` cannot fail.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edition::ruby::query_string::{QueryStringRules, parse};

    fn value(query: &str) -> QueryValue {
        let fields = parse(query, &QueryStringRules::RACK_3_2).unwrap();
        fields.get("a").unwrap().clone()
    }

    #[test]
    fn arrays_and_hashes_are_written_as_ruby_3_3_does() {
        for (query, strings, symbols) in [
            ("a", "", ""),
            ("a=x\"", "x\"", "x\""),
            ("a[]=1&a[]=2", r#"["1", "2"]"#, r#"["1", "2"]"#),
            (
                "a[b]=1&a[c]",
                r#"{"b"=>"1", "c"=>nil}"#,
                r#"{:b=>"1", :c=>nil}"#,
            ),
            ("a[b c]=1", r#"{"b c"=>"1"}"#, r#"{:"b c"=>"1"}"#),
            ("a[b?]=1", r#"{"b?"=>"1"}"#, r#"{:b?=>"1"}"#),
        ] {
            assert_eq!(to_s(&value(query), HashKeys::Strings), strings, "{query}");
            assert_eq!(to_s(&value(query), HashKeys::Symbols), symbols, "{query}");
        }
    }

    #[test]
    fn special_characters_are_escaped() {
        let all = value("a[]=%22%5C%0A%0D%09%0C%0B%08%07%1B%7F%01%23%7B%23$%23@%23x%C2%85é");
        assert_eq!(
            to_s(&all, HashKeys::Strings),
            r##"["\"\\\n\r\t\f\v\b\a\e\x7F\u0001\#{\#$\#@#x\u0085é"]"##
        );
    }
}
