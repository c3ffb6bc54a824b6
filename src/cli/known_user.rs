//! The user that `--user` names, in the database.

use crate::records::{Table, User};
use crate::store::{Store, StoreError, Value};

/// What a database holds about a guid that was given as `--user`.
#[derive(Debug, Default)]
pub(super) struct KnownUser {
    /// The name of the user, if the user is there and has one.
    pub(super) name: Option<String>,
    is_there: bool,
    /// The guid of a user whose name was given instead of the guid.
    guid_of_name: Option<String>,
}

impl KnownUser {
    /// Looks up a user.
    ///
    /// # Errors
    ///
    /// Fails if the database cannot be read.
    pub(super) fn find(store: &Store, guid: &str) -> Result<Self, StoreError> {
        let text = guid.to_owned();
        store.read_blocking(move |snapshot| {
            let mut user = Self::default();
            let text = Value::from(text);
            let by_guid = "select id, guid, name from users where guid = $1";
            snapshot.rows(by_guid, std::slice::from_ref(&text), |row| {
                user.is_there = true;
                user.name = User::read(row)?.name.map(str::to_owned);
                Ok::<_, StoreError>(())
            })?;
            if !user.is_there {
                let by_name =
                    "select id, guid, name from users where name = $1 order by id limit 1";
                snapshot.rows(by_name, &[text], |row| {
                    user.guid_of_name = Some(User::read(row)?.guid.to_owned());
                    Ok::<_, StoreError>(())
                })?;
            }
            Ok(user)
        })
    }

    /// Writes to stderr if the database does not hold the user, who then sees nothing. Not for a token that
    /// reads everything.
    pub(super) fn warn_if_unknown(&self, guid: &str) {
        if self.is_there {
            return;
        }
        let hint = self.guid_of_name.as_ref().map_or_else(String::new, |guid| {
            format!("; the user with this name has the guid `{guid}`")
        });
        eprintln!(
            "cf-packages: warning: no user in the database has the guid `{}`, and a user without roles sees \
             nothing{hint}",
            guid.escape_debug()
        );
    }
}
