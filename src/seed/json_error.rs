//! The texts of serde about a seed, in our words.

use serde_json::error::{Category, Error as JsonError};

use super::entry::SeedFormat;
use super::messages::{OBJECT, SECRET_TEXT, quoted, unknown_field};

/// Returns what serde found wrong, where `found` is the character at the error's place.
pub(super) fn text_of(error: &JsonError, found: Option<char>, format: SeedFormat) -> String {
    let full = error.to_string();
    let location = format!(" at line {} column {}", error.line(), error.column());
    let said = full.strip_suffix(&location).unwrap_or(&full);
    match error.classify() {
        Category::Data => data_error(said),
        Category::Syntax | Category::Eof | Category::Io => syntax_error(said, found, format),
    }
}

/// Rewords serde's sentences about text that is not JSON.
fn syntax_error(said: &str, found: Option<char>, format: SeedFormat) -> String {
    let found = match found {
        Some(character) => format!("found {}", quoted(&character.to_string())),
        None => "found the end of the line".to_owned(),
    };
    if said == "trailing characters" {
        return match format {
            SeedFormat::Json => format!(
                "{found} after the seed's one object; a seed is one JSON object, or JSON Lines"
            ),
            SeedFormat::JsonLines => {
                format!("{found} after the line's one object; each entry needs its own line")
            }
        };
    }
    if let Some(inside) = said.strip_prefix("EOF while parsing ") {
        return match format {
            SeedFormat::Json => format!("the seed ends inside {inside}"),
            SeedFormat::JsonLines => {
                format!("the line ends inside {inside}; each entry is one line")
            }
        };
    }
    match said {
        "expected value" => format!("expected a JSON value, {found}"),
        "expected ident" => format!("expected `true`, `false` or `null`, {found}"),
        "number out of range" => "the number is too large".to_owned(),
        "recursion limit exceeded" => "arrays and objects are nested too deep".to_owned(),
        _ if said.starts_with("expected ") => format!("{said}, {found}"),
        _ => said.to_owned(),
    }
}

/// Rewords serde's sentences about JSON that is not a seed.
fn data_error(said: &str) -> String {
    if let Some((found, expected)) = said
        .strip_prefix("invalid type: ")
        .or_else(|| said.strip_prefix("invalid value: "))
        .and_then(|rest| rest.rsplit_once(", expected "))
    {
        // Instead of an object, a password may stand there.
        let found = match [OBJECT, SECRET_TEXT].contains(&expected) {
            true => json_kind(found).to_owned(),
            false => json_value(found),
        };
        return format!("expected {expected}, found {found}");
    }
    if let Some((field, fields)) = said
        .strip_prefix("unknown field `")
        .and_then(|rest| rest.rsplit_once("`, expected "))
    {
        let fields = fields.strip_prefix("one of ").unwrap_or(fields);
        return unknown_field(field, fields);
    }
    if let Some(field) = said.strip_prefix("duplicate field ") {
        return format!("the field {field} appears twice");
    }
    said.to_owned()
}

/// Returns the kind of what serde calls a JSON value, without the value.
fn json_kind(found: &str) -> &'static str {
    let (word, _) = found.split_once(' ').unwrap_or((found, ""));
    match word {
        "map" => "an object",
        "sequence" => "an array",
        "string" => "a text",
        "integer" | "floating" | "number" => "a number",
        "boolean" => "`true` or `false`",
        _ => "`null`",
    }
}

/// Rewords what serde calls a JSON value.
fn json_value(found: &str) -> String {
    match found {
        "map" => "an object".to_owned(),
        "sequence" => "an array".to_owned(),
        _ => {
            for (word, plain) in [
                ("string ", "the text "),
                ("integer ", "the number "),
                ("floating point ", "the number "),
                ("boolean ", ""),
            ] {
                if let Some(value) = found.strip_prefix(word) {
                    let value = value.trim_matches(['`', '"']);
                    return format!("{plain}{}", quoted(value));
                }
            }
            // `null`
            quoted(found)
        }
    }
}
