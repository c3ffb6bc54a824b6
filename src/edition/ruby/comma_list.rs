//! Comma lists, and how hrefs repeat them (reference: packages-api.md §1.3, §3.2).

use percent_encoding::percent_decode_str;

use crate::error::ApiError;

/// The elements of a comma list. Blanks after a comma are dropped, empty elements kept, and each element is
/// URL-decoded a second time, in which `+` is a `+`.
///
/// An element that this makes into something no database compares, bytes that are not UTF-8 or a NUL, is
/// [`ApiError::InvalidRequest`].
pub fn split(text: &str) -> Result<Vec<String>, ApiError> {
    text.split(',')
        .enumerate()
        .map(|(at, element)| {
            let element = if at == 0 {
                element
            } else {
                element.trim_start_matches([' ', '\t', '\n', '\x0b', '\x0c', '\r'])
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

/// `name=a%2Cb`; a comma within an element ends up as `%252C`.
pub fn echo_list(name: &str, elements: &[String]) -> String {
    let elements: Vec<String> = elements
        .iter()
        .map(|element| element.replace(',', "%2C"))
        .collect();
    echo(name, &elements.join(","))
}

/// `name=value`, both encoded.
pub fn echo(name: &str, value: &str) -> String {
    let mut pair = String::with_capacity(name.len() + value.len() + 1);
    escape(&mut pair, name);
    pair.push('=');
    escape(&mut pair, value);
    pair
}

/// As Ruby's `CGI.escape`: a blank is `+`, and only `A-Za-z0-9_.-~` stay as they are.
fn escape(out: &mut String, text: &str) {
    const HEX: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F',
    ];
    for byte in text.bytes() {
        match byte {
            b' ' => out.push('+'),
            b'_' | b'.' | b'-' | b'~' => out.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => out.push(char::from(byte)),
            _ => {
                out.push('%');
                out.push(HEX[usize::from(byte >> 4)]);
                out.push(HEX[usize::from(byte & 15)]);
            }
        }
    }
}
