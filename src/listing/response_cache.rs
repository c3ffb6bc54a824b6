//! Answers as they were rendered, kept while the data they show stands still.

use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use xxhash_rust::xxh3::xxh3_128;

use crate::caller::Caller;
use crate::store::Version;

/// An answer longer than this many bytes is not kept.
const LONGEST: usize = 1 << 20;

/// The answers that are kept, at most so many bytes of them.
#[derive(Debug)]
pub struct ResponseCache(Option<Cache<ResponseKey, CachedResponse, ResponseWeight>>);

/// What makes two requests ask for the same bytes on the same data.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ResponseKey {
    /// Who asks: nobody gets another's page.
    pub caller: Caller,
    /// The host that hrefs name.
    pub base_url: String,
    /// The path, made plain.
    pub path: String,
    /// The query, as it was sent.
    pub query: String,
}

/// One answer.
#[derive(Clone, Debug)]
pub struct CachedResponse {
    /// The data that it shows.
    pub version: Version,
    /// The document.
    pub body: Bytes,
    /// A strong entity tag: of the bytes alone, so that equal ones have equal tags, also after a restart.
    pub tag: String,
}

#[derive(Clone, Debug)]
struct ResponseWeight;

impl Weighter<ResponseKey, CachedResponse> for ResponseWeight {
    fn weight(&self, key: &ResponseKey, page: &CachedResponse) -> u64 {
        (256 + key.base_url.len() + key.path.len() + key.query.len() + page.body.len()) as u64
    }
}

impl ResponseCache {
    /// Keeps at most `mebibytes` of answers; with 0 none.
    pub fn new(mebibytes: u32) -> Self {
        Self(
            (mebibytes > 0)
                .then(|| Cache::with_weighter(4096, u64::from(mebibytes) << 20, ResponseWeight)),
        )
    }

    /// The answer, whatever data it is of.
    pub fn get(&self, key: &ResponseKey) -> Option<CachedResponse> {
        self.0.as_ref()?.get(key)
    }

    /// Keeps an answer.
    pub fn insert(&self, key: ResponseKey, page: &CachedResponse) {
        if let Some(pages) = &self.0
            && page.body.len() <= LONGEST
        {
            pages.insert(key, page.clone());
        }
    }
}

impl CachedResponse {
    /// A document that shows the data of that version.
    pub fn new(version: Version, document: Vec<u8>) -> Self {
        let tag = format!("\"{:032x}\"", xxh3_128(&document));
        Self {
            version,
            body: document.into(),
            tag,
        }
    }
}
