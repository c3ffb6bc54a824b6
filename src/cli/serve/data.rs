//! Opens the database of a server: creates it if it does not exist, or copies it for an ephemeral server, and applies
//! the seeds.

use super::Settings;
use super::flags::Data;
use crate::bundle::Bundle;
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

/// Opens the database and applies the seeds. A file that does not exist is made with the data of `bundle`, if there is one.
///
/// # Errors
///
/// Fails if the database cannot be opened, or if a seed is refused. Then nothing is stored, but a file that was made with the
/// data of `bundle` stays.
pub(super) fn open(
    settings: &Settings,
    bundle: Option<&Bundle>,
) -> Result<OpenedData, CommandError> {
    let (now, seeds) = (settings.clock.now(), settings.seeds.as_slice());
    let mut store = match (&settings.data, bundle) {
        (Data::Location(location), _) => {
            if let (Some(bundle), Some(file)) = (bundle, location.file()) {
                Store::restore(file, |out| bundle.write_database(out))
                    .map_err(|error| error.at(file))?;
            }
            open_seeded(location, seeds, now, Durability::Full)?
        }
        (Data::ReadOnly(file), _) => Store::open(file, OpenMode::Published, Durability::Full)?,
        (Data::Ephemeral(from), _) => {
            return ephemeral(Ephemeral::new(from.as_deref(), seeds, now)?);
        }
        (Data::Carried, Some(bundle)) => {
            return ephemeral(Ephemeral::of_bundle(bundle, seeds, now)?);
        }
        // Only a program that carries data has this setting.
        (Data::Carried, None) => return ephemeral(Ephemeral::new(None, seeds, now)?),
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

fn ephemeral(opened: Ephemeral) -> Result<OpenedData, CommandError> {
    let Ephemeral {
        mut store,
        start,
        folder,
    } = opened;
    store.watch()?;
    Ok(OpenedData {
        store,
        admin_api: AdminApi::Ephemeral { start },
        folder: Some(folder),
    })
}
