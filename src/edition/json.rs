//! JSON values that both editions write in the same way.

use serde::{Serialize, Serializer};

use crate::clock::FormattedTime;

/// A time in seconds since 1970, written as `2015-11-13T17:02:56Z`.
pub(super) struct Timestamp(pub i64);

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(FormattedTime::new(self.0).as_str())
    }
}
