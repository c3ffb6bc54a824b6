//! Buildpacks as requests name them. This server has none: every plain name counts as one that the foundation has.

use crate::labels::is_blank;

/// Whether the text is a plain name, or the address of a git repository.
pub fn is_valid(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let schemes = ["http://", "https://", "git://", "ssh://", "file://"];
    let is_url = schemes
        .iter()
        .any(|scheme| text.len() > scheme.len() && text.starts_with(scheme));
    let is_remote = text.starts_with("git@") && text.contains(':');
    !is_blank(text)
        && !text.contains(char::is_whitespace)
        && (is_url || is_remote || text.bytes().all(is_plain))
}

/// Returns the address without its user and password, which must not be shown.
pub fn without_secrets(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://***:***@{host}{path}"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_valid() {
        for text in [
            "ruby_buildpack",
            "https://example.com/b.git#v1",
            "git@example.com:b.git",
        ] {
            assert!(is_valid(text), "{text}");
        }
        for text in [
            "",
            " ",
            "a b",
            "https://",
            "not/a/name",
            "ftp://example.com/x",
        ] {
            assert!(!is_valid(text), "{text}");
        }
    }

    #[test]
    fn user_and_password_are_hidden() {
        for (text, shown) in [
            ("ruby_buildpack", "ruby_buildpack"),
            ("https://example.com/a@b", "https://example.com/a@b"),
            ("https://u:p@example.com/b", "https://***:***@example.com/b"),
            ("https://token@example.com", "https://***:***@example.com"),
            (
                "https://u:p@x@example.com?q",
                "https://***:***@example.com?q",
            ),
        ] {
            assert_eq!(without_secrets(text), shown);
        }
    }
}
