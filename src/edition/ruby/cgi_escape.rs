//! Ruby's `CGI.escape`, with which Rails builds the query string of a link.
//!
//! `form_urlencoded` cannot be used: it escapes `~` and leaves `*`, and `CGI.escape` does the opposite.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The bytes that are escaped. A space is not among them because it becomes `+`.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b' ')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Returns `text` with each space as `+` and each byte outside `A-Za-z0-9_.-~` as `%XX` in upper case.
///
/// See `docs/reference/ordering-and-paging.md#encoding-of-hrefs`.
pub fn escape(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED)
        .to_string()
        .replace(' ', "+")
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn every_byte_is_escaped_as_cgi_escape_does() {
        // Together, these characters hold every byte that can occur in UTF-8.
        let characters = (0..=0x7FF).chain((0x800..=0x10_FFFF).step_by(0x3F1));
        for character in characters.filter_map(char::from_u32) {
            let expected = match character {
                ' ' => "+".to_owned(),
                'A'..='Z' | 'a'..='z' | '0'..='9' | '_' | '.' | '-' | '~' => character.to_string(),
                other => other
                    .to_string()
                    .bytes()
                    .map(|byte| format!("%{byte:02X}"))
                    .collect(),
            };
            assert_eq!(escape(&character.to_string()), expected, "{character:?}");
        }
    }

    #[test]
    fn form_urlencoded_gives_another_result() {
        let encoded: String = form_urlencoded::byte_serialize(b"*~").collect();
        assert_eq!((encoded.as_str(), escape("*~")), ("*%7E", "%2A~".into()));
    }
}
