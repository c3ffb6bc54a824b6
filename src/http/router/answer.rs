//! Responses that are not sent over a connection, for `get`.

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use warp::http::header;
use warp::http::{HeaderMap, StatusCode};

use super::{REQUEST_ID, Router};

/// A response that is not sent over a connection.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The status line and the headers, each on a line. The headers that are different each time are left out: `Date`
    /// and `X-Vcap-Request-Id`.
    pub head: String,
    /// The body.
    pub body: Bytes,
}

impl Router {
    /// Returns the response to `GET target`.
    ///
    /// # Errors
    ///
    /// Fails if `target` is not the path and query of a URL. The error continues a sentence that begins with it.
    pub async fn get(self, target: &str) -> Result<Answer, String> {
        let request = hyper::Request::get(target)
            .body(Empty::<Bytes>::new())
            .map_err(|_| {
                "is not a valid request target; percent-encode its characters".to_owned()
            })?;
        let response = self
            .respond(request, None)
            .await
            .map_err(|error| error.to_string())?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await;
        let body = body.map_err(|error| format!("cannot be answered: {error}"))?;
        let body = body.to_bytes();
        let mut headers = parts.headers;
        headers.insert(header::CONTENT_LENGTH, body.len().into());
        Ok(Answer {
            status: parts.status.as_u16(),
            head: head(parts.status, &headers),
            body,
        })
    }
}

/// Returns the status line and the headers that are the same each time.
fn head(status: StatusCode, headers: &HeaderMap) -> String {
    let mut head = format!("HTTP/1.1 {status}\n");
    for (name, value) in headers {
        if *name != REQUEST_ID {
            let name = title_case(name.as_str());
            let value = String::from_utf8_lossy(value.as_bytes());
            head.push_str(&format!("{name}: {value}\n"));
        }
    }
    head
}

/// Returns the name of a header as it is sent: `content-type` as `Content-Type`.
fn title_case(name: &str) -> String {
    let mut is_first = true;
    let letters = name.chars().map(|letter| {
        let first = std::mem::replace(&mut is_first, letter == '-');
        if first {
            letter.to_ascii_uppercase()
        } else {
            letter
        }
    });
    letters.collect()
}
