//! What is needed to read one seed: its name, what applies its entries, and the faults found so far.

use super::apply::Applier;
use super::entry::{Entry, Position};
use super::fault::{ApplyError, Faults, Place, Stop};
use super::json_text::JsonText;

/// The reading of one seed.
#[derive(Debug)]
pub(super) struct Reading<'r, 't, 'c> {
    /// The name of the seed in messages.
    pub(super) seed: &'r str,
    pub(super) applier: &'r mut Applier<'t, 'c>,
    pub(super) faults: &'r mut Faults,
}

impl Reading<'_, '_, '_> {
    /// Applies an entry of `document`.
    ///
    /// # Errors
    ///
    /// Fails if the database cannot be written, or with the last fault that is reported.
    pub(super) fn apply(
        &mut self,
        document: &JsonText<'_>,
        position: Position,
        entry: &Entry<'_>,
    ) -> Result<(), Stop> {
        let applied = self.applier.apply(position, entry);
        self.add_if_wrong(Some(document), position, applied)
    }

    /// Adds the fault of an entry that could not be applied. `document` is the text with the entry, if it is known.
    pub(super) fn add_if_wrong(
        &mut self,
        document: Option<&JsonText<'_>>,
        position: Position,
        applied: Result<(), ApplyError>,
    ) -> Result<(), Stop> {
        match applied {
            Ok(()) | Err(ApplyError::Dependent) => Ok(()),
            Err(ApplyError::Store(error)) => Err(error.into()),
            Err(ApplyError::Entry(error)) => self
                .faults
                .add_entry_fault(self.seed, document, position, error),
        }
    }

    /// Adds a fault. Fails if it is the last that is reported.
    pub(super) fn add_fault(&mut self, place: Place, text: impl AsRef<str>) -> Result<(), Stop> {
        self.faults.add(self.seed, place, text)
    }

    /// Ends the seed, after its last entry. `document` is the text of the seed, if it is known.
    pub(super) fn end(&mut self, document: Option<&JsonText<'_>>) -> Result<(), Stop> {
        for (position, error) in self.applier.end_seed() {
            self.add_if_wrong(document, position, Err(error.into()))?;
        }
        Ok(())
    }
}
