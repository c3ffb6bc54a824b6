//! Secrets that a client put where they do not belong: into the method, the path, the query, or the id of a request. No log
//! and no record shows them.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// What is shown instead of a secret.
const HIDDEN: &str = "***";
/// The values of parameters whose names contain one of these words are hidden.
const SECRET_WORDS: &[&str] = &[
    "assertion",
    "auth",
    "bearer",
    "code",
    "cookie",
    "cred",
    "jwt",
    "key",
    "pass",
    "private",
    "pwd",
    "secret",
    "session",
    "signature",
    "token",
];
/// The query of a path that contains one of these words is hidden: it may be of a login.
const LOGIN_WORDS: &[&str] = &["login", "oauth", "token"];
/// The parameter whose values are conditions about labels of any name, such as `key=a`.
const LABEL_SELECTOR: &str = "label_selector";
/// The beginning of a JSON Web Token: the base64url of `{"` and a letter.
const TOKEN_START: &str = "eyJ";
/// The shortest parts of a token that may begin in another way, in characters.
const SHORTEST_PART: usize = 8;
/// How often a text is decoded. One that was encoded more often is hidden.
const MAX_DECODINGS: usize = 8;

/// Returns the method, or `***` if it holds a secret.
pub(super) fn word(text: &str) -> &str {
    match is_secret(text) {
        true => HIDDEN,
        false => text,
    }
}

/// Returns whether the request id that a client sent holds a token or credentials. `kept` is what remains of it without
/// the characters that an id does not have.
pub(super) fn is_secret_id(sent: &[u8], kept: &str) -> bool {
    let sent = String::from_utf8_lossy(sent);
    kept.contains(TOKEN_START) || is_secret(&sent) || has_secret_pair(&sent)
}

/// Returns the path with each segment that holds a secret replaced by `***`.
pub(super) fn path(path: &str) -> Cow<'_, str> {
    let hides = |segment: &str| is_secret(segment) || has_secret_pair(segment);
    if !path.split('/').any(hides) {
        return path.into();
    }
    let segments = path.split('/').map(|segment| match hides(segment) {
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
    let path = decode(path).map(|path| path.to_ascii_lowercase());
    let is_login = path.is_none_or(|path| LOGIN_WORDS.iter().any(|word| path.contains(word)));
    if is_login {
        return HIDDEN.into();
    }
    let separators = ['&', ';'];
    if !query
        .split(separators)
        .any(|pair| shown_pair(pair).is_some())
    {
        return query.into();
    }
    let pairs = query.split_inclusive(separators).map(|pair| {
        let (pair, separator) = match pair.strip_suffix(separators) {
            Some(bare) => (bare, &pair[bare.len()..]),
            None => (pair, ""),
        };
        let shown = shown_pair(pair).unwrap_or(pair.into());
        format!("{shown}{separator}")
    });
    pairs.collect::<String>().into()
}

/// Returns what is shown of a name and its value if there is a secret among them.
fn shown_pair(pair: &str) -> Option<Cow<'_, str>> {
    let Some((name, value)) = pair.split_once('=') else {
        return (is_secret(pair) || has_secret_pair(pair)).then_some(HIDDEN.into());
    };
    let Some(decoded_name) = decode(name).filter(|_| !is_secret(name)) else {
        return Some(HIDDEN.into());
    };
    let decoded_name = decoded_name.to_ascii_lowercase();
    let hides = has_secret_word(&decoded_name)
        || is_secret(value)
        || (decoded_name != LABEL_SELECTOR && has_secret_pair(value));
    hides.then(|| format!("{name}={HIDDEN}").into())
}

fn has_secret_word(text: &str) -> bool {
    SECRET_WORDS.iter().any(|word| text.contains(word))
}

/// Returns whether the text, which may be percent-encoded, may hold a JSON Web Token, or credentials as in the header
/// `Authorization` or before the host of a URL.
fn is_secret(text: &str) -> bool {
    let Some(mut decoded) = decode(text) else {
        return true;
    };
    let lower = decoded.to_ascii_lowercase();
    let has_scheme = ["bearer", "basic"].iter().any(|scheme| {
        let mut rests = lower.split(scheme).skip(1);
        rests.any(|rest| rest.starts_with([' ', '+', '\t']))
    });
    // Line breaks within a token do not protect it.
    decoded.retain(|character| !character.is_control() && !character.is_whitespace());
    has_scheme
        || has_user_info(&decoded)
        || decoded.contains(TOKEN_START)
        || has_other_token(&decoded)
}

/// Returns whether the text holds a JSON Web Token whose first character after the brace is white space.
fn has_other_token(text: &str) -> bool {
    let is_of_token = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let mut parts = text.split(|character| {
        !u8::try_from(character).is_ok_and(|byte| is_of_token(byte) || byte == b'.')
    });
    parts.any(|text| {
        let mut parts = text.split('.');
        parts.any(|part| part.len() >= SHORTEST_PART && begins_as_object(part.as_bytes()))
            && parts.next().is_some_and(|part| part.len() >= SHORTEST_PART)
    })
}

/// Returns whether base64url that begins so is of `{` and white space.
fn begins_as_object(part: &[u8]) -> bool {
    match part {
        [b'e', b'y', b'A', ..] => true,
        [b'e', b'w', third, ..] => matches!(third, b'k'..=b'r' | b'0'..=b'3'),
        _ => false,
    }
}

/// Returns whether the text holds `user:password@`.
fn has_user_info(text: &str) -> bool {
    text.split('/').any(|part| {
        let user_info = part.rsplit_once('@').map(|(user_info, _)| user_info);
        user_info.is_some_and(|user_info| user_info.contains(':'))
    })
}

/// Returns whether the text, which may be percent-encoded, holds a secret word with a value, such as `a?token=b` or
/// `{"password": "b"}`.
fn has_secret_pair(text: &str) -> bool {
    let Some(decoded) = decode(text) else {
        return true;
    };
    let decoded = decoded.to_ascii_lowercase();
    let is_of_name =
        |character: char| character.is_alphanumeric() || "-_.[] \"'".contains(character);
    let mut names = decoded.split_inclusive([':', '=']);
    names.any(|name| {
        let Some(name) = name.strip_suffix([':', '=']) else {
            return false;
        };
        let start = name.rfind(|character| !is_of_name(character));
        has_secret_word(&name[start.map_or(0, |start| name.ceil_char_boundary(start + 1))..])
    })
}

/// Returns the text without percent-encoding, also where it was encoded several times, or `None` if it was encoded too
/// often.
fn decode(text: &str) -> Option<String> {
    let mut decoded = text.to_owned();
    for _ in 0..MAX_DECODINGS {
        if !decoded.contains('%') {
            return Some(decoded);
        }
        let next = percent_decode_str(&decoded)
            .decode_utf8_lossy()
            .into_owned();
        if next == decoded {
            return Some(decoded);
        }
        decoded = next;
    }
    None
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
            ("page=1;access_token=abc;x=1", "page=1;access_token=***;x=1"),
            ("Pass%77ord=abc", "Pass%77ord=***"),
            ("pass%2577ord=abc", "pass%2577ord=***"),
            ("client_secret=a=b", "client_secret=***"),
            ("a=eyJhbGci.e30.x", "a=***"),
            ("eyJhbGci.e30.x", "***"),
            ("eyJhbGci.e30.x=", "***"),
            ("a&eyJhbGci.e30.x=b&c", "a&***&c"),
            ("a=eyJhbGci%2Ee30%2Ex", "a=***"),
            ("a=eyJhbGci%252Ee30%252Ex", "a=***"),
            ("a=e%0AyJhbGci.e30.x", "a=***"),
            ("a=ewogImFsZyI6IjEifQ.ewogICJhIjoxfQ.x", "a=***"),
            ("a=eyAiYWxnIjoiMSJ9.eyAiYSI6MX0.x", "a=***"),
            ("a=BEARER%20abc&b=Basic+Y2Y6", "a=***&b=***"),
            ("a=https://user:pw@host/x", "a=***"),
            ("a=%2Fcb%3Faccess_token%3Dabc", "a=***"),
            (r#"q={"password":"abc"}"#, "q=***"),
            ("token:abc", "***"),
            ("page;;page&&", "page;;page&&"),
            ("names=ewing.example.org", "names=ewing.example.org"),
            (
                "updated_ats[gt]=2020-01-01T00:00:00Z",
                "updated_ats[gt]=2020-01-01T00:00:00Z",
            ),
        ] {
            assert_eq!(query("/v3/packages", given), shown, "{given}");
        }
        let encoded = format!("a=%{}65yJ", "25".repeat(MAX_DECODINGS));
        assert_eq!(query("/v3/packages", &encoded), "a=***");
    }

    #[test]
    fn query_of_a_login_is_hidden() {
        for path in [
            "/oauth/token",
            "/OAUTH/token",
            "/login",
            "/Login.json",
            "/%6Fauth/x%FF",
            "/uaa/oauth",
            "/admin/token",
        ] {
            assert_eq!(query(path, "username=a&x=b"), "***", "{path}");
        }
    }

    #[test]
    fn secret_in_a_path_is_hidden() {
        for (given, shown) in [
            ("/v3/packages/guid", "/v3/packages/guid"),
            ("/v3/eyJhbGci.e30.x/y", "/v3/***/y"),
            ("/v3/eyJhbGci%2ee30%2ex", "/v3/***"),
            ("/v3/Bearer%20abc", "/v3/***"),
            ("/v3/packages;token=abc", "/v3/***"),
            ("/v3/packages%3Ftoken%3Dabc", "/v3/***"),
            ("/http:/user:pw@host/v3", "/http:/***/v3"),
            ("/oauth/token", "/oauth/token"),
        ] {
            assert_eq!(path(given), shown);
        }
    }

    #[test]
    fn secret_in_a_method_or_an_id_is_found() {
        assert_eq!(word("BREW"), "BREW");
        assert_eq!(word("eyJhbGci.e30.x"), "***");
        assert!(!is_secret_id(b"basic-test-1", "basic-test-1"));
        for (sent, kept) in [
            ("eyJhbGci.e30.x", "eyJhbGcie30x"),
            ("e.yJhbGci.e30.x", "eyJhbGcie30x"),
            ("Bearer abc", "Bearerabc"),
            (
                "ewogImFsZyI6IjEifQ.ewogICJhIjoxfQ.x",
                "ewogImFsZyI6IjEifQewogICJhIjoxfQx",
            ),
        ] {
            assert!(is_secret_id(sent.as_bytes(), kept), "{sent}");
        }
    }
}
