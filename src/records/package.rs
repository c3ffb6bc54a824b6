//! Packages: the bits or the image that an app is made of.

use super::{By, Filter, Parent, Resource, Scope, SortColumn, filter, order, selective};
use crate::store::{Row, StoreError};

/// The packages.
#[derive(Debug)]
pub struct Package;

/// One package, as it is stored.
#[derive(Debug)]
pub struct PackageRecord<'r> {
    /// The guid.
    pub guid: &'r str,
    /// The app's guid.
    pub app_guid: &'r str,
    /// `AWAITING_UPLOAD`, `READY` and so on, as `schema.sql` lists them.
    pub state: &'r str,
    /// Why it failed.
    pub error: Option<&'r str>,
    /// Bits or an image.
    pub content: Content<'r>,
    /// A JSON object of text.
    pub labels: &'r str,
    /// A JSON object of text.
    pub annotations: &'r str,
    /// Seconds since 1970.
    pub created_at: i64,
    /// Seconds since 1970; `None`: never changed.
    pub updated_at: Option<i64>,
}

/// What the package is made of.
#[derive(Debug)]
pub enum Content<'r> {
    /// Files that were, or will be, uploaded.
    Bits {
        /// Lower-case hex.
        sha1: Option<&'r str>,
        /// Lower-case hex.
        sha256: Option<&'r str>,
    },
    /// An image in a registry.
    Docker {
        /// Where it is.
        image: &'r str,
        /// Only `2015` shows it.
        store_image: bool,
        /// Each of them may be missing.
        credentials: DockerCredentials<'r>,
    },
}

/// How to log in to the registry. The password itself never leaves the store.
#[derive(Debug)]
pub struct DockerCredentials<'r> {
    /// The user's name there.
    pub user: Option<&'r str>,
    /// Whether one is stored.
    pub has_password: bool,
    /// Only `2015` shows it.
    pub email: Option<&'r str>,
    /// Only `2015` shows it.
    pub login_server: Option<&'r str>,
}

impl Resource for Package {
    type Record<'r> = PackageRecord<'r>;

    const TABLE: &'static str = "packages";
    const COLUMNS: &'static str =
        "r.guid, a.guid, r.state, r.error, r.type, r.sha1, r.sha256, r.image, r.store_image, r.docker_user,
         r.docker_password is not null, r.docker_email, r.docker_login_server, r.labels, r.annotations,
         r.created_at, r.updated_at";
    const JOINS: &'static str = "cross join apps a on a.id = r.app_id";
    const FILTERS: &'static [Filter] = &[
        selective("guids", "r.guid", By::Value),
        filter("states", "r.state", By::Value),
        filter("types", "r.type", By::Value),
        selective(
            "app_guids",
            "r.app_id",
            By::Id("select id from apps where guid"),
        ),
        filter(
            "space_guids",
            "r.space_id",
            By::Id("select id from spaces where guid"),
        ),
        filter(
            "organization_guids",
            "r.space_id",
            By::Ids(
                "select s.id from organizations o join spaces s on s.organization_id = o.id where o.guid",
            ),
        ),
    ];
    const SORT_COLUMNS: &'static [SortColumn] = &[
        order("created_at", "r.created_at"),
        order("updated_at", "coalesce(r.updated_at, r.created_at)"),
    ];
    const SCOPE: Scope = Scope::Spaces("r.space_id");
    const LABELLED: bool = true;
    const TRACKED: bool = true;
    const NOT_FOUND: &'static str = "Package not found";

    fn parent(_: &PackageRecord<'_>) -> Parent {
        Parent::None
    }

    fn read<'r>(row: &Row<'r>) -> Result<PackageRecord<'r>, StoreError> {
        let content = match row.text(4)? {
            "docker" => Content::Docker {
                image: row.text(7)?,
                store_image: row.int(8)? != 0,
                credentials: DockerCredentials {
                    user: row.optional_text(9)?,
                    has_password: row.int(10)? != 0,
                    email: row.optional_text(11)?,
                    login_server: row.optional_text(12)?,
                },
            },
            _ => Content::Bits {
                sha1: row.optional_text(5)?,
                sha256: row.optional_text(6)?,
            },
        };
        Ok(PackageRecord {
            guid: row.text(0)?,
            app_guid: row.text(1)?,
            state: row.text(2)?,
            error: row.optional_text(3)?,
            content,
            labels: row.text(13)?,
            annotations: row.text(14)?,
            created_at: row.int(15)?,
            updated_at: row.optional_int(16)?,
        })
    }
}
