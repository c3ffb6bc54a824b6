//! The HTTP client: certificates, proxies, time-outs.

use std::env;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::CertificateError;
use rustls::crypto::ring;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Error, Proxy};

use super::RecordError;
use super::origin::ApiUrl;
use crate::error_text::os_error;

/// What requests are sent with.
const USER_AGENT: &str = concat!("cf-packages/", env!("CARGO_PKG_VERSION"));
/// How long it may take to find an address, and to connect to it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a server may take for the first byte of an answer. A page of 5,000 resources takes long.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);
/// How long the rest of the answer may take.
const BODY_TIMEOUT: Duration = Duration::from_secs(600);

/// Which certificates are trusted: those of the system and of a file, or all.
#[derive(Clone, Debug)]
pub struct Tls {
    skip_validation: bool,
    roots: RootCerts,
}

impl Tls {
    /// Trusts the certificate authorities of the system (`SSL_CERT_FILE`, `SSL_CERT_DIR`) and those of `ca_cert`, a file in
    /// PEM.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read or holds no certificate.
    pub fn new(skip_validation: bool, ca_cert: Option<&Path>) -> Result<Self, RecordError> {
        if skip_validation {
            return Ok(Self {
                skip_validation,
                roots: Vec::new().into(),
            });
        }
        let mut certificates: Vec<Certificate<'static>> = rustls_native_certs::load_native_certs()
            .certs
            .iter()
            .map(|certificate| Certificate::from_der(certificate).to_owned())
            .collect();
        if let Some(path) = ca_cert {
            certificates.extend(certificates_of(path)?);
        }
        Ok(Self {
            skip_validation,
            roots: certificates.into(),
        })
    }

    /// Trusts every certificate, as the login of `cf` says.
    pub fn without_validation(self) -> Self {
        Self {
            skip_validation: true,
            ..self
        }
    }

    /// Returns a client for requests to the host of `url`. It follows no redirects.
    pub(super) fn agent(&self, url: &ApiUrl) -> Result<Agent, RecordError> {
        let tls = TlsConfig::builder()
            .disable_verification(self.skip_validation)
            .root_certs(self.roots.clone())
            .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
            .build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .proxy(proxy_for(url)?)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(USER_AGENT)
            .accept("application/json")
            .timeout_resolve(Some(CONNECT_TIMEOUT))
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_recv_response(Some(ANSWER_TIMEOUT))
            .timeout_recv_body(Some(BODY_TIMEOUT))
            .build();
        Ok(config.new_agent())
    }
}

fn certificates_of(path: &Path) -> Result<Vec<Certificate<'static>>, RecordError> {
    let failed = |text: &str| {
        RecordError::Failed(format!(
            "`{}` of `--ca-cert` {text}; name a file of certificates in PEM",
            path.display()
        ))
    };
    let pem = std::fs::read(path)
        .map_err(|error| failed(&format!("cannot be read: {}", os_error(&error))))?;
    let mut certificates = Vec::new();
    for item in parse_pem(&pem) {
        match item {
            Ok(PemItem::Certificate(certificate)) => certificates.push(certificate),
            Ok(_) => {}
            Err(_) => return Err(failed("is not PEM")),
        }
    }
    if certificates.is_empty() {
        return Err(failed("holds no certificate"));
    }
    Ok(certificates)
}

/// Returns the proxy of the environment for `https` URLs, as `cf` and `curl` take it: `https_proxy` or `HTTPS_PROXY`, unless
/// `no_proxy` or `NO_PROXY` names the host. Requests to this computer, and those of `http` URLs, use none.
fn proxy_for(url: &ApiUrl) -> Result<Option<Proxy>, RecordError> {
    let variable = |names: [&str; 2]| {
        let values = names.into_iter().filter_map(|name| env::var(name).ok());
        let mut values = values.filter(|value| !value.is_empty());
        values.next()
    };
    if !url.is_encrypted() || url.is_local() {
        return Ok(None);
    }
    if is_excluded(
        url.host(),
        &variable(["no_proxy", "NO_PROXY"]).unwrap_or_default(),
    ) {
        return Ok(None);
    }
    let Some(proxy) = variable(["https_proxy", "HTTPS_PROXY"]) else {
        return Ok(None);
    };
    // The value may hold a password.
    let proxy = Proxy::new(&proxy).map_err(|_| {
        RecordError::Failed(
            "the proxy in `https_proxy` is not a URL such as `http://proxy.example.org:3128`; correct it, or unset it"
                .into(),
        )
    })?;
    Ok(Some(proxy))
}

/// Whether a list of hosts and domains, separated by commas, names the host. `*` names all.
fn is_excluded(host: &str, list: &str) -> bool {
    list.split(',').map(str::trim).any(|entry| {
        let entry = entry.trim_start_matches("*.").trim_start_matches('.');
        let entry = entry.to_ascii_lowercase();
        if entry.is_empty() {
            return false;
        }
        let is_below = host
            .strip_suffix(&entry)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        entry == "*" || is_below
    })
}

/// Returns what is wrong with the certificate of a server and what to do, if that is the error.
pub(super) fn certificate_fault(error: &Error) -> Option<String> {
    const SKIP: &str = "`--skip-ssl-validation` accepts it";
    let error = match error {
        Error::Rustls(error) => error,
        Error::Io(error) => error.get_ref()?.downcast_ref::<rustls::Error>()?,
        _ => return None,
    };
    let rustls::Error::InvalidCertificate(fault) = error else {
        return None;
    };
    Some(match fault {
        // The signature is bad if a trusted authority has the same name and another key.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => format!(
            "no authority that is trusted has signed its certificate; name the certificate of the authority with `--ca-cert FILE`, or {SKIP}"
        ),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            format!("its certificate has expired; {SKIP}")
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("its certificate is for another host; {SKIP}")
        }
        // The only word for it is in the text of this error.
        other if format!("{other:?}").contains("CaUsedAsEndEntity") => format!(
            "its certificate is one of an authority (`CA:TRUE`), which may only sign those of servers; make it with `openssl req -x509 … -addext basicConstraints=critical,CA:FALSE`, or {SKIP}"
        ),
        other => format!("its certificate is not valid ({other:?}); {SKIP}"),
    })
}

/// Whether a body is larger than its limit.
pub(super) fn is_too_large(error: &Error) -> bool {
    match error {
        Error::BodyExceedsLimit(_) => true,
        Error::Io(error) => {
            error.kind() == io::ErrorKind::Other && error.to_string().contains("limit")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_of_hosts_without_a_proxy_names_domains_too() {
        for list in [
            "*",
            "api.example.org",
            "example.org",
            ".example.org",
            "x, *.Example.org",
        ] {
            assert!(is_excluded("api.example.org", list), "{list}");
        }
        for list in ["", ",", "ample.org", "api.example.org.test", "example.com"] {
            assert!(!is_excluded("api.example.org", list), "{list}");
        }
    }

    #[test]
    fn file_without_a_certificate_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        std::fs::write(&path, "no certificate").unwrap();
        for (path, said) in [
            (path.as_path(), "holds no certificate"),
            (Path::new("/no/such/ca.pem"), "cannot be read"),
        ] {
            let error = Tls::new(false, Some(path)).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
