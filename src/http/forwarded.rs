//! What a proxy says about its client and the URL that the client requested: `Forwarded`
//! ([RFC 7239](https://www.rfc-editor.org/rfc/rfc7239)), `X-Forwarded-For`, `X-Forwarded-Proto`, `X-Forwarded-Host` and
//! `X-Forwarded-Prefix`. Read only with `--trust-proxy`.
//!
//! Of a list, the last element counts: the proxy next to the server has appended it. A client can send the others. Empty
//! elements are ignored.

use std::net::{IpAddr, SocketAddr};

use warp::http::HeaderMap;
use warp::http::header::{self, HeaderName, HeaderValue};

use crate::edition::{is_host_and_port, path_prefix};
use crate::error::ApiError;

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");

/// The parts of a requested URL that a proxy has named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Forwarded {
    /// `http` or `https`.
    pub scheme: Option<&'static str>,
    /// The host, and the port if it is not the scheme's own.
    pub host: Option<String>,
    /// The path prefix that the proxy has removed, without a slash at its end; empty if there is none.
    pub prefix: String,
}

impl Forwarded {
    /// Reads the headers of a request. An empty header counts as missing.
    ///
    /// # Errors
    ///
    /// Fails with `Refused` if a header is malformed, or if `Forwarded` contradicts one of the others.
    pub fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        let prefix = last(headers, &PREFIX)?.unwrap_or_default();
        let prefix =
            path_prefix(prefix).ok_or_else(|| wrong(&PREFIX, "a path, such as `/packages`"))?;
        let scheme = last(headers, &PROTO)?
            .map(|text| scheme(text).ok_or_else(|| wrong(&PROTO, "`http` or `https`")));
        let host = last(headers, &HOST)?.map(|text| {
            host(text).ok_or_else(|| wrong(&HOST, "a host, such as `api.example.org`"))
        });
        let standard = Element::of(headers)?;
        Ok(Self {
            scheme: agree(scheme.transpose()?, standard.scheme, &PROTO)?,
            host: agree(host.transpose()?, standard.host, &HOST)?,
            prefix: prefix.to_owned(),
        })
    }
}

/// Returns the address of the proxy's client. `None` if the headers name no address: a proxy may name it as `unknown`.
pub(super) fn client(headers: &HeaderMap) -> Option<IpAddr> {
    let standard = Element::of(headers).ok()?;
    let of_header = || address(last(headers, &FOR).ok()??);
    standard.client.or_else(of_header)
}

/// The parameters of the last element of `Forwarded`.
#[derive(Debug, Default)]
struct Element {
    client: Option<IpAddr>,
    scheme: Option<&'static str>,
    host: Option<String>,
}

impl Element {
    fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        let values = headers.get_all(header::FORWARDED).iter();
        // RFC 9110 §5.3: several headers are one list.
        let whole = values
            .map(HeaderValue::to_str)
            .collect::<Result<Vec<_>, _>>();
        whole
            .ok()
            .and_then(|values| Self::parse(&values.join(",")))
            .ok_or_else(|| {
                wrong(
                    &header::FORWARDED,
                    "a list as RFC 7239 defines it, such as `proto=https;host=api.example.org`",
                )
            })
    }

    /// Parses the last element of a list. A value may hold a colon without being quoted, as many proxies send it.
    fn parse(list: &str) -> Option<Self> {
        let mut element = Self::default();
        let last = split(list, ',')?
            .into_iter()
            .rfind(|text| !text.trim().is_empty());
        let Some(last) = last else {
            return Some(element);
        };
        let mut names = Vec::new();
        for pair in split(last, ';')? {
            if pair.trim().is_empty() {
                continue;
            }
            let (name, value) = pair.split_once('=')?;
            let name = name.trim().to_ascii_lowercase();
            let value = unquoted(value.trim())?;
            if name.is_empty() || names.contains(&name) {
                return None;
            }
            match name.as_str() {
                "for" => element.client = address(&value),
                "proto" => element.scheme = Some(scheme(&value)?),
                "host" => element.host = Some(host(&value)?),
                _ => {}
            }
            names.push(name);
        }
        Some(element)
    }
}

/// Returns the last element of the list that the headers of that name are together; `None` if there is none. Empty elements
/// are ignored (RFC 9110 §5.6.1.2).
fn last<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, ApiError> {
    for value in headers.get_all(name).iter().rev() {
        let text = value
            .to_str()
            .map_err(|_| wrong(name, "visible ASCII characters"))?;
        let mut elements = text.rsplit(',').map(str::trim);
        if let Some(last) = elements.find(|element| !element.is_empty()) {
            return Ok(Some(last));
        }
    }
    Ok(None)
}

fn scheme(text: &str) -> Option<&'static str> {
    ["http", "https"]
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(text))
}

/// Returns an address, which may have a port or brackets (RFC 7239 §6).
fn address(text: &str) -> Option<IpAddr> {
    let without_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let with_port = || Some(text.parse::<SocketAddr>().ok()?.ip());
    text.parse()
        .ok()
        .or_else(with_port)
        .or_else(without_brackets)
}

fn host(text: &str) -> Option<String> {
    is_host_and_port(text).then(|| text.to_ascii_lowercase())
}

/// Returns the value that both headers name, or the only one.
fn agree<T: PartialEq>(
    value: Option<T>,
    standard: Option<T>,
    name: &HeaderName,
) -> Result<Option<T>, ApiError> {
    match (value, standard) {
        (Some(value), Some(standard)) if value != standard => Err(ApiError::Refused(format!(
            "The headers `Forwarded` and `{}` contradict each other",
            title(name)
        ))),
        (value, standard) => Ok(value.or(standard)),
    }
}

/// Splits at `separator` outside of quoted strings. Returns `None` if a quoted string has no end.
fn split(text: &str, separator: char) -> Option<Vec<&str>> {
    let (mut parts, mut start) = (Vec::new(), 0);
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (at, character) in text.char_indices() {
        if is_escaped {
            is_escaped = false;
        } else if character == '"' {
            is_quoted = !is_quoted;
        } else if is_quoted {
            is_escaped = character == '\\';
        } else if character == separator {
            parts.push(&text[start..at]);
            start = at + 1;
        }
    }
    parts.push(&text[start..]);
    (!is_quoted).then_some(parts)
}

/// Returns the content of a quoted string, or the text if it is not quoted.
fn unquoted(text: &str) -> Option<String> {
    let Some(quoted) = text.strip_prefix('"') else {
        return (!text.is_empty() && !text.contains('"')).then(|| text.to_owned());
    };
    let mut content = String::new();
    let mut characters = quoted.strip_suffix('"')?.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => content.push(characters.next()?),
            '"' => return None,
            _ => content.push(character),
        }
    }
    Some(content)
}

fn wrong(name: &HeaderName, expected: &str) -> ApiError {
    ApiError::Refused(format!("The header `{}` must be {expected}", title(name)))
}

/// Returns the name as it is usually written.
fn title(name: &HeaderName) -> &'static str {
    match name.as_str() {
        "x-forwarded-proto" => "X-Forwarded-Proto",
        "x-forwarded-host" => "X-Forwarded-Host",
        "x-forwarded-prefix" => "X-Forwarded-Prefix",
        _ => "Forwarded",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &[(HeaderName, &str)]) -> Result<Forwarded, String> {
        let headers = headers.iter().map(|(name, value)| {
            (
                name.clone(),
                HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            )
        });
        Forwarded::of(&headers.collect()).map_err(|error| match error {
            ApiError::Refused(text) => text,
            other => panic!("{other:?}"),
        })
    }

    fn forwarded(scheme: Option<&'static str>, host: Option<&str>, prefix: &str) -> Forwarded {
        Forwarded {
            scheme,
            host: host.map(str::to_owned),
            prefix: prefix.to_owned(),
        }
    }

    #[test]
    fn last_address_is_that_of_the_client() {
        for (name, value, expected) in [
            (FOR, "203.0.113.7", Some("203.0.113.7")),
            (FOR, "198.51.100.1, 203.0.113.7:4711", Some("203.0.113.7")),
            (FOR, "2001:db8::1", Some("2001:db8::1")),
            (FOR, "203.0.113.7, unknown", None),
            (
                header::FORWARDED,
                "for=198.51.100.1, for=203.0.113.7;proto=https",
                Some("203.0.113.7"),
            ),
            (
                header::FORWARDED,
                "for=\"[2001:db8::1]:4711\"",
                Some("2001:db8::1"),
            ),
            (
                header::FORWARDED,
                "for=\"[2001:db8::1]\"",
                Some("2001:db8::1"),
            ),
            (header::FORWARDED, "for=_hidden", None),
        ] {
            let value = HeaderValue::from_static(value);
            let headers = HeaderMap::from_iter([(name, value.clone())]);
            let expected = expected.map(|text| text.parse().unwrap());
            assert_eq!(client(&headers), expected, "{value:?}");
        }
    }

    #[test]
    fn last_element_of_each_header_counts() {
        assert_eq!(read(&[]), Ok(Forwarded::default()));
        let expected = forwarded(Some("https"), Some("a.example:8443"), "/p/q");
        for headers in [
            vec![
                (PROTO, "https"),
                (HOST, "A.example:8443"),
                (PREFIX, "/p/q/"),
            ],
            vec![
                (PROTO, "http, HTTPS"),
                (HOST, "evil.example, a.example:8443"),
                (PREFIX, "/evil,/p/q"),
            ],
            vec![
                (PROTO, "http"),
                (PROTO, "https"),
                (HOST, "evil.example"),
                (HOST, "a.example:8443"),
                (PREFIX, "/p/q"),
            ],
            vec![
                (
                    header::FORWARDED,
                    "for=1.2.3.4;proto=https;host=\"a.example:8443\"",
                ),
                (PREFIX, "/p/q"),
            ],
            vec![
                (
                    header::FORWARDED,
                    "host=evil.example;proto=http, Proto=https;HOST=a.example:8443",
                ),
                (PREFIX, "/p/q"),
            ],
            vec![
                (header::FORWARDED, "host=evil.example"),
                (
                    header::FORWARDED,
                    " proto=HTTPS ; host=\"a\\.example:8443\" ; ",
                ),
                (PREFIX, "/p/q"),
            ],
            vec![
                (
                    header::FORWARDED,
                    "for=\"a,b;c\\\"d\";proto=https;host=a.example:8443,",
                ),
                (PREFIX, "/p/q"),
            ],
            vec![
                (PROTO, "https,"),
                (HOST, "evil.example, a.example:8443 , ,"),
                (PREFIX, "/p/q"),
                (PREFIX, ", "),
            ],
            vec![
                (header::FORWARDED, "proto=https"),
                (PROTO, "https"),
                (HOST, "a.example:8443"),
                (PREFIX, "/p/q"),
            ],
        ] {
            assert_eq!(read(&headers).as_ref(), Ok(&expected), "{headers:?}");
        }
        let nothing = [
            (PROTO, ""),
            (HOST, " , ,"),
            (PREFIX, "/"),
            (header::FORWARDED, ""),
        ];
        assert_eq!(read(&nothing), Ok(Forwarded::default()));
        assert_eq!(read(&[(PREFIX, "/p")]), Ok(forwarded(None, None, "/p")));
        assert_eq!(
            read(&[(header::FORWARDED, "for=unknown")]),
            Ok(Forwarded::default())
        );
    }

    #[test]
    fn malformed_header_is_refused_by_name() {
        for (name, values) in [
            (PROTO, &["ftp", "https://", "https, wss", "\u{e9}"][..]),
            (
                HOST,
                &[
                    "a b",
                    "a/b",
                    "user@a",
                    "a:x",
                    "http://a",
                    "a, b/",
                    "[::1",
                    "\"a\"",
                    "a:99999",
                    "a:0",
                    "a:",
                    "a..b",
                    ".",
                    "10.0.0.256",
                ],
            ),
            (
                PREFIX,
                &[
                    "p",
                    "//",
                    "/../p",
                    "/p?q",
                    "/p#q",
                    "/%70",
                    "/p\"",
                    "/p q",
                    "https://a/p",
                ],
            ),
            (
                header::FORWARDED,
                &[
                    "https",
                    "proto=ftp",
                    "host=a/b",
                    "host=a:99999",
                    "host=\"a:\"",
                    "host=a..b",
                    "host=\"a",
                    "proto=https;proto=https",
                    "=a",
                    "host=",
                    "host=a\"b",
                    "for=\"a, proto=https",
                ],
            ),
        ] {
            for value in values {
                let error = read(&[(name.clone(), value)]).unwrap_err();
                let named = format!("The header `{}` must be ", title(&name));
                assert!(error.starts_with(&named), "{value}: {error}");
            }
        }
    }

    #[test]
    fn headers_that_contradict_each_other_are_refused() {
        for (name, value, standard) in [
            (PROTO, "http", "proto=https"),
            (HOST, "a.example", "host=b.example"),
        ] {
            let error = read(&[(name, value), (header::FORWARDED, standard)]).unwrap_err();
            assert!(error.contains("contradict each other"), "{error}");
        }
    }
}
