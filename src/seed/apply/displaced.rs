//! Names that pass from one thing to another within a seed, as when two swap theirs.

use super::super::fault::{Fault, Stop};
use super::super::kind::{Kind, Place};
use super::Applier;

/// So many may wait for another name at a time.
const MOST: usize = 1 << 12;

/// A row that lost its name to an entry of this seed. Until its own entry comes, it has none that a seed can say.
#[derive(Debug)]
pub(super) struct Displaced {
    kind: Kind,
    id: i64,
    place: Place,
    fault: Fault,
}

impl Applier<'_, '_> {
    /// Takes the name of a row for the entry at `place`; `fault` is what is wrong if the row gets no other.
    pub(super) fn displace(
        &mut self,
        kind: Kind,
        id: i64,
        place: Place,
        fault: Fault,
    ) -> Result<(), Stop> {
        if self.displaced.len() >= MOST {
            return Err(fault.into());
        }
        let sql = match kind {
            Kind::Organization => "update organizations set folded_name = $1 where id = $2",
            Kind::Space => "update spaces set folded_name = $1 where id = $2",
            Kind::App | Kind::User | Kind::Package => {
                "update apps set folded_name = $1 where id = $2"
            }
        };
        // No name holds a control character.
        let nameless = format!("\u{1}{id}");
        self.transaction
            .execute(sql, &[nameless.into(), id.into()])?;
        self.displaced.push(Displaced {
            kind,
            id,
            place,
            fault,
        });
        Ok(())
    }

    /// Ends a seed: what lost its name must have got another. From here on it is another seed, and what it says of a
    /// guid again is a change.
    pub(in crate::seed) fn end_seed(&mut self) -> Result<(), (Place, Stop)> {
        for displaced in std::mem::take(&mut self.displaced) {
            if self.seen[displaced.kind.index()]
                .place_of(displaced.id)
                .is_none()
            {
                return Err((displaced.place, displaced.fault.into()));
            }
        }
        self.seen = Default::default();
        self.packages_by_app.clear();
        Ok(())
    }
}
