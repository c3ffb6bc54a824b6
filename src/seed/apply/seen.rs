//! Which rows a seed touched, and where: a few bytes for a million packages in a row.

use roaring::RoaringTreemap;

/// The ids of the rows, and the places of their entries.
#[derive(Debug, Default)]
pub(super) struct Seen {
    ids: RoaringTreemap,
    runs: Vec<Run>,
}

/// Rows whose ids follow each other like their places.
#[derive(Debug)]
struct Run {
    id: i64,
    number: u64,
    length: u64,
}

impl Seen {
    pub(super) fn note(&mut self, id: i64, number: u64) {
        self.ids.insert(id.unsigned_abs());
        if let Some(last) = self.runs.last_mut()
            && last.id.checked_add_unsigned(last.length) == Some(id)
            && last.number + last.length == number
        {
            last.length += 1;
            return;
        }
        self.runs.push(Run {
            id,
            number,
            length: 1,
        });
    }

    /// Where the row's entry stands, if this seed has one.
    pub(super) fn place_of(&self, id: i64) -> Option<u64> {
        if !self.ids.contains(id.unsigned_abs()) {
            return None;
        }
        self.runs.iter().find_map(|run| {
            let offset = u64::try_from(id.checked_sub(run.id)?).ok()?;
            (offset < run.length).then(|| run.number + offset)
        })
    }
}
