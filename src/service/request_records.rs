//! What was requested of a server: one record per request, for the log and for `GET /admin/requests`.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

/// How many requests are remembered.
const MAX_RECORDS: usize = 1000;
/// How many bytes the remembered requests may take together.
const MAX_BYTES: usize = 4 << 20;
/// The estimated size of a record beside its texts, in bytes.
const RECORD_OVERHEAD: usize = 256;

/// A request and how it was answered, without its headers and body. Secrets in the target are replaced by `***`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RequestRecord {
    /// When it arrived, by the system's clock: `2026-01-01T00:00:00.123Z`.
    pub time: String,
    /// The method.
    pub method: String,
    /// The normalized path.
    pub path: String,
    /// The query as it was sent; empty if there is none.
    pub query: String,
    /// The path of its route, such as `/v3/packages/:guid`; `None` if no route matched.
    pub route: Option<String>,
    /// The status; `None` if the connection was closed without a response, as a fault rule requested.
    pub status: Option<u16>,
    /// How long it took until the head of the response was ready.
    pub milliseconds: f64,
    /// The `X-Vcap-Request-Id` of the response.
    pub request_id: String,
    /// The guid of the caller; `None` if the request was not authenticated.
    pub caller: Option<String>,
}

impl RequestRecord {
    fn bytes(&self) -> usize {
        let optional = [&self.route, &self.caller].into_iter().flatten();
        let texts = [&self.method, &self.path, &self.query, &self.request_id];
        RECORD_OVERHEAD
            + texts
                .into_iter()
                .chain(optional)
                .map(String::len)
                .sum::<usize>()
    }
}

/// The last requests, at most 1,000 of them and 4 MiB together.
#[derive(Debug, Default)]
pub struct RequestRecords(Mutex<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    records: VecDeque<RequestRecord>,
    bytes: usize,
    forgotten: u64,
}

/// Which records are shown: those for which each field that is given matches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordFilter {
    /// The method.
    pub method: Option<String>,
    /// The path, or the beginning of it and `*`.
    pub path: Option<String>,
    /// The status.
    pub status: Option<u16>,
}

/// The records that a filter selects, the oldest first.
#[derive(Debug, Serialize)]
pub struct SelectedRecords {
    /// The records.
    pub requests: Vec<RequestRecord>,
    /// How many older records, of all requests, are not remembered any more.
    pub forgotten: u64,
}

/// How many records a filter selects.
#[derive(Debug, Serialize)]
pub struct RecordCount {
    /// The number of records.
    pub count: usize,
    /// How many older records, of all requests, are not remembered any more.
    pub forgotten: u64,
}

impl RequestRecords {
    /// Adds a record. The oldest ones are forgotten if there are too many.
    pub fn add(&self, record: RequestRecord) {
        let mut remembered = self.lock();
        remembered.bytes += record.bytes();
        remembered.records.push_back(record);
        while remembered.records.len() > MAX_RECORDS || remembered.bytes > MAX_BYTES {
            let Some(oldest) = remembered.records.pop_front() else {
                break;
            };
            remembered.bytes -= oldest.bytes();
            remembered.forgotten += 1;
        }
    }

    /// Returns the records that `filter` selects.
    pub fn list(&self, filter: &RecordFilter) -> SelectedRecords {
        let remembered = self.lock();
        let selected = remembered
            .records
            .iter()
            .filter(|record| filter.selects(record));
        SelectedRecords {
            requests: selected.cloned().collect(),
            forgotten: remembered.forgotten,
        }
    }

    /// Returns how many records `filter` selects.
    pub fn count(&self, filter: &RecordFilter) -> RecordCount {
        let remembered = self.lock();
        let selected = remembered
            .records
            .iter()
            .filter(|record| filter.selects(record));
        RecordCount {
            count: selected.count(),
            forgotten: remembered.forgotten,
        }
    }

    /// Forgets all records, and how many were forgotten before.
    pub fn clear(&self) {
        *self.lock() = Remembered::default();
    }

    fn lock(&self) -> MutexGuard<'_, Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RecordFilter {
    fn selects(&self, record: &RequestRecord) -> bool {
        let is_path = |wanted: &String| match wanted.strip_suffix('*') {
            Some(beginning) => record.path.starts_with(beginning),
            None => record.path == *wanted,
        };
        self.method
            .as_ref()
            .is_none_or(|method| record.method == *method)
            && self.path.as_ref().is_none_or(is_path)
            && self
                .status
                .is_none_or(|status| record.status == Some(status))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(path: &str) -> RequestRecord {
        RequestRecord {
            time: "2026-01-01T00:00:00.000Z".into(),
            method: "GET".into(),
            path: path.into(),
            query: String::new(),
            route: None,
            status: Some(200),
            milliseconds: 0.1,
            request_id: "id".into(),
            caller: None,
        }
    }

    #[test]
    fn oldest_records_are_forgotten_beyond_the_limit() {
        let records = RequestRecords::default();
        for number in 0..MAX_RECORDS + 5 {
            records.add(record(&format!("/{number}")));
        }
        let all = records.list(&RecordFilter::default());
        assert_eq!((all.requests.len(), all.forgotten), (MAX_RECORDS, 5));
        assert_eq!(all.requests[0].path, "/5");
        records.clear();
        let count = records.count(&RecordFilter::default());
        assert_eq!((count.count, count.forgotten), (0, 0));
    }

    #[test]
    fn records_are_limited_in_bytes() {
        let records = RequestRecords::default();
        for _ in 0..MAX_RECORDS {
            records.add(record(&"x".repeat(8192)));
        }
        let remembered = records.lock();
        assert!(remembered.bytes <= MAX_BYTES);
        assert_eq!(
            remembered.records.len(),
            MAX_BYTES / record(&"x".repeat(8192)).bytes()
        );
    }
}
