//! The page for browsers: `GET /` for clients that prefer HTML, and what it loads from `/ui/`. Both need no token and hold
//! no data: the page asks the API, with the token of its viewer.
//!
//! The files in `src/http/ui/` are part of the program. Nothing builds them.

use std::sync::{Arc, LazyLock, OnceLock};

use bytes::Bytes;
use serde::Serialize;
use warp::http::StatusCode;
use warp::http::header::{self, HeaderName, HeaderValue};
use xxhash_rust::xxh3::xxh3_128;

use super::compression::{self, weight};
use super::respond::unchanged;
use super::{Request, Response, info, response};
use crate::clock;
use crate::error::ApiError;
use crate::listing::response_cache::Coding;
use crate::service::{AdminApi, Authentication, Service};

/// What the page may load and send: its own files, and requests to its own server. No inline script or style runs
/// (<https://www.w3.org/TR/CSP3/>).
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);
const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");
/// A browser asks each time whether a file is still the same: the next version of the program has other ones.
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// The headers of requests that a response of `/` depends on.
const VARY: HeaderValue = HeaderValue::from_static("Accept, Accept-Encoding");

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const CSS: HeaderValue = HeaderValue::from_static("text/css; charset=utf-8");
const SCRIPT: HeaderValue = HeaderValue::from_static("text/javascript; charset=utf-8");
const SVG: HeaderValue = HeaderValue::from_static("image/svg+xml");

/// The file that `GET /` answers with.
const PAGE: &str = "index.html";

/// Returns the name and the content of these files of `src/http/ui/`.
macro_rules! files {
    ($($name:literal)*) => {
        [$(($name, include_bytes!(concat!("ui/", $name)).as_slice())),*]
    };
}

/// The files of the page, by name.
static FILES: LazyLock<Vec<File>> = LazyLock::new(|| {
    files!(
        "index.html" "style.css" "icon.svg" "theme.js" "main.js" "admin.js" "admin_requests.js" "api.js" "bits.js"
        "changes.js" "charts.js" "commands.js" "detail.js" "dom.js" "filters.js" "format.js" "list.js" "parents.js"
        "session.js" "sign_in.js" "zip.js"
    )
    .map(|(name, content)| File::new(name, content))
    .into()
});

/// One file of the page.
struct File {
    name: &'static str,
    content_type: HeaderValue,
    content: &'static [u8],
    /// The strong entity tags (RFC 9110 §8.8.3): that of the file as it is, and that of the file in gzip.
    tags: [String; 2],
    /// The file in gzip, once a client has asked for it; `None` if that is not shorter.
    in_gzip: OnceLock<Option<Bytes>>,
}

impl File {
    fn new(name: &'static str, content: &'static [u8]) -> Self {
        let hash = xxh3_128(content);
        Self {
            name,
            content_type: match name.rsplit_once('.') {
                Some((_, "html")) => HTML,
                Some((_, "css")) => CSS,
                Some((_, "svg")) => SVG,
                _ => SCRIPT,
            },
            content,
            tags: [format!("\"{hash:032x}\""), format!("\"{hash:032x}-gzip\"")],
            in_gzip: OnceLock::new(),
        }
    }

    fn named(name: &str) -> Result<&'static Self, ApiError> {
        let file = FILES.iter().find(|file| file.name == name);
        file.ok_or(ApiError::UnknownRequest)
    }

    /// Returns the file, or 304 if the client has it.
    fn respond(&self, request: &Request) -> Response {
        let in_gzip = match compression::preferred(request) {
            Coding::Identity => None,
            Coding::Gzip => self
                .in_gzip
                .get_or_init(|| compression::gzip(self.content))
                .clone(),
        };
        let known = unchanged(request, &self.tags);
        let tag = known.unwrap_or(&self.tags[usize::from(in_gzip.is_some())]);
        let tag = HeaderValue::from_str(tag)
            .expect("an entity tag is hexadecimal digits and a word in quotes");
        let mut response = Response::default();
        if known.is_some() {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        } else {
            let coding = match in_gzip {
                None => Coding::Identity,
                Some(_) => Coding::Gzip,
            };
            let body = in_gzip.unwrap_or(Bytes::from_static(self.content));
            *response.body_mut() = body.into();
            response::note_coding(&mut response, coding);
            response
                .headers_mut()
                .insert(header::CONTENT_TYPE, self.content_type.clone());
        }
        let headers = response.headers_mut();
        for (name, value) in [
            (header::ETAG, tag),
            (header::CACHE_CONTROL, NO_CACHE),
            (header::VARY, response::ACCEPT_ENCODING),
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::REFERRER_POLICY, NO_REFERRER),
        ] {
            headers.insert(name, value);
        }
        response
    }
}

/// `GET /`: the page if the client prefers HTML, else what the edition answers.
pub(super) async fn root(service: Arc<Service>, request: Request) -> Result<Response, ApiError> {
    let mut response = if prefers_html(&request) {
        File::named(PAGE)?.respond(&request)
    } else {
        match info::root(service.clone(), request.clone()).await {
            Ok(response) => response,
            Err(error) => response::error(&service, &request, &error),
        }
    };
    response.headers_mut().insert(header::VARY, VARY);
    Ok(response)
}

/// `GET /ui/:name`: a file that the page loads. The page itself is at `/` only, since its addresses are relative.
pub(super) async fn file(
    _: Arc<Service>,
    request: Request,
    name: String,
) -> Result<Response, ApiError> {
    if name == PAGE {
        return Err(ApiError::UnknownRequest);
    }
    Ok(File::named(&name)?.respond(&request))
}

/// `GET /ui/config`: what the page has to know before it sends a request.
pub(super) async fn config(service: Arc<Service>, _: Request) -> Result<Response, ApiError> {
    let config = Config {
        edition: service.edition.to_string(),
        authentication: match (&service.authentication, &service.login) {
            (Authentication::As(_), _) => "none",
            (_, Some(_)) => "login",
            (_, None) => "token",
        },
        admin_api: service.admin_api != AdminApi::Off,
        time: clock::format(service.clock.now()),
        time_stands_still: service.clock.stands_still(),
    };
    let document =
        serde_json::to_vec(&config).map_err(|error| ApiError::Internal(error.to_string()))?;
    let mut response = response::json(200, document);
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, NO_STORE);
    Ok(response)
}

#[derive(Serialize)]
struct Config {
    edition: String,
    /// `none`, `login` or `token`.
    authentication: &'static str,
    admin_api: bool,
    /// By the server's clock.
    time: String,
    time_stands_still: bool,
}

/// Whether a path is one of the page's own. Fault rules, delays and the records of requests are about the API only.
pub(super) fn is_own_path(service: &Service, path: &str) -> bool {
    service.ui && path.starts_with("/ui/")
}

/// Whether the client names HTML in `Accept`, and prefers it to JSON
/// ([RFC 9110 §12.5.1](https://www.rfc-editor.org/rfc/rfc9110#section-12.5.1)). `*/*` names nothing: clients of the API send it.
fn prefers_html(request: &Request) -> bool {
    let (mut html, mut json) = (0.0, None);
    let mut others = (0.0, 0);
    for value in request.headers(HeaderName::from_static("accept")) {
        for range in str::from_utf8(value).unwrap_or_default().split(',') {
            let (name, parameters) = range.split_once(';').unwrap_or((range, ""));
            let weight = weight(parameters);
            match name.trim().to_ascii_lowercase().as_str() {
                "text/html" => html = weight,
                "application/json" => json = Some(weight),
                // The more specific range decides.
                "application/*" => others = (weight, 2),
                "*/*" if others.1 < 2 => others = (weight, 1),
                _ => {}
            }
        }
    }
    html > json.unwrap_or(others.0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use warp::http::{HeaderMap, Method};

    use super::*;
    use crate::http::forwarded::Forwarded;

    fn prefers(accept: &'static str) -> bool {
        let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
        let (id, uri) = (HeaderValue::from_static("id"), "/".parse().unwrap());
        let (method, forwarded) = (Method::GET, Forwarded::default());
        prefers_html(&Request::new(
            method, uri, headers, id, None, forwarded, None,
        ))
    }

    #[test]
    fn html_is_for_clients_that_name_it_and_prefer_it() {
        for accept in [
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
            "text/html",
            "TEXT/HTML; charset=utf-8",
            "application/json;q=0.9, text/html",
            "*/*;q=0.1, text/html;q=0.2",
            "*/*, application/*;q=0.5, text/html;q=0.6",
        ] {
            assert!(prefers(accept), "{accept}");
        }
        for accept in [
            "",
            "*/*",
            "application/json",
            "application/json, text/plain, */*",
            "application/json, text/html",
            "text/html, */*",
            "text/html;q=0",
            "text/html;q=0.5, application/json",
            "text/*",
            "text/htmlx",
            "application/xhtml+xml",
        ] {
            assert!(!prefers(accept), "{accept}");
        }
    }

    #[test]
    fn each_file_of_the_folder_is_served() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/ui");
        let in_folder: BTreeSet<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let served: BTreeSet<_> = FILES.iter().map(|file| file.name.to_owned()).collect();
        assert_eq!(served, in_folder);
    }

    /// The names of the modules in an `import` are checked by no compiler.
    #[test]
    fn modules_import_only_what_is_served() {
        for file in FILES.iter() {
            let text = str::from_utf8(file.content).unwrap();
            for (_, rest) in text
                .match_indices("from './")
                .map(|(at, found)| text.split_at(at + found.len()))
            {
                let name = rest.split('\'').next().unwrap();
                assert!(File::named(name).is_ok(), "{} imports {name}", file.name);
            }
        }
    }
}
