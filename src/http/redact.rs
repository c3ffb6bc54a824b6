//! Secrets that a client put where they do not belong: into the method, the path, the query, or the id of a request. No log
//! and no record shows them.

use std::borrow::Cow;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
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
    "hmac",
    "jwt",
    "key",
    "pass",
    "private",
    "pswd",
    "pwd",
    "samlresponse",
    "secret",
    "session",
    "signature",
    "token",
];
/// So are those of parameters whose names consist of words, separated by other characters, of which one is among these.
const SHORT_SECRET_WORDS: &[&str] = &["dsn", "otp", "pin", "pw", "sid", "sig"];
/// The query of a path that contains one of these words is hidden: it may be of a login.
const LOGIN_WORDS: &[&str] = &["login", "oauth", "token"];
/// The parameter whose values are conditions about labels of any name, such as `key=a`.
const LABEL_SELECTOR: &str = "label_selector";
/// The beginning of a JSON Web Token: the base64url of `{"` and a letter.
const TOKEN_START: &str = "eyJ";
/// The longest text that is decoded to find out whether it is the header of a token, in characters. What begins as one and is
/// longer is hidden.
const LONGEST_HEADER: usize = 2048;
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

/// Returns the path with each segment that holds a secret replaced by `***`, and, where a secret may hold a slash, also what
/// follows.
pub(super) fn path(path: &str) -> Cow<'_, str> {
    let segments: Vec<_> = path.split('/').collect();
    let user_info = segments_of_user_info(&segments);
    let mut shown = Vec::with_capacity(segments.len());
    let mut hides_any = false;
    for (index, segment) in segments.into_iter().enumerate() {
        if user_info.contains(&index) {
            hides_any = true;
            if index == user_info.start {
                shown.push(HIDDEN);
            }
        } else if has_scheme(segment) || has_secret_pair(segment) {
            hides_any = true;
            shown.push(HIDDEN);
            break;
        } else if is_secret(segment) {
            hides_any = true;
            shown.push(HIDDEN);
        } else {
            shown.push(segment);
        }
    }
    match hides_any {
        true => shown.join("/").into(),
        false => path.into(),
    }
}

/// Returns the segments of a path that hold `user:password@`, where the password may hold slashes.
fn segments_of_user_info(segments: &[&str]) -> Range<usize> {
    let holds = |segment: &str, character| {
        decode(segment).is_none_or(|decoded| {
            let is_scheme = ["http:", "https:"]
                .iter()
                .any(|scheme| decoded.eq_ignore_ascii_case(scheme));
            !is_scheme && decoded.contains(character)
        })
    };
    let start = segments.iter().position(|segment| holds(segment, ':'));
    let last = segments.iter().rposition(|segment| holds(segment, '@'));
    match (start, last) {
        (Some(start), Some(last)) if start <= last => start..last + 1,
        _ => 0..0,
    }
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
    let shown: Vec<_> = query.split('&').map(shown_pairs).collect();
    match shown.iter().all(|shown| matches!(shown, Cow::Borrowed(_))) {
        true => query.into(),
        false => shown.join("&").into(),
    }
}

/// Returns what is shown of pairs that are separated by `;`. A secret may hold that character, so that what follows one is
/// hidden too.
fn shown_pairs(pairs: &str) -> Cow<'_, str> {
    let mut start = 0;
    for pair in pairs.split(';') {
        if let Some(shown) = shown_pair(pair) {
            return [&pairs[..start], &*shown].concat().into();
        }
        start += pair.len() + 1;
    }
    pairs.into()
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
    let mut words = text.split(|character: char| !character.is_alphanumeric());
    SECRET_WORDS.iter().any(|word| text.contains(word))
        || words.any(|word| SHORT_SECRET_WORDS.contains(&word))
}

/// Returns whether the text, which may be percent-encoded, may hold a JSON Web Token, or credentials as in the header
/// `Authorization` or before the host of a URL.
fn is_secret(text: &str) -> bool {
    let Some(mut decoded) = decode(text) else {
        return true;
    };
    // Line breaks within a token do not protect it.
    decoded.retain(|character| !character.is_control() && !character.is_whitespace());
    has_scheme(text)
        || has_user_info(&decoded)
        || decoded.contains(TOKEN_START)
        || has_other_token(&decoded)
}

/// Returns whether the text, which may be percent-encoded, holds `Bearer` or `Basic` as in the header `Authorization`.
fn has_scheme(text: &str) -> bool {
    let Some(decoded) = decode(text) else {
        return true;
    };
    let lower = decoded.to_ascii_lowercase();
    let ends_word =
        |character: char| character == '+' || character.is_whitespace() || character.is_control();
    ["bearer", "basic"].iter().any(|scheme| {
        lower
            .split(scheme)
            .skip(1)
            .any(|rest| rest.starts_with(ends_word))
    })
}

/// Returns whether the text holds a JSON Web Token whose header does not begin with `{"` and a letter, such as one with white
/// space.
fn has_other_token(text: &str) -> bool {
    let is_of_token =
        |character: char| character.is_ascii_alphanumeric() || "-_=".contains(character);
    let mut parts = text.split('.').peekable();
    while let Some(part) = parts.next() {
        if !parts
            .peek()
            .is_some_and(|next| next.starts_with(is_of_token))
        {
            continue;
        }
        let start = part.rfind(|character| !is_of_token(character));
        let header = &part[start.map_or(0, |start| part.ceil_char_boundary(start + 1))..];
        let header = header.trim_end_matches('=');
        if (0..header.len()).any(|start| is_header(&header[start..])) {
            return true;
        }
    }
    false
}

/// Returns whether the text is the base64url of a JSON object with a member, or begins so and is too long to be decoded.
fn is_header(text: &str) -> bool {
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
    // White space of any length may come first.
    let begins = decode(&text[..text.len().min(4)]).is_some_and(|bytes| {
        let rest = bytes.trim_ascii_start();
        rest.is_empty() || rest[0] == b'{'
    });
    if !begins {
        return false;
    }
    if text.len() > LONGEST_HEADER {
        return true;
    }
    let Some(bytes) = decode(text) else {
        return false;
    };
    serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&bytes)
        .is_ok_and(|object| !object.is_empty())
}

/// Returns whether the text holds `user:password@`. The password may hold slashes.
fn has_user_info(text: &str) -> bool {
    let user_info = text.rsplit_once('@').map(|(user_info, _)| user_info);
    user_info.is_some_and(|user_info| user_info.replace("://", "").contains(':'))
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
            (
                "page=1;access_token=abc;x=1&y=2",
                "page=1;access_token=***&y=2",
            ),
            ("page=1&password=a;tail", "page=1&password=***"),
            ("page=1;per_page=2", "page=1;per_page=2"),
            ("sig=a&pw=b&X-Otp=c", "sig=***&pw=***&X-Otp=***"),
            ("pin=1&sid=2&dsn=3", "pin=***&sid=***&dsn=***"),
            (
                "pswd=a&hmac=b&SAMLResponse=c",
                "pswd=***&hmac=***&SAMLResponse=***",
            ),
            ("mapping=1&design=2&inside=3", "mapping=1&design=2&inside=3"),
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
            ("a=IHsiYWxnIjoiMSJ9.e30.x", "a=***"),
            ("a=CnsiYWxnIjoiMSJ9.e30.x", "a=***"),
            ("a=ICAgICB7ICJhbGciOjF9.e30.x", "a=***"),
            ("a=b%20IHsiYWxnIjoiMSJ9.e30.x", "a=***"),
            ("a=keyIndex.html", "a=keyIndex.html"),
            (
                "a=Bearer%0Aopaque&b=bearer%0D%0Ax&c=Basic%C2%A0x",
                "a=***&b=***&c=***",
            ),
            ("a=https://u:PW/x@h/", "a=***"),
            ("a=https://h/u@x", "a=https://h/u@x"),
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
            ("/v3/packages;password=a/b", "/v3/***"),
            ("/v3/Basic%20YWRt/dGVyMg==", "/v3/***"),
            ("/v3/Bearer%0Aopaque", "/v3/***"),
            ("/v3/IHsiYWxnIjoiMSJ9.e30.x/y", "/v3/***/y"),
            ("/http:/user:pw@host/v3", "/http:/***/v3"),
            ("/https://u:PW/x@h/v3", "/https://***/v3"),
            ("/https%3A//u%3APW/x%40h/v3", "/https%3A//***/v3"),
            ("/v3/a:b", "/v3/a:b"),
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
