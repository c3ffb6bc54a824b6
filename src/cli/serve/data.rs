//! The database that is served: made if it is not there, copied if it is not to be touched, seeded, opened.

use super::Settings;
use super::flags::Data;
use crate::cli::Failure;
use crate::ephemeral::{Ephemeral, Folder, seeded};
use crate::http::Admin;
use crate::store::{Durability, Opened, Store};

/// The database of a server.
pub(super) struct Served {
    pub store: Store,
    pub admin: Admin,
    /// Where an ephemeral one is; to be dropped after the store is closed.
    pub folder: Option<Folder>,
}

/// Opens the database with its seeds applied: all of them, or nothing is changed and nothing is made.
pub(super) fn open(settings: &Settings, now: i64) -> Result<Served, Failure> {
    let admin = if settings.admin_api {
        Admin::On
    } else {
        Admin::Off
    };
    let (store, admin, folder) = match &settings.data {
        Data::File(file) => {
            let store = seeded(file, &settings.seeds, now, Durability::Full)?;
            (store, admin, None)
        }
        Data::ReadOnly(file) => {
            let store = Store::open(file, Opened::Immutable, Durability::Full)?;
            (store, admin, None)
        }
        Data::Ephemeral(from) => {
            let data = Ephemeral::new(from.as_deref(), &settings.seeds, now)?;
            (
                data.store,
                Admin::Ephemeral { start: data.start },
                Some(data.folder),
            )
        }
    };
    Ok(Served {
        store,
        admin,
        folder,
    })
}
