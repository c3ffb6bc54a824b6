//! Which values of a column are valid, and what is wrong with one that was read.

use crate::clock::LAST_SECOND;
use crate::log::printable;
use crate::records::{json_values, rules};
use crate::store::BorrowedValue;

/// Which values of a column's type are valid. The database checks some of this too when a value is stored, but not for
/// programs that ignore checks. Reading a row checks what a document could not show; `check` checks all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Valid {
    /// All, but texts with U+0000.
    All,
    /// Times from 1970 to 9999, in seconds since 1970.
    Time,
    /// These texts.
    OneOf(&'static [&'static str]),
    /// Guids. Reading a row checks their characters only, because they are parts of URLs.
    Guid,
    /// Names. Reading a row checks only that they have no U+0000.
    Name,
    /// Checksums of that many lower-case hex digits.
    Hex(usize),
    /// JSON objects of text, which are labels. Reading a row does not check them: what uses the value parses it, and checks
    /// all but the keys' characters.
    Labels,
    /// The same for annotations.
    Annotations,
    /// JSON arrays of text.
    Texts,
    /// JSON objects.
    Object,
}

/// What is wrong with a text that is no guid.
pub(super) const NO_GUID: &str = "the text is no guid, 1 to 200 characters of `A-Z a-z 0-9 . _ -`";

impl Valid {
    /// Returns why a value that was read is not valid. Null is valid where the column can be null.
    #[inline]
    pub(super) fn fault(self, value: BorrowedValue<'_>) -> Option<String> {
        match (self, value) {
            (Self::Time, BorrowedValue::Int(seconds)) if !(0..=LAST_SECOND).contains(&seconds) => {
                Some(format!("{seconds} is no time from 1970 to 9999"))
            }
            (Self::OneOf(texts), BorrowedValue::Text(text)) if !texts.contains(&text) => {
                Some(format!("the text is none of `{}`", texts.join("`, `")))
            }
            (Self::Guid, BorrowedValue::Text(text)) if !rules::has_guid_characters(text) => {
                Some(NO_GUID.to_owned())
            }
            (Self::Hex(digits), BorrowedValue::Text(text)) if !rules::is_hex(text, digits) => Some(
                format!("the text is no checksum of {digits} lower-case hex digits"),
            ),
            (Self::All | Self::Name, BorrowedValue::Text(text)) if text.contains('\0') => {
                Some("the text contains U+0000".to_owned())
            }
            (Self::Texts, BorrowedValue::Text(text)) => {
                let error = json_values::texts(text).err()?;
                Some(no_json("array of text", &error))
            }
            (Self::Object, BorrowedValue::Text(text)) => {
                let error = json_values::object(text).err()?;
                Some(no_json("object", &error))
            }
            _ => None,
        }
    }
}

/// Returns what is wrong with a text that was not parsed as JSON of that kind.
pub(super) fn no_json(kind: &str, error: &serde_json::Error) -> String {
    let fault = format!("the text is no JSON {kind}: {error}");
    printable(&fault).into_owned()
}
