//! Comma lists, split with Ruby's `value.split(/,\s*/, -1)` as a Cloud Controller does it, and the links that repeat
//! them.
//!
//! A controller decodes each element once more. Therefore whitespace at the very start of the value stays, empty
//! elements are kept, and a comma inside an element has to be sent as `%252C`.
//!
//! See `docs/reference/query-parameters.md#comma-lists`.

use percent_encoding::percent_decode_str;

use super::WHITESPACE;
use super::cgi_escape::escape;
use crate::error::ApiError;

/// Returns the elements of a comma list. In the decoding of an element, `+` stays `+`.
///
/// # Errors
///
/// Fails with [`ApiError::InvalidRequest`] if a decoded element is not UTF-8 or holds a NUL, because a database cannot
/// compare such text.
pub fn split(text: &str) -> Result<Vec<String>, ApiError> {
    text.split(',')
        .enumerate()
        .map(|(index, element)| {
            let element = match index {
                0 => element,
                _ => element.trim_start_matches(WHITESPACE),
            };
            let element = percent_decode_str(element)
                .decode_utf8()
                .map_err(|_| ApiError::InvalidRequest)?;
            if element.contains('\0') {
                return Err(ApiError::InvalidRequest);
            }
            Ok(element.into_owned())
        })
        .collect()
}

/// Returns `name=a%2Cb`, the pair with which a link repeats a comma list. [`split`] makes the same elements of it: a comma
/// inside an element becomes `%252C`, and so does what would be decoded or dropped.
pub fn list_pair(name: &str, elements: &[String]) -> String {
    let elements: Vec<String> = elements
        .iter()
        .enumerate()
        .map(|(index, element)| encoded(element, index > 0))
        .collect();
    query_pair(name, &elements.join(","))
}

/// Encodes what [`split`] would not take as a part of an element, which may follow another one.
fn encoded(element: &str, follows_another: bool) -> String {
    let mut encoded = String::with_capacity(element.len());
    for (at, character) in element.char_indices() {
        let is_dropped = follows_another && at == 0 && WHITESPACE.contains(&character);
        if character == ',' || is_dropped || is_decoded(&element.as_bytes()[at..]) {
            encoded.push_str(&format!("%{:02X}", u32::from(character)));
        } else {
            encoded.push(character);
        }
    }
    encoded
}

/// Returns whether the text begins with a percent-encoded byte.
fn is_decoded(text: &[u8]) -> bool {
    matches!(text, [b'%', one, two, ..] if one.is_ascii_hexdigit() && two.is_ascii_hexdigit())
}

/// Returns `name=value`, the pair with which a link repeats a parameter. Name and value are escaped.
pub fn query_pair(name: &str, value: &str) -> String {
    format!("{}={}", escape(name), escape(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whitespace_is_dropped_only_after_a_comma() {
        let elements = split(" a ,\t\n b,,c ").unwrap();
        assert_eq!(elements, [" a ", "b", "", "c "]);
    }

    #[test]
    fn elements_are_decoded_and_plus_signs_stay() {
        assert_eq!(split("a%2Cb,%41+%zz").unwrap(), ["a,b", "A+%zz"]);
    }

    #[test]
    fn elements_that_a_database_cannot_compare_are_refused() {
        for text in ["%FF", "a,%C3", "a%00b", "\0"] {
            assert_eq!(split(text), Err(ApiError::InvalidRequest), "{text:?}");
        }
    }

    #[test]
    fn links_escape_a_comma_inside_an_element_twice() {
        let elements = ["a,b".to_owned(), "c d".to_owned()];
        assert_eq!(list_pair("states", &elements), "states=a%252Cb%2Cc+d");
        assert_eq!(query_pair("a[gt]", "*"), "a%5Bgt%5D=%2A");
    }

    #[test]
    fn links_repeat_the_elements() {
        for elements in [
            &["a%001", "%zz", "%", "100%", "%2C,"][..],
            &[" a", " b", "\tc ", "", "\n", "d e"],
            &["", ""],
            &["%25", "%2525", "é%41", "+"],
        ] {
            let elements: Vec<_> = elements.iter().map(|&element| element.to_owned()).collect();
            let pair = list_pair("names", &elements);
            let value = pair.strip_prefix("names=").unwrap().replace('+', " ");
            let value = percent_decode_str(&value).decode_utf8().unwrap();
            assert_eq!(split(&value).unwrap(), elements, "{pair}");
        }
    }
}
