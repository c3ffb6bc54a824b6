//! The response cache: remembered bytes of responses, used while the data they show is unchanged.
//!
//! A long document is not remembered, but requests share it while it is being sent: a client that does not read its
//! response holds it for some time.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use quick_cache::sync::Cache;
use quick_cache::{DefaultHashBuilder, Weighter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use xxhash_rust::xxh3::xxh3_128;

use super::evictions::Evictions;
use crate::caller::Caller;
use crate::store::Version;

/// The longest document that is remembered, in bytes.
const LONGEST_DOCUMENT: usize = 1 << 20;
/// How many bytes of longer documents may be in memory at the same time.
const LONG_DOCUMENTS_BYTES: usize = 256 << 20;
/// How many longer documents requests can share at the same time.
const SHARED_LONG_DOCUMENTS: usize = 256;
/// The longest key of a longer document that requests share, in bytes.
const LONGEST_SHARED_KEY: usize = 16 << 10;
/// The estimated cost of an entry beside its text, in bytes.
const ENTRY_OVERHEAD: usize = 256;
/// The number of entries that the cache makes room for at first.
const EXPECTED_ENTRIES: usize = 4096;

/// Remembered responses, bounded in bytes. A cache of size 0 remembers nothing.
#[derive(Debug)]
pub struct ResponseCache {
    responses: Option<Responses>,
    evictions: Evictions,
    /// The long documents that are being sent.
    long: Mutex<HashMap<ResponseKey, LongResponse>>,
    /// One permit for each KiB of long documents that may still be rendered.
    long_kib: Arc<Semaphore>,
    hits: AtomicU64,
    misses: AtomicU64,
}

type Responses = Cache<ResponseKey, CachedResponse, ResponseWeight, DefaultHashBuilder, Evictions>;

/// How the response cache was used since the server started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResponseCacheCounters {
    /// Requests answered with remembered bytes.
    pub hits: u64,
    /// Requests whose response was rendered.
    pub misses: u64,
    /// Responses that were removed to make room.
    pub evictions: u64,
    /// The responses that are remembered.
    pub entries: u64,
    /// Their approximate size, in bytes.
    pub bytes: u64,
    /// The size of the long documents that are being sent, in KiB.
    pub long_kib: u64,
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
    /// The content coding.
    pub coding: Coding,
}

/// The content coding of a document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Coding {
    /// The document as it is.
    #[default]
    Identity,
    /// In gzip.
    Gzip,
}

/// A remembered document.
#[derive(Clone, Debug)]
pub struct CachedResponse {
    /// The data version that the document shows.
    pub version: Version,
    /// The document, in that coding.
    pub body: Bytes,
    /// The content coding.
    pub coding: Coding,
    /// A hash of the document without its coding, so that equal documents have equal entity tags after a restart too.
    hash: u128,
}

/// A long document that is being sent.
#[derive(Debug)]
struct LongResponse {
    version: Version,
    coding: Coding,
    hash: u128,
    document: Weak<LongDocument>,
}

/// The bytes of a long document, and their part of what long documents may take.
#[derive(Debug)]
struct LongDocument {
    bytes: Bytes,
    _kib: OwnedSemaphorePermit,
}

/// A reference to a long document, as a response body holds it.
struct LongBody(Arc<LongDocument>);

impl AsRef<[u8]> for LongBody {
    fn as_ref(&self) -> &[u8] {
        &self.0.bytes
    }
}

#[derive(Clone, Debug)]
struct ResponseWeight;

impl Weighter<ResponseKey, CachedResponse> for ResponseWeight {
    fn weight(&self, key: &ResponseKey, response: &CachedResponse) -> u64 {
        (ENTRY_OVERHEAD + key.length() + response.body.len()) as u64
    }
}

impl ResponseKey {
    /// Returns the length of its texts, in bytes. A token chooses the length of the caller's guid.
    fn length(&self) -> usize {
        let caller = match &self.caller {
            Caller::Everything => 0,
            Caller::Member(member) => member.user.len(),
        };
        caller + self.base_url.len() + self.path.len() + self.query.len()
    }
}

impl ResponseCache {
    /// Returns an empty cache of at most `mebibytes` MiB; 0 disables it.
    pub fn new(mebibytes: u32) -> Self {
        let bytes = u64::from(mebibytes) << 20;
        let evictions = Evictions::default();
        let cache = || {
            Cache::with(
                EXPECTED_ENTRIES,
                bytes,
                ResponseWeight,
                DefaultHashBuilder::default(),
                evictions.clone(),
            )
        };
        Self {
            responses: (bytes > 0).then(cache),
            evictions,
            long: Mutex::default(),
            long_kib: Arc::new(Semaphore::new(LONG_DOCUMENTS_BYTES >> 10)),
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
        let remembered = self.responses.as_ref().and_then(|cache| cache.get(key));
        let response = remembered.or_else(|| self.get_long(key))?;
        if version() != Some(response.version) {
            return None;
        }
        self.hits.fetch_add(1, Ordering::Relaxed);
        Some(response)
    }

    /// Returns whether a response is remembered, of whichever version.
    pub fn holds(&self, key: &ResponseKey) -> bool {
        let responses = self.responses.as_ref();
        responses.is_some_and(|responses| responses.peek(key).is_some())
            || self.lock_long().contains_key(key)
    }

    fn get_long(&self, key: &ResponseKey) -> Option<CachedResponse> {
        let long = self.lock_long();
        if long.is_empty() {
            return None;
        }
        let response = long.get(key)?;
        Some(CachedResponse {
            version: response.version,
            body: Bytes::from_owner(LongBody(response.document.upgrade()?)),
            coding: response.coding,
            hash: response.hash,
        })
    }

    /// Remembers a response that was rendered, and returns it. Returns `None` if it is long, and too many long ones are
    /// being sent.
    pub fn insert(&self, key: ResponseKey, response: CachedResponse) -> Option<CachedResponse> {
        self.misses.fetch_add(1, Ordering::Relaxed);
        self.remember(key, response)
    }

    /// Remembers a response that is not rendered but only in another coding, as [`Self::insert`] does.
    pub fn remember(&self, key: ResponseKey, response: CachedResponse) -> Option<CachedResponse> {
        if response.body.len() > LONGEST_DOCUMENT {
            return self.insert_long(key, response);
        }
        if let Some(responses) = &self.responses {
            responses.insert(key, response.clone());
        }
        Some(response)
    }

    fn insert_long(&self, key: ResponseKey, response: CachedResponse) -> Option<CachedResponse> {
        let kib = u32::try_from(response.body.len().div_ceil(1024)).ok()?;
        let document = Arc::new(LongDocument {
            _kib: self.long_kib.clone().try_acquire_many_owned(kib).ok()?,
            bytes: response.body,
        });
        let mut long = self.lock_long();
        long.retain(|_, response| response.document.strong_count() > 0);
        if long.len() < SHARED_LONG_DOCUMENTS && key.length() <= LONGEST_SHARED_KEY {
            let shared = LongResponse {
                version: response.version,
                coding: response.coding,
                hash: response.hash,
                document: Arc::downgrade(&document),
            };
            long.insert(key, shared);
        }
        Some(CachedResponse {
            body: Bytes::from_owner(LongBody(document)),
            ..response
        })
    }

    fn lock_long(&self) -> MutexGuard<'_, HashMap<ResponseKey, LongResponse>> {
        self.long.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns how the cache was used.
    pub fn counters(&self) -> ResponseCacheCounters {
        let responses = self.responses.as_ref();
        let free_kib = self.long_kib.available_permits();
        ResponseCacheCounters {
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            evictions: self.evictions.count(),
            entries: responses.map_or(0, |cache| cache.len() as u64),
            bytes: responses.map_or(0, Cache::weight),
            long_kib: ((LONG_DOCUMENTS_BYTES >> 10) - free_kib) as u64,
        }
    }
}

impl CachedResponse {
    /// Returns a response that shows the data of `version`.
    pub fn new(version: Version, mut document: Vec<u8>) -> Self {
        if document.len() > LONGEST_DOCUMENT {
            document.shrink_to_fit();
        }
        Self {
            version,
            hash: xxh3_128(&document),
            body: document.into(),
            coding: Coding::Identity,
        }
    }

    /// Returns the same document with `body`, its bytes in gzip.
    pub fn in_gzip(&self, body: Bytes) -> Self {
        Self {
            body,
            coding: Coding::Gzip,
            ..self.clone()
        }
    }

    /// Returns the strong entity tag of the document in this coding (RFC 9110 §8.8.3).
    pub fn tag(&self) -> String {
        self.tag_in(self.coding)
    }

    /// Returns the entity tags of the document: that of this coding, then that of the other.
    pub fn tags(&self) -> [String; 2] {
        let other = match self.coding {
            Coding::Identity => Coding::Gzip,
            Coding::Gzip => Coding::Identity,
        };
        [self.tag(), self.tag_in(other)]
    }

    fn tag_in(&self, coding: Coding) -> String {
        let suffix = match coding {
            Coding::Identity => "",
            Coding::Gzip => "-gzip",
        };
        format!("\"{:032x}{suffix}\"", self.hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caller::{AccessRules, DownloadRule, Member};

    const RULES: AccessRules = AccessRules {
        global_readers: &[],
        reading_roles: &[],
        writing_role: "",
        staging_roles: &[],
        downloads: DownloadRule::WritingScope,
    };
    const VERSION: Version = Version {
        packages: 0,
        last_package: 0,
        access: 0,
        parents: 0,
    };

    fn key(query: &str) -> ResponseKey {
        ResponseKey {
            caller: Caller::Everything,
            base_url: String::new(),
            path: "/v3/packages".into(),
            query: query.into(),
            coding: Coding::Identity,
        }
    }

    fn long_response(byte: u8) -> CachedResponse {
        CachedResponse::new(VERSION, vec![byte; LONGEST_DOCUMENT + 1])
    }

    #[test]
    fn whole_key_counts_as_a_part_of_its_response() {
        let cache = ResponseCache::new(1);
        for number in 0..1000 {
            let user = format!("{number:020000}");
            let key = ResponseKey {
                caller: Caller::Member(Member {
                    user,
                    rules: &RULES,
                }),
                ..key("")
            };
            cache.insert(key, CachedResponse::new(VERSION, b"{}".to_vec()));
        }
        let counters = cache.counters();
        assert!(counters.bytes <= 1 << 20, "{counters:?}");
        assert!(counters.bytes >= counters.entries * 20_000, "{counters:?}");
        assert!(counters.entries <= (1 << 20) / 20_000, "{counters:?}");
    }

    #[test]
    fn long_document_is_shared_while_it_is_being_sent() {
        for mebibytes in [0, 64] {
            let cache = ResponseCache::new(mebibytes);
            let get = |query| cache.get(&key(query), || Some(VERSION));
            let first = cache.insert(key("a"), long_response(b'a')).unwrap();
            let second = get("a").unwrap();
            assert_eq!(second.body.as_ptr(), first.body.as_ptr());
            assert_eq!(second.tags(), first.tags());
            assert!(get("b").is_none());
            drop(first);
            assert!(get("a").is_some());
            drop(second);
            assert!(get("a").is_none());
        }
    }

    #[test]
    fn long_documents_are_limited_in_bytes_until_they_are_sent() {
        let cache = ResponseCache::new(64);
        let mut sending = Vec::new();
        for number in 0.. {
            match cache.insert(key(&number.to_string()), long_response(b'x')) {
                Some(response) => sending.push(response),
                None => break,
            }
        }
        assert_eq!(
            sending.len(),
            LONG_DOCUMENTS_BYTES / (LONGEST_DOCUMENT + 1024)
        );
        sending.pop();
        assert!(cache.insert(key("other"), long_response(b'x')).is_some());
    }
}
