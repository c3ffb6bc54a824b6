//! The response cache: remembered bytes of responses, used while the data they show is unchanged.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use xxhash_rust::xxh3::xxh3_128;

use crate::caller::Caller;
use crate::store::Version;

/// The longest document that is remembered, in bytes.
const LONGEST_DOCUMENT: usize = 1 << 20;
/// The estimated cost of an entry beside its text, in bytes.
const ENTRY_OVERHEAD: usize = 256;
/// The number of entries that the cache makes room for at first.
const EXPECTED_ENTRIES: usize = 4096;

/// Remembered responses, bounded in bytes. A cache of size 0 remembers nothing.
#[derive(Debug)]
pub struct ResponseCache {
    responses: Option<Cache<ResponseKey, CachedResponse, ResponseWeight>>,
    hits: AtomicU64,
    misses: AtomicU64,
}

/// How often the response cache was asked since the server started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResponseCacheCounters {
    /// Requests answered with remembered bytes.
    pub hits: u64,
    /// Requests whose response was rendered.
    pub misses: u64,
}

/// The key of a response. Requests with equal keys get the same bytes from the same data.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ResponseKey {
    /// The caller. Two callers never share a response.
    pub caller: Caller,
    /// The base of hrefs; empty where they are relative.
    pub base_url: String,
    /// The normalized path.
    pub path: String,
    /// The query as it was sent.
    pub query: String,
}

/// A remembered document.
#[derive(Clone, Debug)]
pub struct CachedResponse {
    /// The data version that the document shows.
    pub version: Version,
    /// The document.
    pub body: Bytes,
    /// The strong entity tag (RFC 9110 §8.8.3). It is a hash of the document alone, so equal documents have equal tags
    /// after a restart too.
    pub tag: String,
}

#[derive(Clone, Debug)]
struct ResponseWeight;

impl Weighter<ResponseKey, CachedResponse> for ResponseWeight {
    fn weight(&self, key: &ResponseKey, response: &CachedResponse) -> u64 {
        let text = key.base_url.len() + key.path.len() + key.query.len() + response.body.len();
        (ENTRY_OVERHEAD + text) as u64
    }
}

impl ResponseCache {
    /// Returns an empty cache of at most `mebibytes` MiB; 0 disables it.
    pub fn new(mebibytes: u32) -> Self {
        let bytes = u64::from(mebibytes) << 20;
        let cache = || Cache::with_weighter(EXPECTED_ENTRIES, bytes, ResponseWeight);
        Self {
            responses: (bytes > 0).then(cache),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    /// Returns the remembered response if it shows the data of `version`. `None` as version means that the version is
    /// not known without a read; nothing is returned then.
    pub fn get(
        &self,
        key: &ResponseKey,
        version: impl FnOnce() -> Option<Version>,
    ) -> Option<CachedResponse> {
        let response = self.responses.as_ref()?.get(key)?;
        if version() != Some(response.version) {
            return None;
        }
        self.hits.fetch_add(1, Ordering::Relaxed);
        Some(response)
    }

    /// Remembers a response that was rendered.
    pub fn insert(&self, key: ResponseKey, response: &CachedResponse) {
        self.misses.fetch_add(1, Ordering::Relaxed);
        if let Some(responses) = &self.responses
            && response.body.len() <= LONGEST_DOCUMENT
        {
            responses.insert(key, response.clone());
        }
    }

    /// Returns how often the cache was asked.
    pub fn counters(&self) -> ResponseCacheCounters {
        ResponseCacheCounters {
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
        }
    }
}

impl CachedResponse {
    /// Returns a response that shows the data of `version`.
    pub fn new(version: Version, document: Vec<u8>) -> Self {
        let tag = format!("\"{:032x}\"", xxh3_128(&document));
        Self {
            version,
            body: document.into(),
            tag,
        }
    }
}
