//! What hrefs begin with.

use std::fmt;

/// The longest path prefix of hrefs, in bytes.
const MAX_PREFIX: usize = 255;

/// What hrefs begin with, without a slash at the end: scheme and host, and the path prefix below which a proxy serves the
/// API, if there is one: `http://127.0.0.1:8080`, `https://example.org/packages`. Where hrefs are relative, the prefix alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BaseUrl(pub String);

impl BaseUrl {
    /// Parses `http://HOST` or `https://HOST:PORT/PREFIX`. Returns `None` for anything else, such as a URL with a query.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let is_url = ["http", "https"].contains(&scheme) && !host.is_empty() && is_authority(host);
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
        ] {
            assert_eq!(BaseUrl::parse(text), None, "{text}");
        }
        assert_eq!(path_prefix("p"), None);
        assert_eq!(path_prefix(&"/p".repeat(128)), None);
    }
}
