//! Secrets that a client put into a path or a query, where they do not belong. No log and no record shows them.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// What is shown instead of a secret.
const HIDDEN: &str = "***";
/// The values of parameters whose names contain one of these words are hidden.
const SECRET_WORDS: &[&str] = &[
    "assertion",
    "auth",
    "code",
    "credential",
    "jwt",
    "key",
    "pass",
    "pwd",
    "secret",
    "token",
];
/// The beginning of a JSON Web Token: the base64url of `{"`.
const TOKEN_START: &str = "eyJ";

/// Returns the path with each segment that holds a token replaced by `***`.
pub(super) fn path(path: &str) -> Cow<'_, str> {
    if !path.split('/').any(is_token) {
        return path.into();
    }
    let segments = path.split('/').map(|segment| match is_token(segment) {
        true => HIDDEN,
        false => segment,
    });
    segments.collect::<Vec<_>>().join("/").into()
}

/// Returns the query of a request for `path`, with the values of secret parameters replaced by `***`. Nothing of the query
/// of a login is shown.
pub(super) fn query<'q>(path: &str, query: &'q str) -> Cow<'q, str> {
    if query.is_empty() {
        return query.into();
    }
    if path.starts_with("/oauth/") {
        return HIDDEN.into();
    }
    let is_secret = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or(("", pair));
        let name = percent_decode_str(name)
            .decode_utf8_lossy()
            .to_ascii_lowercase();
        let is_named_so = SECRET_WORDS.iter().any(|word| name.contains(word));
        is_named_so || is_token(value)
    };
    if !query.split('&').any(is_secret) {
        return query.into();
    }
    let pairs = query
        .split('&')
        .map(|pair| match (is_secret(pair), pair.split_once('=')) {
            (false, _) => Cow::Borrowed(pair),
            (true, Some((name, _))) => format!("{name}={HIDDEN}").into(),
            (true, None) => HIDDEN.into(),
        });
    pairs.collect::<Vec<_>>().join("&").into()
}

/// Whether the text, which may be percent-encoded, may hold a JSON Web Token.
fn is_token(text: &str) -> bool {
    let decoded = percent_decode_str(text).decode_utf8_lossy();
    decoded
        .split_once(TOKEN_START)
        .is_some_and(|(_, rest)| rest.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_secret_parameters_are_hidden() {
        for (given, shown) in [
            ("", ""),
            ("page=2&per_page=10", "page=2&per_page=10"),
            (
                "types=bits&label_selector=key%3Dtoken",
                "types=bits&label_selector=key%3Dtoken",
            ),
            ("access_token=abc&page=1", "access_token=***&page=1"),
            ("Pass%77ord=abc", "Pass%77ord=***"),
            ("client_secret=a=b", "client_secret=***"),
            ("a=eyJhbGci.e30.x", "a=***"),
            ("eyJhbGci.e30.x", "***"),
            ("a=eyJhbGci%2Ee30%2Ex", "a=***"),
        ] {
            assert_eq!(query("/v3/packages", given), shown, "{given}");
        }
        assert_eq!(query("/oauth/token", "username=a&x=b"), "***");
    }

    #[test]
    fn token_in_a_path_is_hidden() {
        assert_eq!(path("/v3/packages/guid"), "/v3/packages/guid");
        assert_eq!(path("/v3/eyJhbGci.e30.x/y"), "/v3/***/y");
    }
}
