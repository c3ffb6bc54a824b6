//! The database that is served: made if it is not there, copied if it is not to be touched, seeded, opened.

use super::Settings;
use super::flags::Data;
use crate::cli::CommandError;
use crate::ephemeral::{Ephemeral, Folder, seeded};
use crate::service::AdminApi;
use crate::store::{Durability, OpenMode, Store};

/// The database of a server.
pub(super) struct OpenedData {
    pub store: Store,
    pub admin_api: AdminApi,
    /// Where an ephemeral one is; to be dropped after the store is closed.
    pub folder: Option<Folder>,
}

/// Opens the database with its seeds applied: all of them, or nothing is changed and nothing is made.
pub(super) fn open(settings: &Settings, now: i64) -> Result<OpenedData, CommandError> {
    let admin_api = if settings.admin_api {
        AdminApi::On
    } else {
        AdminApi::Off
    };
    let (store, admin_api, folder) = match &settings.data {
        Data::File(file) => {
            let store = seeded(file, &settings.seeds, now, Durability::Full)?;
            (store, admin_api, None)
        }
        Data::ReadOnly(file) => {
            let store = Store::open(file, OpenMode::Immutable, Durability::Full)?;
            (store, admin_api, None)
        }
        Data::Ephemeral(from) => {
            let data = Ephemeral::new(from.as_deref(), &settings.seeds, now)?;
            (
                data.store,
                AdminApi::Ephemeral { start: data.start },
                Some(data.folder),
            )
        }
    };
    Ok(OpenedData {
        store,
        admin_api,
        folder,
    })
}
