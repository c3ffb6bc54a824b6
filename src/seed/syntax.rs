//! Faults of a text that is not JSON. A trailing comma and a comment are blanked out, so that the rest can be read.

use std::borrow::Cow;
use std::ops::Range;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Error as JsonError;

use super::entry::SeedFormat;
use super::fault::Stop;
use super::json_error;
use super::json_text::JsonText;
use super::messages;
use super::reading::Reading;

/// Adds the faults of a text that is not JSON. Returns the text with blanks instead of trailing commas and comments, or
/// `None` if that does not make it JSON.
pub(super) fn repair<'t>(
    reading: &mut Reading<'_, '_, '_>,
    document: JsonText<'t>,
    format: SeedFormat,
) -> Result<Option<Cow<'t, str>>, Stop> {
    let mut text = Cow::Borrowed(document.text);
    while let Err(error) = check(&text) {
        let current = JsonText {
            text: &text,
            ..document
        };
        let offset = current.offset_of(error.line(), error.column());
        let Some(fault) = removable_fault(&text, offset, format) else {
            if SeedFormat::of(text.as_bytes()) != format {
                // A comment or the like hid that the seed is JSON Lines. Its fault was added.
                return Ok(None);
            }
            add_fault(reading, &current, &error, format)?;
            return Ok(None);
        };
        let place = current.place_at(fault.span.start, String::new());
        reading.add_fault(place, fault.text)?;
        text = Cow::Owned(blanked(&text, fault.span));
        if text.trim_ascii().is_empty() {
            break;
        }
    }
    let hid_json_lines = matches!(text, Cow::Owned(_))
        && format == SeedFormat::Json
        && SeedFormat::of(text.as_bytes()) == SeedFormat::JsonLines;
    // A seed in JSON Lines with one entry is JSON too.
    Ok((!hid_json_lines).then_some(text))
}

/// Adds the fault that serde found in a text that is not JSON, or not a seed.
pub(super) fn add_fault(
    reading: &mut Reading<'_, '_, '_>,
    document: &JsonText<'_>,
    error: &JsonError,
    format: SeedFormat,
) -> Result<(), Stop> {
    let offset = if error.is_data() {
        document.text.len() - document.text.trim_ascii_start().len()
    } else {
        document.offset_of(error.line(), error.column())
    };
    let found = character_at(document.text, offset);
    let place = document.place_at(offset, String::new());
    reading.add_fault(place, json_error::text_of(error, found, format))
}

/// Returns the first error of a text that is not JSON. Numbers and escapes are not checked.
fn check(text: &str) -> serde_json::Result<()> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    IgnoredAny::deserialize(&mut deserializer)?;
    deserializer.end()
}

fn character_at(text: &str, offset: usize) -> Option<char> {
    let found = text.get(offset..)?.chars().next()?;
    (found != '\n').then_some(found)
}

/// A fault without which the text may be JSON.
struct RemovableFault {
    span: Range<usize>,
    text: String,
}

/// Returns the comma or the comment because of which a parser stopped at `offset`.
fn removable_fault(text: &str, offset: usize, format: SeedFormat) -> Option<RemovableFault> {
    let rest = text.get(offset..)?;
    let before = text[..offset].trim_ascii_end();
    match rest.as_bytes().first()? {
        end @ (b']' | b'}') if before.ends_with(',') => Some(RemovableFault {
            span: before.len() - 1..before.len(),
            text: messages::trailing_comma(char::from(*end)),
        }),
        b',' if format == SeedFormat::JsonLines && rest[1..].trim_ascii().is_empty() => {
            Some(RemovableFault {
                span: offset..offset + 1,
                text: messages::COMMA_AFTER_LINE.to_owned(),
            })
        }
        b'/' | b'#' => {
            let length = comment_length(rest)?;
            Some(RemovableFault {
                span: offset..offset + length,
                text: messages::comment(&rest[..length]),
            })
        }
        _ => None,
    }
}

/// Returns the length of the comment with which a text begins: `// …`, `# …` or `/* … */`.
fn comment_length(text: &str) -> Option<usize> {
    if text.starts_with("/*") {
        return text.find("*/").map(|end| end + 2);
    }
    let is_line_comment = text.starts_with("//") || text.starts_with('#');
    let end = text.find(['\r', '\n']).unwrap_or(text.len());
    is_line_comment.then_some(end)
}

/// Returns the text with a blank for each byte of `span`, except for line breaks.
fn blanked(text: &str, span: Range<usize>) -> String {
    let blanks = text[span.clone()]
        .bytes()
        .map(|byte| if byte == b'\n' { '\n' } else { ' ' });
    let mut blanked = String::with_capacity(text.len());
    blanked.push_str(&text[..span.start]);
    blanked.extend(blanks);
    blanked.push_str(&text[span.end..]);
    blanked
}
