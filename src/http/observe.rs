//! What is known of a request once it is answered: for the log, for `GET /admin/requests`, and for the metrics.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use time::OffsetDateTime;
use time::format_description::FormatItem;
use time::macros::format_description;
use tracing::{debug, info};
use warp::http::uri::Uri;
use warp::http::{HeaderValue, Method};

use super::{DropConnection, Response, redact, ui};
use crate::log;
use crate::service::Service;
use crate::service::request_records::RequestRecord;

/// The longest text of a record, in bytes; longer ones are cut off.
const MAX_TEXT: usize = 8192;
/// The longest method and the longest guid of a caller in a record, in bytes.
const MAX_SHORT_TEXT: usize = 200;
const TIME: &[FormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// What handlers learn of a request. Each is set once.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// The target, with a normalized path.
    pub uri: OnceLock<Uri>,
    /// The request id.
    pub id: OnceLock<HeaderValue>,
    /// The path of the route that matched, such as `/v3/packages/:guid`.
    pub route: OnceLock<Arc<str>>,
    /// The guid of the caller.
    pub caller: OnceLock<String>,
    /// Why the token was refused.
    pub refusal: OnceLock<String>,
}

/// A request that is being answered.
#[derive(Debug)]
pub(super) struct Observation {
    pub notes: Arc<Notes>,
    method: Method,
    uri: Uri,
    time: OffsetDateTime,
    start: Instant,
}

impl Observation {
    /// Returns `None` if nothing observes requests.
    pub fn begin<B>(service: &Service, request: &hyper::Request<B>) -> Option<Self> {
        service.observes_requests().then(|| Self {
            notes: Arc::default(),
            method: request.method().clone(),
            uri: request.uri().clone(),
            time: OffsetDateTime::now_utc(),
            start: Instant::now(),
        })
    }

    /// Records the request. Must be called before the response is sent: a client may look for its request at once.
    pub fn end(self, service: &Service, result: &Result<Response, DropConnection>) {
        let took = self.start.elapsed();
        let notes = &self.notes;
        let path = notes.uri.get().unwrap_or(&self.uri).path();
        let status = result
            .as_ref()
            .ok()
            .map(|response| response.status().as_u16());
        if let Some(metrics) = &service.metrics {
            metrics.observe(self.method.as_str(), notes.route.get(), status, took);
        }
        let is_of_admin = path.starts_with("/admin/");
        let is_minor = path == "/healthz" || ui::is_own_path(service, path);
        let is_recorded = service.requests.is_some() && !is_of_admin && !is_minor;
        if !is_recorded && service.request_log.is_none() {
            return;
        }
        let query = self.uri.query().unwrap_or_default();
        let record = RequestRecord {
            time: self.time.format(TIME).unwrap_or_default(),
            method: shown(redact::word(self.method.as_str()), MAX_SHORT_TEXT),
            path: shown(&redact::path(path), MAX_TEXT),
            query: shown(&redact::query(path, query), MAX_TEXT),
            route: notes.route.get().map(|route| route.to_string()),
            status,
            milliseconds: (took.as_secs_f64() * 1e6).round() / 1e3,
            request_id: notes
                .id
                .get()
                .and_then(|id| id.to_str().ok())
                .unwrap_or_default()
                .to_owned(),
            caller: notes
                .caller
                .get()
                .map(|caller| shown(redact::word(caller), MAX_SHORT_TEXT)),
        };
        if let Some(format) = service.request_log {
            let refusal = notes.refusal.get().map(String::as_str);
            write(format, &record, refusal, is_minor);
        }
        if let Some(records) = service.requests.as_ref().filter(|_| is_recorded) {
            records.add(record);
        }
    }
}

/// Writes one line about a request. If it `is_minor`, the line has the level debug: health checks and files of the page are
/// many.
fn write(format: log::Format, record: &RequestRecord, refusal: Option<&str>, is_minor: bool) {
    let RequestRecord {
        method,
        path,
        query,
        status,
        milliseconds,
        request_id,
        caller,
        ..
    } = record;
    match format {
        log::Format::Text => {
            let mark = if query.is_empty() { "" } else { "?" };
            let status = status.map_or("dropped".into(), |status| status.to_string());
            let caller = caller.as_deref().unwrap_or("-");
            let (colon, refusal) = refusal.map_or(("", ""), |refusal| (": ", refusal));
            let line = format!(
                "{method} {path}{mark}{query} {status} {milliseconds:.1} ms {request_id} {caller}{colon}{refusal}"
            );
            match is_minor {
                true => debug!("{line}"),
                false => info!("{line}"),
            }
        }
        log::Format::Json if is_minor => debug!(
            method,
            path, query, status, milliseconds, request_id, caller, refusal, "request"
        ),
        log::Format::Json => info!(
            method,
            path, query, status, milliseconds, request_id, caller, refusal, "request"
        ),
    }
}

/// Returns a text of a client, cut off after `longest` bytes, with its control characters escaped.
fn shown(text: &str, longest: usize) -> String {
    log::printable(&text[..text.floor_char_boundary(longest)]).into_owned()
}
