//! The URL of an API, and which other URLs are of the same server.

use std::fmt;

use ureq::http::Uri;

use super::RecordError;

/// The URL of the API of a controller: scheme, host, port, and perhaps a path below which a proxy serves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiUrl {
    text: String,
    origin: Origin,
}

/// Scheme, host in lower case, and port. A token is sent only to the origin for which it is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Origin {
    is_encrypted: bool,
    host: String,
    port: u16,
}

impl Origin {
    fn of(url: &str) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        let is_encrypted = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let authority = uri.authority()?;
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return None;
        }
        Some(Self {
            is_encrypted,
            host: authority.host().to_ascii_lowercase(),
            port: match authority.port() {
                Some(port) => port.as_str().parse().ok()?,
                None if is_encrypted => 443,
                None => 80,
            },
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_encrypted { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.host)?;
        match (self.is_encrypted, self.port) {
            (true, 443) | (false, 80) => Ok(()),
            (_, port) => write!(f, ":{port}"),
        }
    }
}

impl ApiUrl {
    /// Parses `https://HOST[:PORT][/PREFIX]`.
    ///
    /// # Errors
    ///
    /// Fails with wrong usage if the text is not such a URL, or holds a user, a query or a fragment, in which a secret may
    /// be.
    pub fn parse(text: &str) -> Result<Self, RecordError> {
        let usage = |text: String| RecordError::Usage(text);
        let authority = text.split_once("://").map(|(_, rest)| rest);
        let authority = authority.and_then(|rest| rest.split(['/', '?', '#']).next());
        if authority.is_some_and(|authority| authority.contains('@')) {
            return Err(usage(
                "the URL of the API must hold neither a user nor a password; give the token with `--token-file`".into(),
            ));
        }
        if text.contains(['?', '#']) {
            return Err(usage(
                "the URL of the API must have neither a query nor a fragment; give the token with `--token-file`".into(),
            ));
        }
        let trimmed = text.trim_end_matches('/');
        match Origin::of(trimmed) {
            Some(origin) => Ok(Self {
                text: trimmed.to_owned(),
                origin,
            }),
            None if !text.contains("://") && !text.is_empty() => Err(usage(format!(
                "`{text}` has no scheme; give the URL of the API, such as `https://{text}`"
            ))),
            None => Err(usage(format!(
                "`{text}` is not the URL of an API; give one such as `https://api.example.org`"
            ))),
        }
    }

    /// Returns the text, without a slash at the end.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether requests are encrypted, or do not leave this computer.
    pub(super) fn is_private(&self) -> bool {
        self.origin.is_encrypted || self.is_local()
    }

    /// Whether the host is this computer.
    pub(super) fn is_local(&self) -> bool {
        let host = self.origin.host.trim_matches(['[', ']']);
        host == "localhost"
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.origin.is_encrypted
    }

    pub(super) fn host(&self) -> &str {
        &self.origin.host
    }

    /// Whether another URL has the same scheme, host and port.
    pub(super) fn has_origin_of(&self, url: &str) -> bool {
        Origin::of(url).as_ref() == Some(&self.origin)
    }

    /// Returns the absolute URL of an href, which may be a path.
    ///
    /// # Errors
    ///
    /// Fails with where the href leads if that is not this origin.
    pub(super) fn resolve(&self, href: &str) -> Result<String, Elsewhere> {
        let url = match href.starts_with('/') && !href.starts_with("//") {
            true => format!("{}{href}", self.origin),
            false => href.to_owned(),
        };
        match Origin::of(&url) {
            Some(origin) if origin == self.origin => Ok(url),
            Some(origin) => Err(Elsewhere::Origin(origin.to_string())),
            None => Err(Elsewhere::NoUrl),
        }
    }
}

/// Where an href leads that is not of an API.
#[derive(Debug)]
pub(super) enum Elsewhere {
    /// To another scheme, host or port.
    Origin(String),
    /// It is no URL.
    NoUrl,
}

impl fmt::Display for ApiUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_scheme_host_and_port_are_the_same_origin() {
        let api = ApiUrl::parse("https://API.example.org/prefix/").unwrap();
        assert_eq!(api.as_str(), "https://API.example.org/prefix");
        for same in [
            "https://api.example.org/v3/apps?page=2",
            "https://api.example.org:443/v3/apps",
            "/v3/apps?page=2",
        ] {
            assert!(api.resolve(same).is_ok(), "{same}");
        }
        for other in [
            "http://api.example.org/v3/apps",
            "https://api.example.org:8443/v3/apps",
            "https://example.org/v3/apps",
            "https://api.example.org.evil.test/v3/apps",
            "https://api.example.org@evil.test/v3/apps",
            "https://user@api.example.org/v3/apps",
            "//evil.test/v3/apps",
            "/v3/apps?page=2 HTTP/1.1",
            "ftp://api.example.org/",
            "v3/apps",
            "",
        ] {
            assert!(api.resolve(other).is_err(), "{other}");
        }
    }

    #[test]
    fn url_with_a_secret_is_refused_without_showing_it() {
        for url in [
            "https://user:s3cret@api.example.org",
            "https://api.example.org/?token=s3cret",
            "https://api.example.org#s3cret",
            "https://s3cret@api.example.org/@",
        ] {
            let error = ApiUrl::parse(url).unwrap_err().to_string();
            assert!(!error.contains("s3cret"), "{error}");
        }
        for url in [
            "",
            "api.example.org",
            "ftp://x",
            "https://",
            "https://a b",
            "https:///x",
        ] {
            assert!(ApiUrl::parse(url).is_err(), "{url}");
        }
    }
}
