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
pub struct Rendered(Option<Cache<Key, Page, Length>>);

/// What makes two requests ask for the same bytes on the same data.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// Who asks: nobody gets another's page.
    pub caller: Caller,
    /// The host that hrefs name.
    pub site: String,
    /// The path, made plain.
    pub path: String,
    /// The query, as it was sent.
    pub query: String,
}

/// One answer.
#[derive(Clone, Debug)]
pub struct Page {
    /// The data that it shows.
    pub version: Version,
    /// The document.
    pub body: Bytes,
    /// A strong entity tag: of the bytes alone, so that equal ones have equal tags, also after a restart.
    pub tag: String,
}

#[derive(Clone, Debug)]
struct Length;

impl Weighter<Key, Page> for Length {
    fn weight(&self, key: &Key, page: &Page) -> u64 {
        (256 + key.site.len() + key.path.len() + key.query.len() + page.body.len()) as u64
    }
}

impl Rendered {
    /// Keeps at most `mebibytes` of answers; with 0 none.
    pub fn new(mebibytes: u32) -> Self {
        Self(
            (mebibytes > 0).then(|| Cache::with_weighter(4096, u64::from(mebibytes) << 20, Length)),
        )
    }

    /// The answer, whatever data it is of.
    pub fn get(&self, key: &Key) -> Option<Page> {
        self.0.as_ref()?.get(key)
    }

    /// Keeps an answer.
    pub fn keep(&self, key: Key, page: &Page) {
        if let Some(pages) = &self.0
            && page.body.len() <= LONGEST
        {
            pages.insert(key, page.clone());
        }
    }
}

impl Page {
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
