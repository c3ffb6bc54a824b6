//! Packages: the bits or the docker image of an app.

use std::fmt;
use std::sync::LazyLock;

use super::{
    APP_GUIDS, By, ColumnValue, ColumnVisitor, Filter, Join, LabelIndex, ORGANIZATION_GUIDS,
    Parent, Record, Resource, SPACE_GUIDS, Scope, SortColumn, Statements, Table, Valid, filter,
    order, selective,
};
use crate::store::{BorrowedValue, Row, StoreError};

/// The type of a package that consists of uploaded files.
pub const BITS: &str = "bits";
/// The type of a package that is an image in a registry.
pub const DOCKER: &str = "docker";
/// The types of a package.
pub const TYPES: &[&str] = &[BITS, DOCKER];
/// The state of a package whose bits are not uploaded yet.
pub const AWAITING_UPLOAD: &str = "AWAITING_UPLOAD";
/// The state of a package whose uploaded bits are being processed.
pub const PROCESSING_UPLOAD: &str = "PROCESSING_UPLOAD";
/// The state of a package that can be staged.
pub const READY: &str = "READY";
/// The state of a package whose bits could not be processed or copied.
pub const FAILED: &str = "FAILED";
/// The state of a package whose bits are being copied from another package.
pub const COPYING: &str = "COPYING";
/// The states of a package.
pub const STATES: &[&str] = &[
    AWAITING_UPLOAD,
    PROCESSING_UPLOAD,
    READY,
    FAILED,
    COPYING,
    "EXPIRED",
];

/// What a package that is being processed can become.
pub const PROCESSED_STATES: &[&str] = &[READY, FAILED];

/// The packages.
#[derive(Debug)]
pub struct Package;

/// One package, as stored. [`content`](Self::content) returns the columns that belong to its type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PackageRecord<'r> {
    /// The id of the row.
    pub id: i64,
    /// The guid.
    pub guid: &'r str,
    /// The id of the app.
    pub app_id: i64,
    /// The guid of the app, which never changes. A foreign key holds it true.
    pub app_guid: &'r str,
    /// The id of the app's space. It follows the app when the app moves.
    pub space_id: i64,
    /// One of [`TYPES`].
    pub r#type: &'r str,
    /// One of [`STATES`].
    pub state: &'r str,
    /// Why the package failed.
    pub error: Option<&'r str>,
    /// Bits: the SHA-1 of the uploaded file, in lower-case hex.
    pub sha1: Option<&'r str>,
    /// Bits: the SHA-256 of the uploaded file, in lower-case hex.
    pub sha256: Option<&'r str>,
    /// Docker: the reference of the image.
    pub image: Option<&'r str>,
    /// Docker: whether the image is to be copied to the foundation's registry.
    pub store_image: Option<bool>,
    /// Docker: the user at the registry.
    pub docker_user: Option<&'r str>,
    /// Docker: the password at the registry.
    pub docker_password: Option<DockerPassword<'r>>,
    /// Docker: the user's email address.
    pub docker_email: Option<&'r str>,
    /// Docker: the login server of the registry.
    pub docker_login_server: Option<&'r str>,
    /// A JSON object of text.
    pub labels: &'r str,
    /// A JSON object of text.
    pub annotations: &'r str,
    /// Seconds since 1970, UTC.
    pub created_at: i64,
    /// Seconds since 1970, UTC. `None` if the package was never changed.
    pub updated_at: Option<i64>,
    /// Bits: the id of the stored file, in `blobs`. `None` if no file is stored. The blob is deleted with the last package
    /// that refers to it, by a trigger.
    pub blob_id: Option<i64>,
}

impl<'r> Record<'r> for PackageRecord<'r> {
    #[inline]
    fn visit_columns<V: ColumnVisitor<'r>>(&mut self, visitor: &mut V) -> Result<(), V::Error> {
        visitor.id(&mut self.id)?;
        visitor.guid("guid", &mut self.guid)?;
        visitor.column("app_id", &mut self.app_id)?;
        visitor.limited("app_guid", Valid::Guid, &mut self.app_guid)?;
        visitor.column("space_id", &mut self.space_id)?;
        visitor.limited("type", Valid::OneOf(TYPES), &mut self.r#type)?;
        visitor.limited("state", Valid::OneOf(STATES), &mut self.state)?;
        visitor.column("error", &mut self.error)?;
        visitor.limited("sha1", Valid::Hex(40), &mut self.sha1)?;
        visitor.limited("sha256", Valid::Hex(64), &mut self.sha256)?;
        visitor.column("image", &mut self.image)?;
        visitor.column("store_image", &mut self.store_image)?;
        visitor.column("docker_user", &mut self.docker_user)?;
        visitor.column("docker_password", &mut self.docker_password)?;
        visitor.column("docker_email", &mut self.docker_email)?;
        visitor.column("docker_login_server", &mut self.docker_login_server)?;
        visitor.limited("labels", Valid::Labels, &mut self.labels)?;
        visitor.limited("annotations", Valid::Annotations, &mut self.annotations)?;
        visitor.limited("created_at", Valid::Time, &mut self.created_at)?;
        visitor.limited("updated_at", Valid::Time, &mut self.updated_at)?;
        visitor.column("blob_id", &mut self.blob_id)
    }

    fn labels(&self) -> Option<&'r str> {
        Some(self.labels)
    }

    #[inline]
    fn fault(&self) -> Option<&'static str> {
        let has_checksum = self.sha1.is_some() || self.sha256.is_some();
        let has_docker_column = self.image.is_some()
            || self.store_image.is_some()
            || self.docker_user.is_some()
            || self.docker_password.is_some()
            || self.docker_email.is_some()
            || self.docker_login_server.is_some();
        if self.r#type != DOCKER {
            has_docker_column.then_some("of the type `bits` with values of a docker package")
        } else if has_checksum {
            Some("of the type `docker` with a checksum")
        } else if self.image.is_none() || self.store_image.is_none() {
            Some("of the type `docker` without `image` or `store_image`")
        } else {
            None
        }
    }
}

impl<'r> PackageRecord<'r> {
    /// Returns the columns that belong to the type of the package.
    #[inline]
    pub fn content(&self) -> Content<'r> {
        if self.r#type == DOCKER {
            Content::Docker {
                // A docker package without an image or a flag is not read.
                image: self.image.unwrap_or_default(),
                store_image: self.store_image.unwrap_or_default(),
                credentials: DockerCredentials {
                    user: self.docker_user,
                    has_password: self.docker_password.is_some(),
                    email: self.docker_email,
                    login_server: self.docker_login_server,
                },
            }
        } else {
            Content::Bits {
                sha1: self.sha1,
                sha256: self.sha256,
            }
        }
    }
}

/// What a package consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content<'r> {
    /// Files that were or will be uploaded.
    Bits {
        /// The SHA-1 of the uploaded file, in lower-case hex.
        sha1: Option<&'r str>,
        /// The SHA-256 of the uploaded file, in lower-case hex.
        sha256: Option<&'r str>,
    },
    /// An image in a registry.
    Docker {
        /// The reference of the image.
        image: &'r str,
        /// Whether the image is to be copied to the foundation's registry. Only `2015` shows it.
        store_image: bool,
        /// The credentials for the registry. Each of them may be missing.
        credentials: DockerCredentials<'r>,
    },
}

/// The credentials for a docker registry, without the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DockerCredentials<'r> {
    /// The user at the registry.
    pub user: Option<&'r str>,
    /// Whether a password is stored.
    pub has_password: bool,
    /// The user's email address. Only `2015` shows it.
    pub email: Option<&'r str>,
    /// The login server of the registry. Only `2015` shows it.
    pub login_server: Option<&'r str>,
}

/// The password at a docker registry. Its `Debug` output is `***`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct DockerPassword<'r>(&'r str);

impl<'r> DockerPassword<'r> {
    /// Wraps a password.
    pub fn new(password: &'r str) -> Self {
        Self(password)
    }

    /// Returns the password as plain text.
    pub fn reveal(self) -> &'r str {
        self.0
    }
}

impl fmt::Debug for DockerPassword<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<'r> ColumnValue<'r> for Option<DockerPassword<'r>> {
    #[inline]
    fn read(row: &Row<'r>, position: usize) -> Result<Self, StoreError> {
        Ok(row.optional_text(position)?.map(DockerPassword))
    }

    fn value(self) -> BorrowedValue<'r> {
        self.map(DockerPassword::reveal).value()
    }
}

impl Table for Package {
    type Record<'r> = PackageRecord<'r>;

    const TABLE: &'static str = "packages";
    const LABELS: Option<LabelIndex> = Some(LabelIndex {
        table: "package_labels",
        owner: "package_id",
    });
    const JOINS: &'static [Join] = &[];

    fn statements() -> &'static Statements {
        static STATEMENTS: LazyLock<Statements> = LazyLock::new(Statements::of::<Package>);
        &STATEMENTS
    }
}

impl Resource for Package {
    const FILTERS: &'static [Filter] = &[
        selective("guids", "r.guid", By::Value),
        filter("states", "r.state", By::Value),
        filter("types", "r.type", By::Value),
        APP_GUIDS,
        SPACE_GUIDS,
        ORGANIZATION_GUIDS,
    ];
    const SORT_COLUMNS: &'static [SortColumn] = &[
        order("created_at", "r.created_at"),
        order("updated_at", "coalesce(r.updated_at, r.created_at)"),
    ];
    const SCOPE: Scope = Scope::Spaces("r.space_id");
    const TRACKED: bool = true;
    const NOT_FOUND: &'static str = "Package not found";

    fn parent(_: &PackageRecord<'_>) -> Parent {
        Parent::None
    }
}
