//! What hrefs begin with.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The longest path prefix of hrefs, in bytes.
const MAX_PREFIX: usize = 255;
/// The longest name of a host, and the longest part of one between dots, in bytes (RFC 1035 §2.3.4).
const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;

/// What hrefs begin with, without a slash at the end: scheme and host, and the path prefix below which a proxy serves the
/// API, if there is one: `http://127.0.0.1:8080`, `https://example.org/packages`. Where hrefs are relative, the prefix alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BaseUrl(pub String);

impl BaseUrl {
    /// Parses `http://HOST` or `https://HOST:PORT/PREFIX`. Returns `None` for anything else, such as a URL with a query.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let is_url = ["http", "https"].contains(&scheme) && is_host_and_port(host);
        let prefix = path_prefix(path)?;
        is_url.then(|| Self([scheme, "://", host, prefix].concat()))
    }

    /// Returns the text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns scheme, host and port.
    pub fn origin(&self) -> &str {
        self.0.split_at(self.prefix_at()).0
    }

    /// Returns the path prefix, which is empty or begins with a slash.
    pub fn prefix(&self) -> &str {
        self.0.split_at(self.prefix_at()).1
    }

    fn prefix_at(&self) -> usize {
        let host_at = self.0.find("://").map_or(0, |at| at + "://".len());
        let host = &self.0[host_at..];
        host_at + host.find('/').unwrap_or(host.len())
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether `text` holds only the characters of a host name or address and a port, so that it is safe in an href.
pub fn is_authority(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".:-_[]".contains(&byte);
    text.bytes().all(is_allowed)
}

/// Whether `text` is the name or the address of a host, and perhaps a colon and a port from 1 to 65535.
pub fn is_host_and_port(text: &str) -> bool {
    // A colon inside brackets belongs to the address.
    let port_at = text.find(']').unwrap_or(0);
    let (host, port) = match text[port_at..].split_once(':') {
        Some((_, port)) => (&text[..text.len() - port.len() - 1], Some(port)),
        None => (text, None),
    };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_port = |port: &str| is_number(port) && port.parse::<u16>().is_ok_and(|port| port > 0);
    port.is_none_or(is_port) && {
        match host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
        {
            Some(address) => address.parse::<Ipv6Addr>().is_ok(),
            None => {
                let name = host.strip_suffix('.').unwrap_or(host);
                let last = name.rsplit('.').next().unwrap_or_default();
                // A name that ends in a number is an address (<https://url.spec.whatwg.org/#ends-in-a-number-checker>).
                name.len() <= MAX_NAME
                    && name.split('.').all(is_label)
                    && (!is_number(last) || name.parse::<Ipv4Addr>().is_ok())
            }
        }
    }
}

/// Whether `text` is one part of a host's name. Names in private networks may hold `_`.
fn is_label(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    (1..=MAX_LABEL).contains(&text.len()) && text.bytes().all(is_allowed)
}

/// Returns the path prefix that `text` names, without the slash at its end. Each segment is letters, digits, `.`, `_`, `~`
/// and `-`, and neither `.` nor `..`. Returns `None` for anything else.
pub fn path_prefix(text: &str) -> Option<&str> {
    let prefix = text.strip_suffix('/').unwrap_or(text);
    if prefix.is_empty() {
        return Some(prefix);
    }
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._~-".contains(&byte);
    let is_segment =
        |segment: &str| !["", ".", ".."].contains(&segment) && segment.bytes().all(is_allowed);
    let mut segments = prefix.strip_prefix('/')?.split('/');
    (prefix.len() <= MAX_PREFIX && segments.all(is_segment)).then_some(prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_is_an_origin_and_a_path_prefix() {
        for (text, origin, prefix) in [
            ("https://a.example", "https://a.example", ""),
            ("https://a.example/", "https://a.example", ""),
            ("http://a:8080/p", "http://a:8080", "/p"),
            ("http://[::1]:80/p/q.r/", "http://[::1]:80", "/p/q.r"),
            ("http://[::1]", "http://[::1]", ""),
            ("http://10.0.0.1:65535", "http://10.0.0.1:65535", ""),
            ("http://my_host.example./", "http://my_host.example.", ""),
        ] {
            let url = BaseUrl::parse(text).unwrap();
            assert_eq!((url.origin(), url.prefix()), (origin, prefix), "{text}");
            assert_eq!(url.as_str(), [origin, prefix].concat(), "{text}");
        }
        let relative = BaseUrl("/p".into());
        assert_eq!((relative.origin(), relative.prefix()), ("", "/p"));
        for text in [
            "",
            "a.example",
            "ftp://a.example",
            "https://",
            "https:///p",
            "https://a b",
            "https://user@a.example",
            "https://a.example//",
            "https://a.example/p//q",
            "https://a.example/p?q",
            "https://a.example/p#q",
            "https://a.example?q",
            "https://a.example/%70",
            "https://a.example/../p",
            "https://a.example/.",
            "https://a.example/p q",
            "https://a.example/\u{e9}",
            "https://a.example:",
            "https://a.example:0",
            "https://a.example:99999",
            "https://a.example:+1",
            "https://a:b:1",
            "https://:80",
            "https://.",
            "https://a..b/",
            "https://.a",
            "https://10.0.0.256",
            "https://[zz]",
            "https://[::1",
            "https://[::1]x",
            "https://[::1]:",
            "https://::1",
        ] {
            assert_eq!(BaseUrl::parse(text), None, "{text}");
        }
        assert_eq!(path_prefix("p"), None);
        assert_eq!(path_prefix(&"/p".repeat(128)), None);
    }
}
