//! What serde says about a seed, in plain words and with the place.

use serde_json::error::{Category, Error};

use super::fault::{SeedError, quoted};
use super::kind::Form;

/// The refusal for `error`, met in `text`, before which the seed has `above` lines.
pub(super) fn refusal(
    seed: &str,
    error: &Error,
    path: Option<String>,
    text: &str,
    form: Form,
    above: u64,
) -> SeedError {
    let line = above + u64::try_from(error.line()).unwrap_or(0).max(1);
    let full = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let said = full.strip_suffix(&place).unwrap_or(&full);
    match error.classify() {
        Category::Data => SeedError::at_path(
            seed,
            (form == Form::JsonLines).then_some(line),
            path,
            plain(said),
        ),
        Category::Syntax | Category::Eof | Category::Io => SeedError::at_line(
            seed,
            line,
            u64::try_from(error.column()).ok(),
            syntax(said, met(text, error.line(), error.column()), form),
        ),
    }
}

/// The character that stands at a line and a column of bytes.
fn met(text: &str, line: usize, column: usize) -> Option<char> {
    let line = text.split('\n').nth(line.checked_sub(1)?)?;
    line.get(column.checked_sub(1)?..)?.chars().next()
}

fn syntax(said: &str, met: Option<char>, form: Form) -> String {
    let found = match met {
        Some(character) => format!("found {}", quoted(&character.to_string())),
        None => "found the end of the line".to_owned(),
    };
    if said == "trailing characters" {
        return match form {
            Form::Json => format!(
                "{found} after the seed's one object; a seed is one JSON object, or JSON Lines"
            ),
            Form::JsonLines => {
                format!("{found} after the line's one object; each entry stands in its own line")
            }
        };
    }
    if let Some(inside) = said.strip_prefix("EOF while parsing ") {
        return match form {
            Form::Json => format!("the seed ends inside {inside}"),
            Form::JsonLines => {
                format!("the line ends inside {inside}; each entry stands in one line")
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

/// serde's sentences about what is well-formed and wrong.
fn plain(said: &str) -> String {
    if let Some((found, expected)) = said
        .strip_prefix("invalid type: ")
        .or_else(|| said.strip_prefix("invalid value: "))
        .and_then(|rest| rest.rsplit_once(", expected "))
    {
        return format!("expected {expected}, found {}", thing(found));
    }
    if let Some((field, fields)) = said
        .strip_prefix("unknown field `")
        .and_then(|rest| rest.rsplit_once("`, expected "))
    {
        let fields = fields.strip_prefix("one of ").unwrap_or(fields);
        return format!("unknown field {}; the fields are {fields}", quoted(field));
    }
    if let Some(field) = said.strip_prefix("duplicate field ") {
        return format!("the field {field} stands twice");
    }
    said.to_owned()
}

/// What serde names with its own words for types.
fn thing(found: &str) -> String {
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
