//! Which content coding a response has ([RFC 9110 §8.4](https://www.rfc-editor.org/rfc/rfc9110#section-8.4)), and gzip.

use std::io::Write;
use std::sync::Arc;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::spawn_blocking;
use warp::http::header;

use super::Request;
use crate::listing::response_cache::{CachedResponse, Coding, ResponseKey};
use crate::service::Service;

/// The shortest document that is compressed, in bytes. A shorter one fits into two packets.
const SHORTEST: usize = 2 << 10;
/// The longest document that is compressed, in bytes. A longer one would take more than a second on a slow core.
const LONGEST: usize = 64 << 20;
/// The level of compression, 1 to 9. A page of 5,000 packages shrinks to an eighth in 45 ms; level 6 takes two to three times
/// longer for a tenth.
const LEVEL: u32 = 2;

/// Returns the coding that the client prefers of those that the server has
/// ([RFC 9110 §12.5.3](https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3)).
pub(super) fn preferred(request: &Request) -> Coding {
    let (mut gzip, mut identity, mut others) = (None, None, None);
    for value in request.headers(header::ACCEPT_ENCODING) {
        let value = str::from_utf8(value).unwrap_or_default();
        for part in value.split(',') {
            let (name, parameters) = part.split_once(';').unwrap_or((part, ""));
            let weight = weight(parameters);
            match name.trim().to_ascii_lowercase().as_str() {
                "gzip" | "x-gzip" => gzip = Some(weight),
                "identity" => identity = Some(weight),
                "*" => others = Some(weight),
                _ => {}
            }
        }
    }
    let gzip = gzip.or(others).unwrap_or(0.0);
    if gzip > 0.0 && gzip >= identity.unwrap_or(0.0) {
        Coding::Gzip
    } else {
        Coding::Identity
    }
}

/// Returns the weight that the parameters of a coding or a media range name: 1 if they name none, and 0 if it is malformed.
pub(super) fn weight(parameters: &str) -> f32 {
    let mut weights = parameters.split(';').filter_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("q")
            .then_some(value.trim())
    });
    weights.next_back().map_or(1.0, |weight| {
        let weight = weight.parse().unwrap_or(0.0);
        if (0.0..=1.0).contains(&weight) {
            weight
        } else {
            0.0
        }
    })
}

/// Returns the response in gzip and remembers it under `key`. Returns it as it is if it is short or very long, or while
/// another one is being compressed: compression takes one thread at most, and no request waits for another one's.
pub(super) async fn compressed(
    service: &Arc<Service>,
    key: ResponseKey,
    page: CachedResponse,
) -> CachedResponse {
    let Some(turn) = turn(service, page.body.len()) else {
        return page;
    };
    let key = ResponseKey {
        coding: Coding::Gzip,
        ..key
    };
    let (shared, plain) = (service.clone(), page.clone());
    let compressed = spawn_blocking(move || {
        let _turn = turn;
        // The request that had the turn before may have been for the same page.
        let remembered = shared.response_cache.get(&key, || Some(plain.version));
        remembered.or_else(|| {
            let body = gzip(&plain.body)?;
            shared.response_cache.remember(key, plain.in_gzip(body))
        })
    });
    compressed.await.ok().flatten().unwrap_or(page)
}

/// Does the same for a document that is not remembered.
pub(super) async fn compressed_once(service: &Arc<Service>, document: Bytes) -> (Bytes, Coding) {
    let Some(turn) = turn(service, document.len()) else {
        return (document, Coding::Identity);
    };
    let plain = document.clone();
    let compressed = spawn_blocking(move || {
        let _turn = turn;
        gzip(&plain)
    });
    match compressed.await.ok().flatten() {
        Some(body) => (body, Coding::Gzip),
        None => (document, Coding::Identity),
    }
}

/// Returns the turn to compress a document of that length, if it is neither short nor very long and nobody has the turn.
fn turn(service: &Service, length: usize) -> Option<OwnedSemaphorePermit> {
    let is_worth_it = (SHORTEST..=LONGEST).contains(&length);
    let turn = is_worth_it.then(|| service.compressing.clone().try_acquire_owned());
    turn?.ok()
}

/// Returns the document in gzip, unless that is no shorter.
pub(super) fn gzip(document: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(
        Vec::with_capacity(document.len() / 4),
        Compression::new(LEVEL),
    );
    encoder.write_all(document).ok()?;
    let mut compressed = encoder.finish().ok()?;
    compressed.shrink_to_fit();
    (compressed.len() < document.len()).then(|| compressed.into())
}

#[cfg(test)]
mod tests {
    use warp::http::{HeaderMap, HeaderValue, Method};

    use super::*;
    use crate::http::forwarded::Forwarded;

    fn coding(values: &[&'static str]) -> Coding {
        let headers: HeaderMap = values
            .iter()
            .map(|value| (header::ACCEPT_ENCODING, HeaderValue::from_static(value)))
            .collect();
        let (id, uri) = (HeaderValue::from_static("id"), "/".parse().unwrap());
        let forwarded = Forwarded::default();
        preferred(&Request::new(
            Method::GET,
            uri,
            headers,
            id,
            None,
            forwarded,
            None,
        ))
    }

    #[test]
    fn gzip_is_sent_only_to_clients_that_prefer_it() {
        for accepted in [
            &["gzip"][..],
            &["GZIP"],
            &["x-gzip"],
            &["gzip, deflate, br, zstd"],
            &["br", "gzip;q=0.001"],
            &["*"],
            &["identity;q=0.5, *;q=0.5"],
            &["gzip;q=1.0, identity; Q=0.5"],
            &["identity;q=0,gzip"],
            &["gzip;level=1"],
        ] {
            assert_eq!(coding(accepted), Coding::Gzip, "{accepted:?}");
        }
        for refused in [
            &[][..],
            &[""],
            &["identity"],
            &["br, deflate"],
            &["gzip;q=0"],
            &["gzip; q=0.0"],
            &["gzip;q=0, *"],
            &["*;q=0"],
            &["identity, gzip;q=0.5"],
            &["gzip;q=2"],
            &["gzip;q=-1"],
            &["gzip;q=x"],
            &["gzip;q=NaN"],
            &["gzipped"],
        ] {
            assert_eq!(coding(refused), Coding::Identity, "{refused:?}");
        }
    }

    #[test]
    fn document_that_does_not_get_shorter_is_not_compressed() {
        assert_eq!(gzip(b"x"), None);
        let compressed = gzip(&[b'x'; 10_000]).unwrap();
        assert!(compressed.len() < 100);
    }
}
