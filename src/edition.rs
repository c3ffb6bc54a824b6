//! What one edition of the API says: each its requests, its documents, its errors. An edition is a folder.
//!
//! `Edition` is matched in this file alone: a request is parsed, a document and an error are presented, and who reads
//! what by which scope or role.

pub mod current;
pub mod of_2015;

mod json;
mod ruby;

use std::fmt;

use crate::caller::AccessRules;
use crate::error::ApiError;
use crate::listing::SuspendedOrganizations;
use crate::listing::request::{Include, ListRequest};
use crate::records::{App, Organization, Package, PackageRecord, Resource, Space, Table};
use crate::store::StoreError;

/// The edition of the API that a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Edition {
    /// The API document of 2015, to the letter.
    #[value(name = "2015")]
    Of2015,
    /// What Cloud Controllers answer today.
    Current,
}

/// A resource that an edition presents.
///
/// `2015` presents packages only; its presenter is called directly.
pub trait Presented: Resource + Sized {
    /// How the current edition presents it.
    const CURRENT: current::Presentation<Self>;
}

impl Presented for App {
    const CURRENT: current::Presentation<Self> = current::present::app::PRESENTATION;
}

impl Presented for Organization {
    const CURRENT: current::Presentation<Self> = current::present::organization::PRESENTATION;
}

impl Presented for Package {
    const CURRENT: current::Presentation<Self> = current::present::package::PRESENTATION;
}

impl Presented for Space {
    const CURRENT: current::Presentation<Self> = current::present::space::PRESENTATION;
}

/// Takes the records of a page one after the other.
pub type Each<'a, R> = dyn FnMut(<R as Table>::Record<'_>) -> Result<(), StoreError> + 'a;

/// A request for a list of packages.
#[derive(Clone, Debug)]
pub struct PackageListRequest {
    /// The list. If it is the list of one app, its path and conditions name the app.
    pub list: ListRequest,
    /// The guid of the app, if it is the list of one app. A caller who may not see the app gets 404 `App not found`.
    pub app: Option<String>,
}

/// A request for one resource by its guid.
#[derive(Clone, Debug)]
pub struct SingleRequest {
    include: Result<Include, ApiError>,
}

impl SingleRequest {
    /// Returns a request whose `include` is right, or is refused once the resource is known to exist.
    pub(crate) fn new(include: Result<Include, ApiError>) -> Self {
        Self { include }
    }

    /// Returns the parents to show beside the resource. Call it once the resource is known to exist.
    ///
    /// # Errors
    ///
    /// Fails if the parameter `include` is wrong and the edition reports that last.
    pub fn include(&self) -> Result<Include, ApiError> {
        self.include.clone()
    }
}

impl Default for SingleRequest {
    fn default() -> Self {
        Self::new(Ok(Include::default()))
    }
}

/// The scheme and host that absolute hrefs begin with, without a slash at the end: `http://127.0.0.1:8080`.
/// Empty where hrefs are relative.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BaseUrl(pub String);

impl BaseUrl {
    /// Returns the text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the URL of `path`, which begins with a slash.
    pub(crate) fn join(&self, path: &str) -> String {
        format!("{self}{path}")
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Edition {
    /// Whether organizations, spaces, apps and the root documents are served beside packages.
    pub fn serves_foundation(self) -> bool {
        match self {
            Self::Of2015 => false,
            Self::Current => true,
        }
    }

    /// Parses the query of `GET /v3/packages`, or of `GET /v3/apps/:guid/packages` where `app` is that guid.
    ///
    /// # Errors
    ///
    /// Fails with the refusal of this edition if a parameter is wrong.
    pub fn parse_package_list(
        self,
        app: Option<&str>,
        query: &str,
    ) -> Result<PackageListRequest, ApiError> {
        match self {
            Self::Of2015 => of_2015::request::packages(app, query),
            Self::Current => match app {
                None => current::request::packages(query),
                Some(app) => current::request::app_packages(app, query),
            },
        }
    }

    /// Parses the query of a list other than packages.
    ///
    /// # Errors
    ///
    /// Fails with the refusal of this edition if a parameter is wrong, or if the edition has no such list.
    pub fn parse_list<R: Presented>(self, query: &str) -> Result<ListRequest, ApiError> {
        match self {
            Self::Of2015 => Err(ApiError::UnknownRequest),
            Self::Current => {
                current::request::list::<R>(R::CURRENT.parameters, R::CURRENT.path, query)
            }
        }
    }

    /// Parses the query of `GET` by guid of a resource other than packages.
    ///
    /// # Errors
    ///
    /// Fails with the refusal of this edition if a parameter is wrong, or if the edition has no such resource.
    pub fn parse_single<R: Presented>(self, query: &str) -> Result<SingleRequest, ApiError> {
        match self {
            Self::Of2015 => Err(ApiError::UnknownRequest),
            Self::Current => {
                current::request::single(R::CURRENT.single_query, R::CURRENT.parameters, query)
            }
        }
    }

    /// Returns the document of one page of packages. `rows` passes the page's records in their order.
    ///
    /// # Errors
    ///
    /// Fails if `rows` fails.
    pub fn package_list(
        self,
        base_url: &BaseUrl,
        request: &ListRequest,
        total: u64,
        rows: impl FnOnce(&mut Each<'_, Package>) -> Result<(), StoreError>,
    ) -> Result<Vec<u8>, StoreError> {
        match self {
            Self::Of2015 => of_2015::present::package::packages(request, total, rows),
            Self::Current => current::list::<Package>(base_url, request, total, rows),
        }
    }

    /// Returns the document of one package.
    pub fn package(self, base_url: &BaseUrl, record: &PackageRecord<'_>) -> Vec<u8> {
        match self {
            Self::Of2015 => of_2015::present::package::package(record),
            Self::Current => {
                let mut out = Vec::with_capacity(1024);
                (Package::CURRENT.write)(record, base_url, &mut out);
                out
            }
        }
    }

    /// Returns the document of one page of a list other than packages. `rows` passes the page's records in their order.
    ///
    /// # Errors
    ///
    /// Fails if `rows` fails.
    pub fn list<R: Presented>(
        self,
        base_url: &BaseUrl,
        request: &ListRequest,
        total: u64,
        rows: impl FnOnce(&mut Each<'_, R>) -> Result<(), StoreError>,
    ) -> Result<Vec<u8>, StoreError> {
        current::list::<R>(base_url, request, total, rows)
    }

    /// Appends the document of one record of a resource other than packages.
    pub fn single<R: Presented>(
        self,
        base_url: &BaseUrl,
        record: &R::Record<'_>,
        out: &mut Vec<u8>,
    ) {
        (R::CURRENT.write)(record, base_url, out);
    }

    /// Appends the documents of records as an array.
    ///
    /// # Errors
    ///
    /// Fails if `rows` fails.
    pub fn array<R: Presented>(
        self,
        base_url: &BaseUrl,
        rows: impl FnOnce(&mut Each<'_, R>) -> Result<(), StoreError>,
        out: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        current::array::<R>(out, base_url, rows)
    }

    /// Inserts `included`, names and arrays in the order in which they are shown, at the end of a document.
    pub fn insert_included(self, document: &mut Vec<u8>, included: &[(&str, Vec<u8>)]) {
        current::include(document, included);
    }

    /// Returns the document of `GET /`.
    pub fn root(self, base_url: &BaseUrl) -> Vec<u8> {
        current::root(base_url)
    }

    /// Returns the document of `GET /v3`.
    pub fn v3(self, base_url: &BaseUrl) -> Vec<u8> {
        current::v3(base_url)
    }

    /// Returns the document of `GET /v3/info`.
    pub fn info(self, base_url: &BaseUrl) -> Vec<u8> {
        current::info(base_url)
    }

    /// Returns the document of an error.
    pub fn error(self, error: &ApiError) -> Vec<u8> {
        match self {
            Self::Of2015 => of_2015::error(error),
            Self::Current => current::error(error),
        }
    }

    /// Whether hrefs name the host that the client asked.
    pub fn has_absolute_hrefs(self) -> bool {
        match self {
            Self::Of2015 => false,
            Self::Current => true,
        }
    }

    /// Returns the OpenAPI document of what is served.
    pub fn openapi(self) -> &'static [u8] {
        match self {
            Self::Of2015 => include_bytes!("edition/of_2015/openapi.json"),
            Self::Current => include_bytes!("edition/current/openapi.json"),
        }
    }

    /// Whether an app or a package of a suspended organization is found by its guid. Lists show it in each edition.
    pub fn suspended_organizations(self) -> SuspendedOrganizations {
        match self {
            Self::Of2015 => SuspendedOrganizations::Hidden,
            Self::Current => SuspendedOrganizations::Shown,
        }
    }

    /// Returns the scopes and roles that read and write.
    pub fn access_rules(self) -> &'static AccessRules {
        match self {
            Self::Of2015 => &of_2015::RULES,
            Self::Current => &current::RULES,
        }
    }
}
