//! Opens the database of a server: creates it if it does not exist, or copies it for an ephemeral server, and applies
//! the seeds.

use super::Settings;
use super::flags::Data;
use crate::cli::CommandError;
use crate::ephemeral::{Ephemeral, Folder, open_seeded};
use crate::service::AdminApi;
use crate::store::{Durability, OpenMode, Store};

/// The database of a server.
pub(super) struct OpenedData {
    pub store: Store,
    pub admin_api: AdminApi,
    /// The folder of an ephemeral database; has to be dropped after the store is closed.
    pub folder: Option<Folder>,
}

/// Opens the database and applies the seeds.
///
/// # Errors
///
/// Fails if the database cannot be opened, or if a seed is refused. Then nothing is stored.
pub(super) fn open(settings: &Settings) -> Result<OpenedData, CommandError> {
    let now = settings.clock.now();
    let mut store = match &settings.data {
        Data::Location(location) => open_seeded(location, &settings.seeds, now, Durability::Full)?,
        Data::ReadOnly(file) => Store::open(file, OpenMode::Immutable, Durability::Full)?,
        Data::Ephemeral(from) => {
            let Ephemeral {
                mut store,
                start,
                folder,
            } = Ephemeral::new(from.as_deref(), &settings.seeds, now)?;
            store.watch()?;
            return Ok(OpenedData {
                store,
                admin_api: AdminApi::Ephemeral { start },
                folder: Some(folder),
            });
        }
    };
    store.watch()?;
    if let Some(migrated) = store.migrated() {
        tracing::info!("{migrated}");
    }
    Ok(OpenedData {
        store,
        admin_api: if settings.admin_api {
            AdminApi::On
        } else {
            AdminApi::Off
        },
        folder: None,
    })
}
