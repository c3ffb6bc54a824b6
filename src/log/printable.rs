//! Texts without characters that change how a terminal or an editor shows what is around them.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Returns the text with each control and format character, such as a line break, U+202E or U+2028, written as `\u{202e}`.
pub fn printable(text: &str) -> Cow<'_, str> {
    escaped(text, |character, out| out.extend(character.escape_debug()))
}

/// Returns a JSON text with each such character within its strings written as `\u202e`.
pub(super) fn printable_json(text: &str) -> Cow<'_, str> {
    escaped(text, |character, out| {
        for unit in character.encode_utf16(&mut [0; 2]) {
            let _ = write!(out, "\\u{unit:04x}");
        }
    })
}

fn escaped(text: &str, escape: impl Fn(char, &mut String)) -> Cow<'_, str> {
    if text.chars().all(is_printable) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match is_printable(character) {
            true => out.push(character),
            false => escape(character, &mut out),
        }
    }
    out.into()
}

/// Returns whether the character shows itself and nothing else. Characters that combine with the one before do not.
fn is_printable(character: char) -> bool {
    match character {
        '"' | '\'' | '\\' => true,
        ascii if ascii.is_ascii() => !ascii.is_ascii_control(),
        other => other.escape_debug().len() == 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_and_format_characters_are_escaped() {
        for (given, text, json) in [
            ("plain \"text\" \\ ' é 漢 🦀", None, None),
            ("a\u{1b}[31m", Some(r"a\u{1b}[31m"), Some(r"a\u001b[31m")),
            ("a\nb", Some(r"a\nb"), Some(r"a\u000ab")),
            (
                "\u{202e}\u{2028}",
                Some(r"\u{202e}\u{2028}"),
                Some(r"\u202e\u2028"),
            ),
            (
                "\u{200b}\u{feff}\u{85}",
                Some(r"\u{200b}\u{feff}\u{85}"),
                Some(r"\u200b\ufeff\u0085"),
            ),
            ("\u{e0041}", Some(r"\u{e0041}"), Some(r"\udb40\udc41")),
        ] {
            assert_eq!(printable(given), text.unwrap_or(given));
            assert_eq!(printable_json(given), json.unwrap_or(given));
        }
    }
}
