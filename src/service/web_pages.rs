//! Which hosts a server answers for, and which web pages may use it.
//!
//! A browser lets every page send requests to a server on loopback. A page whose own name resolves to 127.0.0.1 (DNS
//! rebinding) could even read the responses; its requests name its host. A page of another origin cannot read them, but
//! could change data; the browser sends its `Origin` (<https://fetch.spec.whatwg.org/#origin-header>).

use std::net::IpAddr;

use crate::edition::BaseUrl;
use crate::error::ApiError;

/// The hosts that a server answers for, and the origins whose pages may use it.
#[derive(Clone, Debug, Default)]
pub struct WebPages {
    /// The names beside those of loopback; `None` means that the server answers for every host.
    hosts: Option<Vec<String>>,
    /// The origins whose pages may read responses.
    origins: Vec<String>,
    /// The server's own origin, if it is known.
    own_origin: Option<String>,
}

/// What is known of the page that sent a request.
#[derive(Clone, Copy, Debug, Default)]
pub struct PageHeaders<'a> {
    /// The host that the page requested.
    pub host: Option<&'a [u8]>,
    /// The scheme that the page requested. `None` if it is unknown: a proxy may speak another one than the server.
    pub scheme: Option<&'a str>,
    /// The `Origin` header.
    pub origin: Option<&'a [u8]>,
    /// The `Sec-Fetch-Site` header (<https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header>).
    pub fetch_site: Option<&'a [u8]>,
}

impl WebPages {
    /// Returns the rules of a server. If it `is_loopback` or any host is named, it answers only for the hosts of loopback,
    /// of its external URL, and for those that are named.
    pub fn new(
        is_loopback: bool,
        external_url: Option<&BaseUrl>,
        allowed_hosts: Vec<String>,
        origins: Vec<String>,
    ) -> Self {
        let own_origin = external_url.map(|url| without_default_port(url.origin()));
        let is_limited = is_loopback || !allowed_hosts.is_empty();
        let own_host = own_origin.as_deref().and_then(authority).and_then(name);
        Self {
            hosts: is_limited.then(|| allowed_hosts.into_iter().chain(own_host).collect()),
            origins,
            own_origin,
        }
    }

    /// Checks the `Host` of a request.
    ///
    /// # Errors
    ///
    /// Fails with `WrongHost` if the server does not answer for that host.
    pub fn check_host(&self, host: &[u8]) -> Result<(), ApiError> {
        let Some(hosts) = &self.hosts else {
            return Ok(());
        };
        let name = str::from_utf8(host).ok().and_then(name);
        if name
            .as_ref()
            .is_some_and(|name| is_loopback(name) || hosts.contains(name))
        {
            return Ok(());
        }
        Err(ApiError::WrongHost(name))
    }

    /// Checks that a request that changes something was not sent by a page of an origin that may not.
    ///
    /// # Errors
    ///
    /// Fails with `WrongOrigin` if it was.
    pub fn check_change(&self, page: PageHeaders<'_>) -> Result<(), ApiError> {
        let is_allowed = match (page.origin, page.fetch_site) {
            (Some(origin), _) => self.allowed_origin(origin).is_some() || self.is_own(origin, page),
            // A browser without `Origin` in such a request says at least where the page is.
            (None, Some(site)) => matches!(site, b"same-origin" | b"none"),
            (None, None) => true,
        };
        if is_allowed {
            return Ok(());
        }
        let origin = page.origin.and_then(|origin| str::from_utf8(origin).ok());
        Err(ApiError::WrongOrigin(
            origin.and_then(|origin| parse_origin(origin).ok()),
        ))
    }

    /// Returns the `Origin` of a request if its pages may read responses.
    pub fn allowed_origin<'o>(&self, origin: &'o [u8]) -> Option<&'o str> {
        let origin = str::from_utf8(origin).ok()?;
        self.origins
            .iter()
            .any(|allowed| allowed.eq_ignore_ascii_case(origin))
            .then_some(origin)
    }

    /// Returns whether responses depend on the `Origin` of their requests.
    pub fn depends_on_origin(&self) -> bool {
        !self.origins.is_empty()
    }

    /// Returns whether the origin is the server's own: that of its external URL, or the host that the page requested, in
    /// the same scheme if it is known.
    fn is_own(&self, origin: &[u8], page: PageHeaders<'_>) -> bool {
        let origin = str::from_utf8(origin).ok();
        let Some((scheme, authority)) = origin.and_then(|origin| origin.split_once("://")) else {
            return false;
        };
        if let Some((own_scheme, own)) = self
            .own_origin
            .as_deref()
            .and_then(|own| own.split_once("://"))
            && own.eq_ignore_ascii_case(authority)
        {
            return own_scheme.eq_ignore_ascii_case(scheme);
        }
        let is_host = |host: &[u8]| authority.as_bytes().eq_ignore_ascii_case(host);
        let is_scheme = |known: &str| known.eq_ignore_ascii_case(scheme);
        page.host.is_some_and(is_host) && page.scheme.is_none_or(is_scheme)
    }
}

/// Parses the value of `--allowed-host`: the name or address of a host, without a port.
///
/// # Errors
///
/// Fails if `text` is something else.
pub fn parse_host(text: &str) -> Result<String, String> {
    let host = text.to_ascii_lowercase();
    let is_address = text.parse::<IpAddr>().is_ok();
    match name(&host) {
        Some(name) if name == host => Ok(name),
        _ if is_address => Ok(format!("[{host}]")),
        _ => Err("expected the name of a host, as `packages.example.org`".to_owned()),
    }
}

/// Parses the value of `--allow-origin`: scheme, host and port, as browsers send it.
///
/// # Errors
///
/// Fails if `text` is something else. `*` is refused: every page could then read the data.
pub fn parse_origin(text: &str) -> Result<String, String> {
    let origin = text.strip_suffix('/').unwrap_or(text);
    let is_origin = origin.split_once("://").is_some_and(|(scheme, host)| {
        let is_scheme = |known: &str| known.eq_ignore_ascii_case(scheme);
        (is_scheme("http") || is_scheme("https")) && name(host).is_some()
    });
    match is_origin {
        true => Ok(origin.to_ascii_lowercase()),
        false => Err(
            "expected an origin of the scheme `http` or `https`, as `http://localhost:3000`"
                .to_owned(),
        ),
    }
}

/// Returns the origin as browsers send it: in lower case, without the port that its scheme has by default.
fn without_default_port(origin: &str) -> String {
    let mut origin = origin.to_ascii_lowercase();
    for (scheme, port) in [("http://", ":80"), ("https://", ":443")] {
        if origin.starts_with(scheme) && origin.ends_with(port) {
            origin.truncate(origin.len() - port.len());
        }
    }
    origin
}

fn authority(url: &str) -> Option<&str> {
    url.split_once("://").map(|(_, authority)| authority)
}

/// Returns the name in `NAME[:PORT]`, in lower case and without a dot at its end. An IPv6 address keeps its brackets.
fn name(authority: &str) -> Option<String> {
    let (name, port) = match authority.rsplit_once(':') {
        // A colon inside brackets belongs to the address.
        Some((name, port)) if !port.ends_with(']') => (name, port),
        _ => (authority, ""),
    };
    let bare = name.strip_suffix('.').unwrap_or(name);
    let is_name = match bare.strip_prefix('[') {
        Some(address) => address
            .strip_suffix(']')
            .is_some_and(|address| address.parse::<IpAddr>().is_ok()),
        None => {
            !bare.is_empty()
                && bare
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
        }
    };
    let is_valid = is_name && bare.len() <= 253 && port.bytes().all(|byte| byte.is_ascii_digit());
    is_valid.then(|| bare.to_ascii_lowercase())
}

fn is_loopback(name: &str) -> bool {
    let address = name.trim_start_matches('[').trim_end_matches(']');
    match address.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        // RFC 6761 §6.3.
        Err(_) => name == "localhost" || name.ends_with(".localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loopback() -> WebPages {
        WebPages::new(
            true,
            Some(&BaseUrl("https://api.example.org/prefix".into())),
            vec!["named.example".into(), "[2001:db8::1]".into()],
            vec!["http://localhost:3000".into()],
        )
    }

    #[test]
    fn server_on_loopback_answers_for_its_own_hosts() {
        for host in [
            "localhost",
            "LocalHost:8080",
            "a.localhost",
            "localhost.",
            "127.0.0.1:80",
            "127.9.8.7",
            "[::1]:8080",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "api.example.org",
            "API.example.org:443",
            "named.example:1",
            "[2001:db8::1]:80",
        ] {
            assert_eq!(loopback().check_host(host.as_bytes()), Ok(()), "{host}");
        }
        for host in [
            "",
            ":80",
            "evil.example",
            "localhost.evil.example",
            "evillocalhost",
            "128.0.0.1",
            "[::2]",
            "::1",
            "localhost:x",
            "x@localhost",
            "localhost, evil.example",
            "127.0.0.1.evil.example",
            "192.168.0.1:80",
        ] {
            assert!(loopback().check_host(host.as_bytes()).is_err(), "{host}");
        }
        let everywhere = WebPages::new(false, None, Vec::new(), Vec::new());
        assert_eq!(everywhere.check_host(b"evil.example"), Ok(()));
        let named = WebPages::new(false, None, vec!["named.example".into()], Vec::new());
        assert!(named.check_host(b"evil.example").is_err());
        assert_eq!(named.check_host(b"named.example:8080"), Ok(()));
    }

    #[test]
    fn only_pages_of_allowed_origins_may_change_data() {
        let check = |origin: Option<&str>, site: Option<&str>| {
            let page = PageHeaders {
                host: Some(b"127.0.0.1:8080"),
                scheme: None,
                origin: origin.map(str::as_bytes),
                fetch_site: site.map(str::as_bytes),
            };
            loopback().check_change(page).is_ok()
        };
        for (origin, site) in [
            (None, None),
            (None, Some("none")),
            (None, Some("same-origin")),
            (Some("http://127.0.0.1:8080"), Some("same-origin")),
            (Some("http://localhost:3000"), Some("cross-site")),
            (Some("https://api.example.org"), None),
        ] {
            assert!(check(origin, site), "{origin:?} {site:?}");
        }
        for (origin, site) in [
            (None, Some("cross-site")),
            (None, Some("same-site")),
            (Some("null"), None),
            (Some("http://evil.example"), None),
            (Some("http://evil.example"), Some("same-origin")),
            (Some("http://127.0.0.1:8081"), None),
            (Some("http://localhost:3001"), None),
            (Some("http://api.example.org"), None),
            (Some(""), None),
        ] {
            assert!(!check(origin, site), "{origin:?} {site:?}");
        }
    }

    #[test]
    fn page_of_the_own_host_in_another_scheme_is_another_origin() {
        let check = |external: Option<&str>, host: &str, scheme, origin: &str| {
            let external = external.map(|url| BaseUrl(url.into()));
            let page = PageHeaders {
                host: Some(host.as_bytes()),
                scheme,
                origin: Some(origin.as_bytes()),
                fetch_site: None,
            };
            WebPages::new(false, external.as_ref(), Vec::new(), Vec::new())
                .check_change(page)
                .is_ok()
        };
        let external = Some("https://a.example/p");
        for (external, host, scheme, origin) in [
            (None, "a.example", None, "https://a.example"),
            (None, "a.example", None, "http://a.example"),
            (None, "a.example", Some("https"), "https://a.example"),
            (None, "a.example", Some("https"), "HTTPS://A.example"),
            (external, "a.example", None, "https://a.example"),
            (external, "127.0.0.1:80", None, "https://a.example"),
            (external, "127.0.0.1:80", None, "http://127.0.0.1:80"),
            (
                Some("https://a.example:443"),
                "b",
                None,
                "https://a.example",
            ),
        ] {
            assert!(check(external, host, scheme, origin), "{host} {origin}");
        }
        for (external, host, scheme, origin) in [
            (None, "a.example", Some("https"), "http://a.example"),
            (None, "a.example", Some("http"), "https://a.example"),
            (external, "a.example", None, "http://a.example"),
            (external, "127.0.0.1:80", None, "http://a.example"),
            (
                Some("https://a.example:443"),
                "a.example",
                None,
                "http://a.example",
            ),
            (
                Some("http://a.example:80"),
                "a.example",
                None,
                "https://a.example",
            ),
        ] {
            assert!(!check(external, host, scheme, origin), "{host} {origin}");
        }
    }

    #[test]
    fn hosts_and_origins_are_parsed() {
        assert_eq!(parse_host("A.example"), Ok("a.example".into()));
        assert_eq!(parse_host("::1"), Ok("[::1]".into()));
        assert_eq!(parse_host("10.0.0.1"), Ok("10.0.0.1".into()));
        for text in ["", "a:80", "http://a", "a b", "*", "a/", "*.example"] {
            assert!(parse_host(text).is_err(), "{text}");
        }
        assert_eq!(parse_origin("http://A:3000/"), Ok("http://a:3000".into()));
        for text in ["", "*", "null", "a:80", "http://", "http://a/b", "://a"] {
            assert!(parse_origin(text).is_err(), "{text}");
        }
    }
}
