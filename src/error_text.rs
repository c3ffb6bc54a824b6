//! The texts of errors of other crates, as our messages quote them.

use std::borrow::Cow;
use std::io;

/// Returns the operating system's description of an error in lower case, as in `permission denied`.
///
/// The standard library appends the error's number: `Permission denied (os error 13)`. A message to a user does not
/// need it.
pub fn os_error(error: &io::Error) -> String {
    let text = error.to_string();
    let description = text.split(" (os error").next().unwrap_or(&text);
    description.to_lowercase()
}

/// Returns the line with what stands between `://` and the last `@` replaced by `***`: the user and the password of a URL. A
/// password may hold any character.
pub fn without_user_info(line: &str) -> Cow<'_, str> {
    let shown = line.split_once("://").and_then(|(scheme, rest)| {
        let (_, host) = rest.rsplit_once('@')?;
        Some(format!("{scheme}://***@{host}"))
    });
    shown.map_or(line.into(), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_of_the_error_is_removed() {
        let error = io::Error::from_raw_os_error(13);
        assert!(error.to_string().contains("(os error 13)"));
        assert_eq!(os_error(&error), "permission denied");
    }

    #[test]
    fn user_info_of_a_url_is_hidden() {
        for (line, shown) in [
            (
                "`http://u:a/b@c`d@host/x` is wrong",
                "`http://***@host/x` is wrong",
            ),
            ("`https://host/x` is wrong", "`https://host/x` is wrong"),
            ("`a@b` is wrong", "`a@b` is wrong"),
        ] {
            assert_eq!(without_user_info(line), shown);
        }
    }

    #[test]
    fn error_without_a_number_is_kept() {
        assert_eq!(os_error(&io::Error::other("No luck")), "no luck");
    }
}
