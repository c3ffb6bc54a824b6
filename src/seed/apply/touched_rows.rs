//! Which rows of a table a seed was applied to, in a few bytes for a million rows that follow each other.

use roaring::RoaringTreemap;

/// The ids of rows, each with the position of its entry in the seed.
#[derive(Debug, Default)]
pub(super) struct TouchedRows {
    ids: RoaringTreemap,
    runs: Vec<Run>,
}

/// Rows whose ids and positions both increase by one from row to row.
#[derive(Debug)]
struct Run {
    first_id: i64,
    first_position: u64,
    length: u64,
}

impl TouchedRows {
    /// Adds a row. `position` is the `number` of its entry's position.
    pub(super) fn insert(&mut self, id: i64, position: u64) {
        self.ids.insert(id.unsigned_abs());
        if let Some(last) = self.runs.last_mut()
            && last.first_id.checked_add_unsigned(last.length) == Some(id)
            && last.first_position + last.length == position
        {
            last.length += 1;
            return;
        }
        self.runs.push(Run {
            first_id: id,
            first_position: position,
            length: 1,
        });
    }

    /// Returns the position of the row's entry, if the seed has one.
    pub(super) fn position_of(&self, id: i64) -> Option<u64> {
        if !self.ids.contains(id.unsigned_abs()) {
            return None;
        }
        self.runs.iter().find_map(|run| {
            let offset = u64::try_from(id.checked_sub(run.first_id)?).ok()?;
            (offset < run.length).then(|| run.first_position + offset)
        })
    }
}
